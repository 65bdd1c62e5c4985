/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* FNV-1a, 64 bits, by Fowler, Noll and Vo: to tell whether a text has changed, where no one gains by deceiving. */

#include <stddef.h>
#include <stdint.h>

static inline uint64_t fnv_hash(const char *text, size_t size)
{
	uint64_t hash = 0xcbf29ce484222325ULL;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ (uint8_t)text[i]) * 0x100000001b3ULL;
	return hash;
}
