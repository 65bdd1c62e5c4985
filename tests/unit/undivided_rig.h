/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A vNIC whose readings are written by hand, for the tests of datapath/undivided. */
#include "datapath/undivided.h"

#include "base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
/* cmocka.h needs those above. */
#include <cmocka.h>

#define FRAME 1000U
#define BARE (FRAME - 14)

/* A vNIC and the kernel's counters; its packets are FRAME bytes long. */
struct rig {
	struct undivided u;
	struct undivided_vnic *v;
	struct undivided_reading now;
	uint64_t ns;
};

static inline void rig_open(struct rig *r, enum undivided_at at)
{
	const struct undivided_id id = { .key = 7, .at = at };

	*r = (struct rig){ .ns = NSEC_PER_SEC };
	assert_int_equal(undivided_follow(&r->u, &id, 1), 0);
	r->v = undivided_of(&r->u, 7);
	assert_non_null(r->v);
}

static inline void rig_close(struct rig *r)
{
	undivided_free(&r->u);
}

/* The VM sends; of its packets some are dropped at ingress, and some are kept there, or before that. */
static inline void send(struct rig *r, uint64_t n, uint64_t dropped, uint64_t kept, uint64_t kept_before)
{
	uint64_t counted = n - dropped - kept - kept_before;

	r->now.packets += n;
	r->now.bytes += n * FRAME;
	r->now.drops += dropped;
	r->now.reached += (n - kept_before) * BARE;
	r->now.counted.skbs += counted;
	r->now.counted.packets += counted;
	r->now.counted.skb_bytes += counted * FRAME;
	r->now.counted.bytes += counted * FRAME;
}

/* As datapath/lookout.c: what happens between the readings of one look is left out. */
static inline enum undivided_change look(struct rig *r)
{
	enum undivided_change change = UNDIVIDED_SAME;

	r->ns += undivided_period(&r->u);
	if (undivided_moved(r->v, r->now.packets))
		change = undivided_look(r->v, &r->now, r->ns);
	else
		undivided_rest(r->v);
	if (r->v->wants_start)
		undivided_start(r->v, &r->now, r->ns);
	undivided_over(&r->u);
	return change;
}

/*
 * Looks until the vNIC is called undivided; nanoseconds from the first packet on; 0: ten seconds do not
 * do.
 */
static inline uint64_t time_until_said(struct rig *r, uint64_t per_second, unsigned int dropped, unsigned int kept,
				unsigned int before)
{
	uint64_t start = r->ns, sent = 0;

	while (r->ns - start < 10 * NSEC_PER_SEC) {
		uint64_t due = (r->ns - start + undivided_period(&r->u)) * per_second / NSEC_PER_SEC;
		uint64_t n = due - sent;

		send(r, n, n * dropped / 100, n * kept / 100, n * before / 100);
		sent = due;
		if (look(r) == UNDIVIDED_BEGAN)
			return r->ns - start;
	}
	return 0;
}

static inline void known(struct rig *r) /* a VM that is quiet, and was seen before */
{
	look(r);
	look(r);
	assert_false(r->v->watched);
	assert_int_equal(undivided_period(&r->u), UNDIVIDED_PERIOD_NS);
}

/* At egress: the classifier has counted so many packets, and the vNIC sent so many, all of FRAME bytes. */
static inline void passes(struct rig *r, uint64_t counted, uint64_t sent)
{
	r->now.counted.skbs += counted;
	r->now.counted.skb_bytes += counted * FRAME;
	r->now.counted.bytes += counted * FRAME;
	r->now.packets += sent;
	r->now.bytes += sent * FRAME;
}
