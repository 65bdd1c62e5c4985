/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * A plant for tests of policies: virtual time, VMs that use what they get, and what holds after every slot.
 */

#include "core/slots/rounds.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define SLOT_NS (10 * NSEC_PER_MSEC)
#define N_MAX 10000U

static uint64_t seed = 1;

static inline uint64_t rnd(uint64_t below)
{
	uint64_t z = seed += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return (z ^ (z >> 31)) % below;
}

struct plant {
	const struct policy_ops *ops;
	struct rounds *r;
	struct slot_set set;
	uint64_t now;
	uint64_t slots; /* slot times that passed */
	uint32_t lanes;
	uint64_t run[N_MAX];
	uint64_t last[N_MAX]; /* slot time of its last slot */
	bool seen[N_MAX];
	bool idle[N_MAX]; /* as the plant knows */
	uint64_t early; /* slots in permille that VMs use; 1000: all */
};

static struct plant plant;

static inline struct rounds_config config(const struct policy_ops *ops, uint32_t slots, uint32_t lanes)
{
	return (struct rounds_config){ .policy = ops, .slot_ns = SLOT_NS, .slots = slots, .lanes = lanes };
}

static inline struct plant *plant_new(const struct rounds_config *c)
{
	struct plant *p = &plant;

	memset(p, 0, sizeof(*p));
	p->ops = c->policy;
	p->lanes = c->lanes;
	p->early = 1000;
	p->now = 1000 * NSEC_PER_SEC;
	assert_int_equal(rounds_new(&p->r, c, p->now), 0);
	return p;
}

static inline uint32_t plant_add(struct plant *p, uint32_t share)
{
	uint32_t id = UINT32_MAX;

	assert_int_equal(rounds_add(p->r, (struct part){ share }, p->now, &id), 0);
	return id;
}

/* One slot: invariants that hold always. */
static inline void plant_slot(struct plant *p)
{
	for (uint32_t i = 0; i < p->set.n; i++)
		rounds_report(p->r, p->set.vm[i], SLOT_NS * p->early / 1000,
			      !p->idle[p->set.vm[i]], p->now);
	rounds_next(p->r, p->now, &p->set);
	assert_in_range(p->set.n, 0, p->lanes);
	for (uint32_t i = 0; i < p->set.n; i++) {
		uint32_t id = p->set.vm[i];
		struct rounds_vm vm;

		assert_false(p->seen[id]);
		p->seen[id] = true;
		assert_int_equal(rounds_info(p->r, id, &vm), 0);
		assert_true(vm.running);
		p->run[id]++;
		p->last[id] = p->slots;
	}
	for (uint32_t i = 0; i < p->set.n; i++)
		p->seen[p->set.vm[i]] = false;
	p->slots++;
	p->now += SLOT_NS;
}

static inline void plant_run(struct plant *p, uint64_t slots)
{
	while (slots--)
		plant_slot(p);
}

static inline void plant_reset(struct plant *p)
{
	memset(p->run, 0, sizeof(p->run));
	p->slots = 0;
}

static inline void plant_block(struct plant *p, uint32_t id)
{
	if (!rounds_block(p->r, id, p->now))
		p->idle[id] = true;
}

static inline int plant_wake(struct plant *p, uint32_t id)
{
	p->idle[id] = false;
	return rounds_wake(p->r, id, p->now);
}

static inline void plant_free(struct plant *p)
{
	rounds_free(p->r);
}

/* NOLINTBEGIN(bugprone-macro-parentheses): a name that is declared takes none */
#define for_each_policy(ops)                                   \
	for (size_t ops##_i = 0; policies[ops##_i]; ops##_i++) \
		for (const struct policy_ops *ops = policies[ops##_i]; ops; ops = NULL)
/* NOLINTEND(bugprone-macro-parentheses) */

#define assert_points(p, id, percent, points)                                                            \
	do {                                                                                             \
		double _got = 100.0 * (double)(p)->run[id] / (double)((p)->slots * 1);                   \
		if (_got > (percent) + (points) || _got < (percent) - (points))                          \
			fail_msg("%s: VM %u runs %.2f %% of a lane, not %.2f", (p)->ops->name, id, _got, \
				 (double)(percent));                                                     \
	} while (0)
