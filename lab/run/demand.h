/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the guests send when nothing holds them. */

#include "testbed.h"

/*
 * Let all VMs of the scenario send over a testbed whose wire has no limit, for some seconds, and say what
 * they delivered together, bytes a second. 0; -EINTR; -ENODATA or another negative errno with a text.
 */
int demand_measure(const struct testbed *t, const struct scenario *s, uint64_t *bytes_ps, struct errtext *e);
