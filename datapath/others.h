/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What others have on the vNICs that divvy is on: it stays in force, and the operator should know of it.
 *
 * Filters: the kernel dumps them one device at a time. So they are kept here, and read when divvy attaches,
 * when a tc event names the vNIC, and when events were lost.
 * Programs before tc (XDP, tcx): the kernel tells them one device at a time, and has no event for tcx. They are
 * read with the filters, and in turn at each audit and each status.
 * Qdiscs: the kernel dumps those of all devices at once. The caller asks others_wants_qdiscs() whether a dump
 * is due, and hands it over.
 */

#include "kernel/bpf/early.h"
#include "kernel/net/qdisc.h"
#include "plan/host.h"
#include "plan/tree.h"

#define OTHERS_TEXT_SIZE 48

enum other_place {
	OTHER_BEFORE, /* at ingress, before divvy's filter: packets meet it first */
	OTHER_BEHIND, /* at ingress, behind divvy's filter: divided packets pass it by */
	OTHER_ELSEWHERE, /* at egress, or in a chain that is reached by a goto only */
};

struct others_vnic {
	uint32_t ifindex; /* must stay first (base/byifindex.h) */
	char (*text)[OTHERS_TEXT_SIZE]; /* "filter bpf pref 10", a line each; owned */
	enum other_place *place;        /* of each; owned */
	size_t n;
	enum hook_place hook;           /* where divvy's filter stood when that was read */
	unsigned int hooks;             /* enum hook_kind: what divvy had there then */
	uint32_t xdp;                   /* the XDP program's id when the programs were read; 0: none */
	char (*early)[EARLY_TEXT_SIZE]; /* "tcx program allow", in the order of packets; owned; NULL: none */
	size_t n_early;
	bool touched;                   /* a tc event has named it since that was read */
};

/* One that a program made, divvyd or another: not the default that the kernel gives each interface. */
struct others_qdisc {
	uint32_t ifindex; /* must stay first (base/byifindex.h) */
	uint32_t parent;
	char kind[16];
};

/* Zeroed: no vNIC. */
struct others {
	struct others_vnic *list; /* sorted by ifindex; owned */
	size_t n;
	struct others_qdisc *qdiscs; /* of those vNICs, divvy's own among them; sorted by ifindex; owned */
	size_t n_qdiscs;
	bool has_qdiscs; /* qdiscs is what the kernel has */
	size_t turn;     /* of others_read_turn_early() */
};

/* Where others are read from; borrowed. */
struct others_source {
	struct rtnl *rtnl;
	const struct host *host;
};

void others_free(struct others *o);
/* Read filters and programs of one vNIC again. 0, or negative errno: what was known stays. */
int others_read(struct others *o, const struct others_source *from, uint32_t ifindex);
/* A tc event of another program named the vNIC. True: it is one of these, and is to be read again. */
bool others_touched(struct others *o, uint32_t ifindex);
/* Read those again that events named. What fails stays as it was known, and named. */
void others_read_touched(struct others *o, const struct others_source *from);
/* Whether no filter of others is at the vNIC, as far as events tell. False: there are some, or it is not known. */
bool others_has_none(const struct others *o, uint32_t ifindex);
/*
 * Have an entry for each vNIC of the tree and no other. Those are read that are new, or that divvy's filter has
 * another place at; with all, those that are known, too. 0 or the first negative errno.
 */
int others_follow(struct others *o, const struct others_source *from, const struct tree *have, bool all);
/* Read the programs of one vNIC again. */
void others_read_early(struct others *o, const struct host *h, uint32_t ifindex);
/* The same for up to OTHERS_TURN_VNICS vNICs, at the next call for others: a look has a bounded cost. */
#define OTHERS_TURN_VNICS 128
void others_read_turn_early(struct others *o, const struct host *h);

/* Whether the qdiscs are not known: an event named one (others_qdiscs_changed()), or a vNIC is new. */
bool others_wants_qdiscs(const struct others *o);
void others_qdiscs_changed(struct others *o);
/* All qdiscs of the host. 0 or -ENOMEM: what was known stays. */
int others_take_qdiscs(struct others *o, const struct qdisc *q, size_t n);
/* Those of one vNIC, borrowed until the next change; *n of them. O(log n). */
const struct others_qdisc *others_qdiscs_of(const struct others *o, uint32_t ifindex, size_t *n);

/*
 * A line for each XDP and tcx program at a vNIC now, in the order in which packets meet them. Returns their
 * number.
 */
size_t others_early(const struct host *h, uint32_t ifindex, char text[EARLY_MAX][EARLY_TEXT_SIZE]);
/* The first tcx program at its egress now; "": there is none. */
void others_early_egress(uint32_t ifindex, char text[EARLY_TEXT_SIZE]);
/* Borrowed until the next change; NULL: nothing is known of that vNIC. O(log n). */
const struct others_vnic *others_of(const struct others *o, uint32_t ifindex);
/* The first one that packets meet before divvy's filter, borrowed; "": there is none. */
const char *others_before(const struct others_vnic *v);
