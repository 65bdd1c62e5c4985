/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Which VMs are ready: what happens when a VM starts or ceases to want slots. All are O(log n) for each VM. */

#include <stdint.h>

struct rounds;

/* An away VM becomes ready: it gets slots of the round, and joins the policy. */
void ready_enter(struct rounds *r, uint32_t id);
/* A ready VM goes away. The policy has let go of it already. */
void ready_leave(struct rounds *r, uint32_t id);
/* VMs that were added, or that a new configuration has put aside, become ready, now that they have weights. O(n). */
void ready_enter_pending(struct rounds *r);
