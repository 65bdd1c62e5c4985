/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Step 4 of apply.h: the classifier's places at the vNICs. */

#include "dataplane.h"
#include "diff.h"
#include "kernel/net/rtnl.h"
#include "plan/host.h"

/* A vNIC that could not be attached to. */
struct missed {
	uint32_t key;                /* of the vNIC and direction (kernel/bpf/abi.h); must stay first (base/byifindex.h) */
	struct rtnl_failure failure; /* its error is -ENODEV where the vNIC vanished */
};

/* Zeroed: none. */
struct missed_list {
	struct missed *list; /* sorted by key; owned */
	size_t n;
};

void missed_free(struct missed_list *m);

/*
 * Attach and detach, in one batch. The vNICs that could not be attached to are added to *missed. 0, or negative errno; errtext is filled where there is more to say than the
 * errno. After 0 p->have has want's vNICs without the missed ones.
 */
int vnics_apply(struct dataplane *p, const struct host *h, const struct tree *want, const struct diff *d,
		struct missed_list *missed, char *errtext, size_t size);
