/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The one clock: CLOCK_MONOTONIC in nanoseconds. It stands still while the host is suspended. */

#include "nsec.h"

#include <stdint.h>

uint64_t clock_now_ns(void);
/* CPU time that the calling thread has used, nanoseconds. */
uint64_t clock_thread_cpu_ns(void);
