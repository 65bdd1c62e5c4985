/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Which VMs are ready: what happens when a VM begins to want slots, or no longer wants them. */

#include <stdint.h>

struct rounds;

/* An away VM becomes ready: it gets slots of the round, and joins the policy. O(log n). */
void ready_enter(struct rounds *r, uint32_t id);
/* A ready VM goes away. The policy has let go of it already. O(log n). */
void ready_leave(struct rounds *r, uint32_t id);
/* The VMs that waited for weights_apply() become ready. O(n), and O(log n) for each of them. */
void ready_enter_pending(struct rounds *r);
