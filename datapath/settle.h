/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * When divvy may attach to a vNIC: not while others set it up. Pure bookkeeping: the time is an argument.
 *
 * Theory of Operation
 *
 * When a VM starts, and whenever its rates change, its manager (libvirt, Proxmox, Open vSwitch) runs "tc
 * qdisc del dev TAP ingress" and then "tc qdisc add dev TAP ingress". The second command fails where divvy
 * has attached between the two, for a vNIC has one such qdisc. The first command says nothing to others
 * where there was no qdisc. So divvy waits for SETTLE_QUIET_NS without news of the vNIC: a tc event of
 * another program, or a link event. After the first command's event the second is due, and a busy host takes
 * a while to start it: until the qdisc is there again divvy waits for SETTLE_REMOVED_NS. News that never
 * ends for so long does not leave the vNIC undivided: after SETTLE_PATIENCE_NS divvy attaches all the same,
 * and then at most every SETTLE_AGAIN_NS.
 *
 * A vNIC that there was no news of is quiet: divvyd was listening.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SETTLE_QUIET_NS 300000000ULL
#define SETTLE_REMOVED_NS 700000000ULL
#define SETTLE_PATIENCE_NS 2000000000ULL
#define SETTLE_AGAIN_NS 1000000000ULL
/*
 * So long after the latest news it is worth looking whether the VMM's scripts still run: a host that starts
 * is slow.
 */
#define SETTLE_YOUNG_NS 30000000000ULL

struct settle_vnic {
	uint32_t ifindex;  /* must stay first (base/byifindex.h) */
	/* Times are of the caller's one clock, nanoseconds. */
	uint64_t first_ns; /* the first news of a row without a pause */
	uint64_t last_ns;  /* the latest news */
	uint64_t quiet_ns; /* the pause that has to follow */
	uint64_t early_ns; /* when divvy attached without a pause in this row; 0: it did not */
	bool told;         /* the operator knows of that */
};

/* Zeroed: all is quiet. */
struct settle {
	struct settle_vnic *list; /* sorted by ifindex; owned */
	size_t n;
};

void settle_free(struct settle *s);

enum settle_news {
	SETTLE_REMOVED, /* its ingress qdisc (ingress or clsact) is gone */
	SETTLE_MADE,    /* it has one */
	SETTLE_OTHER,
};
/* News of this vNIC, not caused by divvyd. 0 or -ENOMEM. */
int settle_note(struct settle *s, uint32_t ifindex, uint64_t now_ns, enum settle_news news);
/* The link is gone: a later one of this number is another. */
void settle_forget(struct settle *s, uint32_t ifindex);

/* From when on divvy may attach; 0, or a time that is not after now: it may now. O(log n). */
uint64_t settle_not_before(const struct settle *s, uint32_t ifindex, uint64_t now_ns);
/* Whether the latest news is not older than SETTLE_YOUNG_NS. */
bool settle_is_young(const struct settle *s, uint32_t ifindex, uint64_t now_ns);

/* divvy attached. */
void settle_attached(struct settle *s, uint32_t ifindex, uint64_t now_ns);
/* A vNIC that divvy attached to without a pause, once for each row of news; 0: none, or none any more. */
uint32_t settle_next_early(struct settle *s);
