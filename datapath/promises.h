/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Whether devices and networks get what they are promised (core/conform.h), from what the demand loop reads: no reading
 * is made for this. What is not kept is an event (base/event.h), and that all has settled after a change.
 */

#include "core/conform.h"
#include "plan/demands.h"

/* Of one device or network an event of each kind of violation comes once in this time, with how many there were. */
#define PROMISES_TELL_NS NSEC_PER_SEC
/* The log has so many of them in this time. */
#define PROMISES_LINES 10
#define PROMISES_LINES_NS (60 * NSEC_PER_SEC)

/* A device or network. */
struct promise {
	struct conform conform;
	uint64_t sent;       /* of a network: bytes, since it is looked at; of a device: at its latest reading */
	bool known;          /* there is one */
	uint64_t look;       /* the latest one in which it was read */
	bool backlogged;     /* in that look; these three: of a network */
	uint64_t at_ns;
	uint32_t packet;
	struct {
		uint64_t told_ns; /* the latest event, CLOCK_MONOTONIC; 0: there was none */
		uint32_t untold;  /* violations since then */
	} below, missed;     /* its entitlement, its reserve */
};

struct promise_uplink {
	char name[IFNAMSIZ];
	enum direction direction;
	size_t first, n;        /* as in struct demand_uplink */
	struct promise *list;   /* by node, counted from the uplink's; owned */
	uint64_t look;          /* their number */
	uint64_t apart_ns;      /* the latest one's, from the one before */
	uint32_t *active, *before; /* nodes that were read at the latest look, and at the one before it; owned */
	size_t n_active, n_before;
	uint64_t changed_ns;    /* the change that it has not settled after; 0: it has, or there was none */
};

/* Zeroed: of no plan. */
struct promises {
	struct promise_uplink *uplinks; /* in the order of the tree's; owned */
	size_t n;
	uint64_t lines_ns;  /* since when the lines of the log are counted, CLOCK_MONOTONIC */
	unsigned int lines;
};

void promises_free(struct promises *p);
/*
 * Another plan runs. What is known of a device or network of the same uplink and full name stays. was: without bindings:
 * nothing ran. 0; -ENOMEM: nothing is known of any.
 */
int promises_follow(struct promises *p, const struct plan *was, const struct plan *now);
/* The specification has changed: it is measured how long it takes until all get what they are entitled to. */
void promises_change(struct promises *p, uint64_t now_ns);
/*
 * Those of this uplink's leaves that are active were read, and what they are entitled to from now on is known. plan: the running
 * one. apart_ns: so long ago the look before was meant to be; 0: not known. O(active).
 */
void promises_look(struct promises *p, const struct plan *plan, const struct demand_uplink *of, uint64_t apart_ns);
/* Of a node of the running plan; NULL: it was never read. Borrowed until the next call. */
const struct conform *promises_of(const struct promises *p, uint32_t node, enum direction direction);
