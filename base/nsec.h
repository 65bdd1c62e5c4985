/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Times are uint64_t nanoseconds throughout; a name ends in _ns where it holds one. */

#define NSEC_PER_SEC 1000000000ULL
#define NSEC_PER_MSEC 1000000ULL
#define NSEC_PER_USEC 1000ULL
