/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Cleanup attributes, after systemd's: a resource is released where its name goes out of scope. */

#include <stdlib.h>
#include <unistd.h>

static inline void freep(void *p)
{
	free(*(void **)p);
}

static inline void closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

#define _cleanup_(f) __attribute__((cleanup(f)))
#define _cleanup_free_ _cleanup_(freep)
#define _cleanup_close_ _cleanup_(closep)

/* Hand a pointer or descriptor to the caller; the local one is emptied. */
#define TAKE_PTR(p)                        \
	({                                 \
		__typeof__(p) _taken = (p); \
		(p) = NULL;                \
		_taken;                    \
	})
#define TAKE_FD(fd)               \
	({                        \
		int _taken = (fd); \
		(fd) = -1;        \
		_taken;           \
	})

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
