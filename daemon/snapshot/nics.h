/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What there is to tell of each vNIC of the devices. */

#include "daemon/state/daemon.h"
#include "datapath/lookout.h"

enum snapshot_backpressure {
	SNAPSHOT_ON,
	SNAPSHOT_OFF,         /* the specification says so */
	SNAPSHOT_UNAVAILABLE, /* why says why */
};

/* Bound, but packets of one direction do not come to divvy. */
struct snapshot_undivided {
	bool is;                   /* else all is zero */
	bool known;                /* to be so now, and not only when packets came the latest time */
	uint32_t kept_permille;    /* of its packets or bytes, whichever is more */
	uint64_t since_ns;         /* when that was first seen */
	char by[OTHERS_TEXT_SIZE]; /* what comes first; "": not known */
	char text[LOOKOUT_TEXT_SIZE];
	const char *hint;          /* "": none */
};

/* One of a device's vNICs. */
struct snapshot_nic {
	const struct binding *binding;   /* borrowed of the running plan */
	unsigned int hooks;              /* enum hook_kind: where its packets enter divvy; 0: nowhere */
	struct divvy_counters offered[N_DIRECTIONS]; /* what came to divvy, of what the VM sends, and of what comes for it */
	uint64_t offered_ns[N_DIRECTIONS];           /* when that was read; 0: it was not */
	enum snapshot_backpressure backpressure;
	int sndbuf;                      /* in force, bytes of truesize; 0: none */
	char why[REASON_TEXT_SIZE];      /* why it waits, or is not held back */
	size_t first_other, n_others;    /* in snapshot_nics.lines */
	size_t first_passed, n_passed;   /* likewise: filters that divided packets do not meet */
	struct snapshot_undivided undivided;
};

struct snapshot_nics {
	struct snapshot_nic *list; /* in the order of the model's devices; owned */
	size_t n;
	char (*lines)[OTHERS_TEXT_SIZE]; /* "qdisc fq", "tcx program allow", "filter bpf pref 10"; owned */
	size_t n_lines;
};

/* The classifier's key (kernel/bpf/abi.h) of a vNIC that is divided in that direction; 0: it is not. */
uint32_t snapshot_nic_key(const struct snapshot_nic *nic, enum direction direction);

/* An empty list with room for all vNICs of the running plan. 0 or -ENOMEM. */
int snapshot_nics_init(struct snapshot_nics *s, const struct daemon *d);
void snapshot_nics_free(struct snapshot_nics *s);
/* Append all vNICs of a device of the running plan, at least one. 0 or -ENOMEM. */
int snapshot_nics_add(struct snapshot_nics *s, struct daemon *d, uint32_t node);
/* Whether the packets of a vNIC come to divvy. hook: where the specification wants divvy's filter. */
void snapshot_undivided(const struct daemon *d, uint32_t ifindex, enum direction direction, enum hook_place hook,
			struct snapshot_undivided *out);
/* Read what came to divvy of every bound vNIC in the list, in one batch. 0; -ENOMEM. What cannot be read stays 0. */
int snapshot_nics_read(struct snapshot_nics *s, const struct daemon *d);
