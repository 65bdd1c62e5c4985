/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What each device demands now, by what was read of its class: which devices are backlogged, at what rates the others
 * send, and what all are entitled to then. The Theory of Operation is in demand.c. Time is an argument.
 */

#include "model.h"

/* Looks that count for whether packets wait. */
#define DEMAND_LOOKS 3
/* A rate is measured over this time at least, and over less than twice as much where looks come as often. */
#define DEMAND_WINDOW_NS (100 * NSEC_PER_MSEC)

/* One device. Zeroed: it was never looked at, and is idle. */
struct demand {
	uint64_t bytes, at_ns;  /* sent, at the latest look; CLOCK_MONOTONIC; 0: there was none */
	struct {
		uint64_t bytes, at_ns;
	} start[2];             /* of windows: the one in use, and the next */
	struct rate sent;       /* over the window */
	struct rate mean;       /* of sent, over some windows */
	struct rate steady;     /* what it demands while it is not backlogged */
	uint8_t waited;         /* bit 0: packets waited at the latest look, bit 1: at the one before, ... */
	uint8_t looks;          /* since it woke up, at most DEMAND_LOOKS */
	/* The caller's to fill: */
	struct rate guaranteed; /* the rate of its class */
	struct rate limit;      /* by the specification, those of its networks included */
	uint32_t packet;        /* the largest packet seen from it, bytes; 0: none was seen */
	/* By the latest demand_entitle(): */
	bool backlogged;
	struct rate entitled;
	struct rate part;       /* at most what it would be entitled to if its own demand were unlimited */
};

/* It was idle, and sends again: what it did before says nothing. */
void demand_wake(struct demand *d, uint64_t now_ns);

/*
 * Its class was read. bytes: sent since the class was made; waits: packets wait in it. capacity: the uplink's. Looks
 * come in the order of time. True: demand_entitle() may come to another result now.
 */
bool demand_look(struct demand *d, uint64_t bytes, bool waits, struct rate capacity, uint64_t now_ns);

/* It has sent nothing in the window, nothing waits, and its window is a whole one. */
bool demand_is_idle(const struct demand *d);

/*
 * Say of each device under an uplink whether it is backlogged, and what it is entitled to. first .. end - 1: the nodes
 * from the uplink's on; all arrays have as many elements, the first is node first's. d[]: fields of nodes that are no
 * devices are ignored. entitled[]: as for entitle(). O(n log n), a few times.
 * 0; -ENOMEM: nothing has changed.
 */
int demand_entitle(const struct model *m, size_t first, size_t end, struct demand *d, struct rate *entitled);
