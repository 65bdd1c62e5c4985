/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Arrays that grow while a dump is read. */

#include <errno.h>
#include <stdlib.h>

/*
 * Make room for element n (the present number) of elem bytes: capacity doubles at powers of two, so
 * it needs no field of its own. 0, or -ENOMEM with *array as it was.
 */
static inline int array_reserve(void *array, size_t n, size_t elem)
{
	void **p = array, *q;

	if (n & (n - 1)) /* capacity is the next power of two: there is room */
		return 0;
	q = reallocarray(*p, n ? 2 * n : 1, elem);
	if (!q)
		return -ENOMEM;
	*p = q;
	return 0;
}
