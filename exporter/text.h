/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Text that grows. */

#include <stdbool.h>
#include <stddef.h>

/* Zeroed: empty. */
struct text {
	char *buf; /* owned; not NUL-terminated */
	size_t len, size;
	bool failed; /* memory was out: what follows is ignored */
};

void text_free(struct text *t);
void text_put(struct text *t, const char *s, size_t len);
void text_puts(struct text *t, const char *s);
void text_printf(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
