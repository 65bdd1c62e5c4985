/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The credit scheduler's functions, for boost: it is credit with another way to join. See policy_credit.c. */

#include "rounds_config.h"

struct rounds;

enum credit_priority {
	CREDIT_BOOST,
	CREDIT_UNDER,
	CREDIT_OVER,
	CREDIT_PRIORITIES,
};

/* As struct policy_ops (policy.h) says. */
int credit_init(const struct rounds_config *c, void **priv);
void credit_fini(void *priv);
int credit_reserve(void *priv, uint32_t n);
void credit_added(struct rounds *r, uint32_t id);
void credit_reweigh(struct rounds *r);
void credit_join(struct rounds *r, uint32_t id);
/* Join in BOOST instead of UNDER. True: it is in BOOST; false: it owes, and is in OVER. */
bool credit_join_boosted(struct rounds *r, uint32_t id);
void credit_leave(struct rounds *r, uint32_t id);
uint32_t credit_pick(struct rounds *r, uint64_t now_ns, uint32_t *run);
void credit_ran(struct rounds *r, uint32_t id, uint64_t used_ns, uint64_t elapsed_ns, bool ready);
void credit_owe(struct rounds *r, uint32_t id, uint64_t ns);
int64_t credit_credit(const struct rounds *r, uint32_t id);
