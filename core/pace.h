/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * How often devices that send are looked at, and how, so that no pattern of sending takes more than a small part of a
 * core. Pure: times and costs are arguments, all in nanoseconds.
 */

#include "base/nsec.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed: there was no look. */
struct pace {
	uint64_t looked_ns; /* when the latest look began, CLOCK_MONOTONIC */
	uint64_t cost_ns;   /* CPU time that a look takes: the latest, or what is left of a dearer one before */
};

/* A look has begun at begun_ns, and has taken cost_ns of CPU time. */
void pace_looked(struct pace *p, uint64_t begun_ns, uint64_t cost_ns);

/* From the beginning of a look to the next one's, active devices (at least 1); calm: none of them is backlogged. */
uint64_t pace_period_ns(const struct pace *p, size_t active, bool calm);

/* When to look for a device that has just woken up. As pace_period_ns(), but active may be 0: it is the first. */
uint64_t pace_wake_ns(const struct pace *p, size_t active, bool calm, uint64_t now_ns);

/* True: ask for each active device's class by itself; false: dump the classes of all leaves. */
bool pace_singly(size_t active, size_t leaves);
