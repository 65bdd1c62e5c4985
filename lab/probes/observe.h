/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Read the counters that a phase is judged by, from the kernel, not from divvy. */

#include "lab/net/topo.h"
#include "lab/vm/vm.h"

/* Cumulative counters at one moment. */
struct observation {
	uint64_t at_ns;
	uint64_t cpu_ns[TOPO_VMS_MAX];     /* of the VMM and its helpers */
	uint64_t tap_bytes[TOPO_VMS_MAX];  /* the guest handed to the host */
	uint64_t taken_bytes[TOPO_VMS_MAX]; /* the guest took from the host, behind all that divides */
	uint64_t tap_drops[TOPO_VMS_MAX];  /* the tap refused on the way in */
	uint64_t unread_drops[TOPO_VMS_MAX]; /* the tap dropped because the guest read too little */
	uint64_t qdisc_drops;              /* packets, all queues of the host namespace */
	uint64_t wire_drops;               /* packets, the wire's own queue */
	uint64_t busy_ns;                  /* of all processors of the host, whoever used them */
	uint64_t daemon_ns;                /* CPU time of divvyd and its helpers, 0: none runs */
};

/* One moment. vm may hold NULL for a VM that is not there. 0 or negative errno with a text. */
int observe(const struct topo *t, struct vm *const *vm, size_t n, struct observation *out, struct errtext *e);
/* What the devices of VMs counted, and nothing else, for frequent looks. As observe(). */
int observe_devices(const struct topo *t, size_t n, struct observation *out, struct errtext *e);
/* The send buffer of each VM's tap, bytes; 0: not limited or unknown. */
void observe_sndbuf(const struct topo *t, struct vm *const *vm, size_t n, int *bytes);
