/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Look into the scheduler's queues while a phase runs: was there always something of each VM to send? A VM
 * whose queue runs empty cannot have its share, whatever the scheduler does; a send buffer that is too small
 * has the same effect.
 */

#include "lab/net/topo.h"
#include "lab/schedulers/scheduler.h"

struct backlog;

struct backlog_count {
	uint64_t samples, empty;
};

/* 0 or negative errno. */
int backlog_open(const struct topo *t, size_t n_vms, struct backlog **ret);
struct backlog *backlog_close(struct backlog *b); /* NULL is fine; returns NULL */
/* Count from zero. */
void backlog_reset(struct backlog *b);
/* Find each VM's class, wherever it is by now. A VM without one is not counted. */
void backlog_find(struct backlog *b, enum scheduler_queues where);
/* Count once. */
void backlog_sample(struct backlog *b);
struct backlog_count backlog_get(const struct backlog *b, size_t vm);
