/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Which bound vNICs are not divided in truth, in either direction: their packets do not come to the classifier,
 * because what others put before it keeps them. Pure bookkeeping over readings; datapath/lookout.h reads.
 *
 * Theory of Operation
 *
 * A vNIC's own counters are compared with the classifier's, in two steps.
 *
 * Roughly, at every look and for every vNIC that counted anything since the look before: if the classifier
 * counted less than 95 %, the vNIC is suspected. What earlier filters dropped is not known at this step.
 *
 * Exactly, for vNICs that are new or suspected: over a window of their own, with what was dropped at
 * ingress left out. The kernel's counters cannot be read at one moment. At the window's start the
 * classifier's and the drops are read before the vNIC's own, at its end behind them. So what is counted
 * and dropped is never told too low, however long a reading is held up, and a vNIC is not called undivided
 * by mistake.
 *
 * The two steps together take at most UNDIVIDED_WITHIN_NS from the first packet on, for a VM that sends at
 * least UNDIVIDED_PACKETS_MIN in a window. A VM that sends less takes nothing that is worth a word.
 *
 * At egress a packet is counted by the classifier first, waits, and is counted by the vNIC when it has left: a tap counts
 * what its VMM has read. So the vNIC may count more than the classifier in a window, by what waited at the window's
 * start at most (undivided_reading.waiting). What is missing beyond that was kept. As long as less is missing than may
 * have waited, and more than 5 %, nothing is known, and the window goes on, UNDIVIDED_OPEN_NS at most.
 */

#include "base/nsec.h"
#include "kernel/bpf/abi.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* From one look to the next: in general, and while a vNIC is suspected. */
#define UNDIVIDED_PERIOD_NS (1500 * NSEC_PER_MSEC)
#define UNDIVIDED_CONFIRM_NS (350 * NSEC_PER_MSEC)
/* While a vNIC is undivided and its VM not quiet. */
#define UNDIVIDED_AGAIN_NS (700 * NSEC_PER_MSEC)
#define UNDIVIDED_WITHIN_NS (2 * NSEC_PER_SEC)
/* With more vNICs the time from look to look grows with their number: divvyd's CPU at rest has a bound. */
#define UNDIVIDED_VNICS_AT_PERIOD 2000
#define UNDIVIDED_VNICS_AT_AGAIN 1000
#define UNDIVIDED_KEPT_PERMILLE 50 /* more than that is undivided: the classifier counts less than 95 % */
#define UNDIVIDED_PACKETS_MIN 20
#define UNDIVIDED_GOOD_LOOKS 2 /* in a row end it, with as many times UNDIVIDED_PACKETS_MIN */

#define UNDIVIDED_OPEN_NS (10 * NSEC_PER_SEC)

/* Where the classifier meets the packets. */
enum undivided_at {
	UNDIVIDED_INGRESS, /* as the vNIC counts them: a tap's, a macvtap's */
	UNDIVIDED_MERGED,  /* at ingress, where the kernel may merge some before: a veth's */
	UNDIVIDED_EGRESS,
};

/* All counters are cumulative. */
struct undivided_reading {
	uint64_t packets, bytes; /* the vNIC's own, of what it received from its VM; at egress: of what it sent */
	struct divvy_counters counted;
	uint64_t reached; /* bytes without link-layer headers that came to the qdisc at ingress; not at egress */
	uint64_t drops;   /* packets that were dropped there; not at egress */
	uint64_t waiting; /* at egress: packets that the classifier may have counted, and the vNIC not yet */
};

struct undivided_vnic {
	uint32_t key; /* the classifier's (kernel/bpf/abi.h); must stay first (base/byifindex.h) */
	enum undivided_at at;
	bool undivided;
	uint32_t kept_permille; /* of packets or bytes not dropped, whichever is more; if undivided */
	bool before_tc;        /* most of it did not even come to tc's filters; if undivided */
	uint64_t since_ns;     /* if undivided */
	bool told;             /* the caller's */
	uint64_t told_ns;      /* the caller's */
	/* Inside. */
	bool seen, watched, wants_start;
	bool quiet;                     /* at the latest look it had not moved */
	bool missing;                   /* if undivided: packets were, when it moved the latest time */
	unsigned int good;              /* if undivided: looks in a row at which none were */
	uint64_t good_packets;          /* in these */
	uint64_t missed_ns;             /* if undivided: when packets were missing the latest time */
	struct undivided_reading rough; /* at the latest look at which something moved; no drops */
	struct undivided_reading from;  /* watched: at the window's start */
	uint64_t from_ns;               /* watched: when it began */
};

