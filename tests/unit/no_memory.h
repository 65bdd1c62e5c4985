/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Memory that runs out where a test says. Its program is linked with --wrap for calloc, reallocarray and
 * strdup (Makefile).
 */

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* How many succeed before one fails; those after it succeed again. Negative: none fails. */
static long allocations_left = -1;

void *__real_calloc(size_t n, size_t size);
void *__real_reallocarray(void *p, size_t n, size_t size);
char *__real_strdup(const char *s);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size);
char *__wrap_strdup(const char *s);

static bool runs_out(void)
{
	if (allocations_left < 0)
		return false;
	return allocations_left-- == 0;
}

void *__wrap_calloc(size_t n, size_t size)
{
	return runs_out() ? NULL : __real_calloc(n, size);
}

void *__wrap_reallocarray(void *p, size_t n, size_t size)
{
	return runs_out() ? NULL : __real_reallocarray(p, n, size);
}

char *__wrap_strdup(const char *s)
{
	return runs_out() ? NULL : __real_strdup(s);
}
