/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The one clock by which divvy acts: CLOCK_MONOTONIC in nanoseconds. It stands still while the host is suspended.
 */

#include "nsec.h"

#include <stdint.h>

uint64_t clock_now_ns(void);
/* The time of day, for people and their logs: CLOCK_REALTIME, which jumps when it is set. */
uint64_t clock_realtime_ns(void);
/* CPU time that the calling thread has used, nanoseconds. */
uint64_t clock_thread_cpu_ns(void);
