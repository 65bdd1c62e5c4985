/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What a snapshot asks the kernel for, once for all devices: rates, entitlements by them, and drops. */

#include "daemon/state/daemon.h"

/* What the kernel was asked for once, for all devices. */
struct readings {
	struct qdisc *qdiscs; /* sorted by interface, then parent; NULL: they were not needed */
	size_t n_qdiscs;
	uint64_t qdiscs_ns; /* 0: not read */
	struct slots_vm_status *vms; /* the caller's to fill; owned */
	size_t n_vms;
	struct directed {
		bool *parts;              /* by node: it has a part in that direction (core/direction.h) */
		struct rate *promised;    /* by node: its reserve, or the sum of those in it */
		struct rate *entitled;    /* by node */
		struct sample_rate *sent; /* by node */
		bool *counted;            /* by node: the class's count of drops is its queue's */
	} in[N_DIRECTIONS];
};

void readings_free(struct readings *r);
/* All but vms. 0 or negative errno; *r is to be freed in both cases. */
int readings_take(struct daemon *d, struct readings *r);
/* Whether a vNIC of the device is divided in that direction. */
bool readings_is_divided(const struct daemon *d, uint32_t node, enum direction direction);
/* What the queue of the device's class dropped, and when that was read. Outputs are untouched where it was not. */
void readings_drops(const struct daemon *d, const struct readings *r, uint32_t node, enum direction direction,
		    uint64_t *packets, uint64_t *at_ns);
