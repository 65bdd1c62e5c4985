/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Equation (1) in rounds: the ready VMs' credits become slots, and each slot has its price. */

struct rounds;
struct vm;

/* Begin a round: every ready VM gets slots, at least one. There is a ready VM; none is running. O(ready). */
void allot_round(struct rounds *r);
/* The VM becomes ready: it gets slots of the round under way, unless it had some in this round already. */
void allot_late(struct rounds *r, struct vm *v);
/* The VM has run a slot: take the price from its bucket. */
void allot_charge(const struct rounds *r, struct vm *v);
