/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Arrays that are sorted by ifindex, a uint32_t and the first member of their elements. */

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The first of n elements of elem bytes whose ifindex is not below this one; n: there is none. O(log n). */
static inline size_t byifindex_lower_bound(const void *list, size_t n, size_t elem, uint32_t ifindex)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		uint32_t there;

		memcpy(&there, (const char *)list + mid * elem, sizeof(there));
		if (there < ifindex)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* Borrowed; NULL: there is none. */
static inline void *byifindex_find(void *list, size_t n, size_t elem, uint32_t ifindex)
{
	size_t at = byifindex_lower_bound(list, n, elem, ifindex);
	char *there;

	if (!list || at == n)
		return NULL;
	there = (char *)list + at * elem;
	return memcmp(there, &ifindex, sizeof(ifindex)) == 0 ? there : NULL;
}

/* Store a new element at its place in *array, of which there are *n. 0, or -ENOMEM with nothing changed. */
static inline int byifindex_insert(void *array, size_t *n, size_t elem, const void *new)
{
	void **list = array;
	char *bigger = reallocarray(*list, *n + 1, elem), *at;
	uint32_t ifindex;

	if (!bigger)
		return -ENOMEM;
	memcpy(&ifindex, new, sizeof(ifindex));
	at = bigger + byifindex_lower_bound(bigger, *n, elem, ifindex) * elem;
	memmove(at + elem, at, (size_t)(bigger + *n * elem - at));
	memcpy(at, new, elem);
	*list = bigger;
	(*n)++;
	return 0;
}

/* Take one out that byifindex_find() returned. */
static inline void byifindex_remove(void *list, size_t *n, size_t elem, void *one)
{
	char *next = (char *)one + elem;

	memmove(one, next, (size_t)((char *)list + *n * elem - next));
	(*n)--;
}
