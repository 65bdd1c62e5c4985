/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Lines out of a buffer that a descriptor fills:
 *
 *	size_t used = 0;
 *
 *	while (lines_next(buf, &fill, &used))
 *		take(buf);
 */

#include <stdbool.h>
#include <string.h>

/*
 * Whether a whole line stands at the front of buf; it ends in NUL instead of a newline then, and used is its
 * length. The one before, of used bytes, is dropped first.
 */
static inline bool lines_next(char *buf, size_t *fill, size_t *used)
{
	char *end;

	*fill -= *used;
	memmove(buf, buf + *used, *fill);
	*used = 0;
	end = memchr(buf, '\n', *fill);
	if (!end)
		return false;
	*end = '\0';
	*used = (size_t)(end - buf) + 1;
	return true;
}
