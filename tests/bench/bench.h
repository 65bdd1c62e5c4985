/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the benchmarks of kernel adapters share. */

#include "tests/clock.h"

#include <errno.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline void bench_need(int err, const char *what)
{
	if (err >= 0)
		return;
	fprintf(stderr, "%s: %s\n", what, strerror(-err));
	exit(EXIT_FAILURE);
}

static inline void bench_netns(void)
{
	bench_need(unshare(CLONE_NEWNET) < 0 ? -errno : 0, "unshare(CLONE_NEWNET) (run as root)");
}

static inline int bench_compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Sorts v. */
static inline uint64_t bench_median(uint64_t *v, size_t n)
{
	qsort(v, n, sizeof(*v), bench_compare);
	return v[n / 2];
}
