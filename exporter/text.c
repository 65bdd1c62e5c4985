// SPDX-License-Identifier: GPL-2.0-or-later
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER_MIN 4096

void text_free(struct text *t)
{
	free(t->buf);
	*t = (struct text){ 0 };
}

void text_put(struct text *t, const char *s, size_t len)
{
	size_t size = t->size ? t->size : BUFFER_MIN;
	char *bigger;

	while (size < t->len + len)
		size *= 2;
	if (!t->failed && size > t->size) {
		bigger = realloc(t->buf, size);
		t->failed = !bigger;
		if (bigger) {
			t->buf = bigger;
			t->size = size;
		}
	}
	if (t->failed)
		return;
	memcpy(t->buf + t->len, s, len);
	t->len += len;
}

void text_puts(struct text *t, const char *s)
{
	text_put(t, s, strlen(s));
}

void text_printf(struct text *t, const char *fmt, ...)
{
	char line[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (n > 0)
		text_put(t, line, (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1);
}
