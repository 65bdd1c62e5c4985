/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The host's end of guest/agent.c's protocol. Used by vm.c; others use vm.h. */

#include "vm.h"

struct agent;

/* Take over the socket (emptied on success) and serve it in loop.h. 0 or negative errno. */
int agent_open(struct agent **ret, int *fd);
struct agent *agent_close(struct agent *a); /* frees its commands too; NULL is fine */

/* When the guest reported, CLOCK_MONOTONIC; 0: not yet, or a is NULL. */
uint64_t agent_ready_ns(const struct agent *a);

struct agent *vm_agent(struct vm *vm); /* borrowed */
