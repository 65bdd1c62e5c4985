/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * A guest - a VM under an unmodified QEMU, or a container -, and the command line into it.
 *
 * The way in is a virtio-serial port (of a container: a descriptor) that ends in a socketpair held by the
 * lab, so commands, their output and their exit codes put no packet on the guest's network. Any number of
 * commands run at once. What they print arrives line by line and is stamped with the host's clock. All of it
 * is served by loop.h: nothing arrives unless the caller waits there.
 */

#include "agent.h"
#include "lab/net/topo.h"
#include "vm_config.h"

int vm_kind_from_name(const char *name, enum vm_kind *ret); /* "qemu", "container", "libvirt"; -EINVAL */
const char *vm_kind_name(enum vm_kind kind);
enum topo_port vm_port(enum vm_kind kind);

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

/* --- commands in the guest: what a command says is asked by agent.h --- */

/*
 * Start a shell command (sh -c) in the background. 0, -EPIPE if the guest is gone, -EMSGSIZE (over 2,000
 * bytes).
 */
int vm_exec(struct vm *vm, struct vm_cmd **ret, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/*
 * Run to the end. Output (if asked for): its lines joined, the caller's to free. 0, -EREMOTEIO on exit code
 * != 0.
 */
int vm_run(struct vm *vm, unsigned timeout_ms, char **output, struct errtext *e, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
