/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What a guest is made of, and what the kinds of guests make of that alike. */

#include "image.h"

#include <net/if.h>

/* The table of guests: a kind, its name in a scenario, vm_ops_OBJECT (vm_impl.h), and what its device is (topo.h). */
#define VM_KIND_TABLE(X) \
	X(QEMU, "qemu", qemu, TOPO_TAP) /* QEMU, started by hand */ \
	X(CONTAINER, "container", container, TOPO_VETH) /* namespaces on the host's kernel, with its programs */ \
	X(LIBVIRT, "libvirt", libvirt, TOPO_FOREIGN) /* QEMU, started and stopped by a libvirtd */ \
	/* a new one goes above */

enum vm_kind {
#define VM_KIND(kind, name, object, port) VM_##kind,
	VM_KIND_TABLE(VM_KIND)
#undef VM_KIND
};

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
	const char *mac;           /* "52:54:.." */
	const char *address;       /* "10.0.1.1/16", NULL: none */
	const char *gateway;       /* NULL: none */
};

#define VM_KERNEL_LINE_SIZE 256
/* The guest kernel's command line, with the settings that guest/init reads. Returns line. */
const char *vm_kernel_line(const struct vm_config *c, char line[VM_KERNEL_LINE_SIZE]);
/* CPUs of a QEMU guest, and how many it has room for. */
unsigned vm_cpus(const struct vm_config *c);
unsigned vm_cpus_max(const struct vm_config *c);
/* QEMU's name of a NIC's model: "virtio-net-pci". */
const char *vm_nic_device(enum vm_nic nic);
