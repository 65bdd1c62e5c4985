/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * A guest - a VM under an unmodified QEMU, or a container -, and the command line into it.
 *
 * The way in is a virtio-serial port (of a container: a descriptor) that ends in a socketpair held by the
 * lab, so commands, their output and their exit codes put no packet on the guest's network. Any number of
 * commands run at once. What they print arrives line by line and is stamped with the host's clock. All of it
 * is served by loop.h: nothing arrives unless somebody waits there.
 */

#include "image.h"
#include "proc.h"
#include "topo.h"

#include <net/if.h>

enum vm_kind {
	VM_QEMU,      /* QEMU, started by hand */
	/* a process tree in namespaces of its own, on the host's kernel, with the host's programs */
	VM_CONTAINER,
	VM_LIBVIRT,   /* QEMU, started and stopped by a libvirtd */
};
int vm_kind_from_name(const char *name, enum vm_kind *ret); /* "qemu", "container", "libvirt"; -EINVAL */
const char *vm_kind_name(enum vm_kind kind);
enum topo_port vm_port(enum vm_kind kind);

enum vm_nic {
	VM_NIC_VIRTIO,
	VM_NIC_E1000, /* sends without regard to the tap's send buffer: backpressure does not hold it */
};
int vm_nic_from_name(const char *name, enum vm_nic *ret); /* "virtio", "e1000"; -EINVAL */
const char *vm_nic_name(enum vm_nic nic);
bool vm_nic_needs_generic(enum vm_nic nic); /* only image_ensure_generic() has a driver for it */

/* The queue of the guest's NIC, the guest's own. */
enum vm_qdisc {
	VM_QDISC_PFIFO_FAST, /* drops nothing while its senders wait for room in their sockets */
	/* of Debian's and most distributions' guests: drops by its own policy while packets wait in it */
	VM_QDISC_FQ_CODEL,
};
int vm_qdisc_from_name(const char *name, enum vm_qdisc *ret); /* "pfifo_fast", "fq_codel"; -EINVAL */
const char *vm_qdisc_name(enum vm_qdisc qdisc);

struct vm_config { /* borrowed for the call, with all it points to */
	enum vm_kind kind;
	const struct image *image; /* a container needs none: NULL */
	enum accel accel;
	const char *name;          /* qemu -name */
	/*
	 * Where QEMU runs: the lab's host namespace; NULL: the lab's own. The container's own, with its
	 * veth's end ready in it: nothing of what follows is used then.
	 */
	const char *netns;
	const char *tap;           /* existing tap there (libvirt: the one to be made); NULL: no NIC */
	/* libvirt: the tap's bridge; NULL: the tap gets the gateway's address, /24 */
	const char *bridge;
	enum vm_nic nic;
	enum vm_qdisc qdisc;
	unsigned queues;           /* virtio queue pairs; 0 or 1: one. The tap must be made for it. */
	unsigned cpus;             /* 0: 1 */
	unsigned memory_mb;        /* 0: 160 */
	bool pin;                  /* all of QEMU on one core: what libvirt's vcpupin and emulatorpin do */
	unsigned core;             /* pin: which, counted among those that the lab may use, round robin */
	bool pin_devices;          /* pin, QEMU: only its CPUs there; its other threads on device_core, as core */
	unsigned device_core;
	uint8_t mac[6];
	const char *address;       /* "10.0.1.1/16", NULL: none */
	const char *gateway;       /* NULL: none */
};

struct vm;

/* Start it; the guest boots in the background. 0 or negative errno with a text. */
int vm_start(struct vm **ret, const struct vm_config *c, struct errtext *e);
/*
 * Wait until all n agents answer and their networks are up, timeout_ms at most in all. -ETIMEDOUT, -EPIPE
 * if one ended (its last words as text), -EINTR.
 */
int vm_wait_ready(struct vm *const *vm, size_t n, unsigned timeout_ms, struct errtext *e);
/* Kill it and free. Its commands become invalid: free traffic on it before. Returns NULL; NULL is fine. */
struct vm *vm_stop(struct vm *vm);
void vm_stopp(struct vm **vm);

const char *vm_name(const struct vm *vm); /* borrowed */
pid_t vm_pid(const struct vm *vm);        /* QEMU's, the container's first, in the lab's pid namespace */
bool vm_alive(const struct vm *vm);
/* From vm_start() to the agent's first word, ns; 0 while booting. */
uint64_t vm_boot_ns(const struct vm *vm);
/* User + system time of QEMU and its helpers, of all in a container, ns. 0, -ESRCH. */
int vm_cpu_ns(const struct vm *vm, uint64_t *ns);
/* Resident memory of vm_pid(), bytes. */
int vm_rss(const struct vm *vm, uint64_t *bytes);

/* --- commands in the guest --- */
struct vm_line {
	uint64_t at_ns;   /* CLOCK_MONOTONIC of the host when it arrived */
	const char *text; /* without the newline; longer ones are cut at 1,000 bytes */
};

struct vm_cmd; /* belongs to its VM */

/*
 * Start a shell command (sh -c) in the background. 0, -EPIPE if the guest is gone, -EMSGSIZE (over 2,000
 * bytes).
 */
int vm_exec(struct vm *vm, struct vm_cmd **ret, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Send a signal to the command's process group. */
int vm_cmd_signal(struct vm_cmd *c, int sig);
/* Whether it has ended; *status is its exit code, or 128 + signal, or -1 if the VM went away under it. */
bool vm_cmd_done(const struct vm_cmd *c, int *status);
/* Wait for the end. 0, -ETIMEDOUT, -EINTR. */
int vm_cmd_wait(struct vm_cmd *c, unsigned timeout_ms, int *status);
/* Lines so far, standard output and error together; borrowed until the loop runs again. */
const struct vm_line *vm_cmd_lines(const struct vm_cmd *c, size_t *n);
/* Forget it (a running one goes on without being heard). Returns NULL. */
struct vm_cmd *vm_cmd_free(struct vm_cmd *c);

/*
 * Run to the end. Output (if asked for): its lines joined, the caller's to free. 0, -EREMOTEIO on exit code
 * != 0.
 */
int vm_run(struct vm *vm, unsigned timeout_ms, char **output, struct errtext *e, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