/* From one look to the next (undivided_period()). */
enum undivided_pace {
	UNDIVIDED_IN_GENERAL,
	UNDIVIDED_AGAIN,   /* one is undivided */
	UNDIVIDED_CONFIRM, /* one is suspected, or undivided, and nothing is missing any more */
};

/* Zeroed: no vNIC. */
struct undivided {
	struct undivided_vnic *list; /* sorted by key; owned */
	size_t n;
	bool egress;          /* one of them at least is at egress */
	/* As of undivided_over(): one of them at least is new, suspected, or undivided and not quiet, and how soon to look again. */
	bool pending;
	enum undivided_pace pace;
	uint32_t received;    /* by the whole host, before the latest reading of the vNICs */
	unsigned int skipped; /* looks since then */
};

struct undivided_id {
	uint32_t key;
	enum undivided_at at;
};

void undivided_free(struct undivided *u);
/* Have these vNICs and no others, sorted by key; what is known of a vNIC stays. 0 or -ENOMEM. */
int undivided_follow(struct undivided *u, const struct undivided_id *ids, size_t n);
/* Borrowed; NULL: it is not known. O(log n). */
struct undivided_vnic *undivided_of(const struct undivided *u, uint32_t key);

/* Whether there is anything to learn from a reading of a vNIC whose own counter says this now. */
bool undivided_moved(const struct undivided_vnic *v, uint64_t packets);

enum undivided_change {
	UNDIVIDED_SAME,
	UNDIVIDED_BEGAN,
	UNDIVIDED_ENDED,
};

/*
 * A look. r: the vNIC's own read before all else. It has drops and reached if v->watched. Then, if v->wants_start,
 * undivided_start() is due.
 */
enum undivided_change undivided_look(struct undivided_vnic *v, const struct undivided_reading *r,
				     uint64_t now_ns);
/* A look at which the vNIC had not moved. */
void undivided_rest(struct undivided_vnic *v);
/* A window begins. r: the vNIC's own read behind all else; waiting behind what was counted. */
void undivided_start(struct undivided_vnic *v, const struct undivided_reading *r, uint64_t now_ns);

/* The vNICs were read, and each was looked at. */
void undivided_over(struct undivided *u);

/* The host's count leaves out some packets: so many looks in a row go by it. */
#define UNDIVIDED_SKIPS 3
/* Where the count leaves out none, and the host has received fewer packets than a single vNIC is judged by. */
#define UNDIVIDED_SKIPS_SILENT 39 /* a minute */
/* A reading of so many vNICs has to be worth another packet. */
#define UNDIVIDED_VNICS_A_PACKET 4
/*
 * Whether a look need not read the vNICs: since they were read the host as a whole has received fewer packets
 * than a vNIC must have to be judged. A host is never quite silent, and a reading costs 2 us a vNIC: with 80 vNICs and
 * more the bound is one packet for UNDIVIDED_VNICS_A_PACKET of them. A VM that is not divided and sends less than that
 * in a period is found within UNDIVIDED_SKIPS + 1 periods.
 *
 * received: packets, modulo 2^32; without what XDP in a driver takes, what a macvtap sends, and what this host itself sends
 * to a VM. xdp: an interface of this host has an XDP program. Notes the answer.
 */
bool undivided_skips(struct undivided *u, uint32_t received, bool xdp);

/*
 * Whether an undivided vNIC is known to be that now: false if the latest packets were divided and too few to end it, or none
 * have come for UNDIVIDED_WITHIN_NS. O(1).
 */
bool undivided_known(const struct undivided *u, const struct undivided_vnic *v, uint64_t now_ns);

/* Nanoseconds until the next look. */
uint64_t undivided_period(const struct undivided *u);
