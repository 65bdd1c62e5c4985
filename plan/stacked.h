/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Uplinks of one specification whose packets leave by the same port, such as a port and a VLAN on it. */

#include "plan.h"
#include "warning.h"

/*
 * Append a line for uplinks that have a port in common, and together a higher capacity than that carries. speed: what an
 * interface itself tells, bits per second; 0: it tells none. Where none tells it counts what the specification says of
 * the lower one; uplinks that stand beside each other on a port that tells nothing pass. 0 or -ENOMEM.
 */
int stacked_find(const struct plan *p, const struct host *h, uint64_t (*speed)(const struct link *l),
		 struct warning_list *out);
