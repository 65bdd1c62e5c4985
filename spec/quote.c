/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "quote.h"

#include "base/printable.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *quote(const char *s, size_t size, char buf[QUOTE_SIZE])
{
	/* Keeps room for the dots, the closing quote and the NUL. */
	const size_t end = QUOTE_SIZE - 5;
	size_t n = 0, i = 0;

	buf[n++] = '"';
	while (i < size) {
		uint32_t c = 0;
		size_t len = utf8_decode(s + i, size - i, &c);
		int escape = len == 0 || utf8_is_unprintable(c);
		size_t bytes = len ? len : 1;

		if (n + bytes * (escape ? 4 : 1) > end)
			break;
		for (size_t k = 0; k < bytes; k++, i++) {
			if (escape)
				n += (size_t)snprintf(buf + n, 5, "\\x%02x", (unsigned char)s[i]);
			else
				buf[n++] = s[i];
		}
	}
	memcpy(buf + n, i < size ? "...\"" : "\"", i < size ? 5 : 2);
	return buf;
}

int reject(char err[REJECT_SIZE], const char *text, const char *fmt, ...)
{
	char quoted[QUOTE_SIZE];
	va_list ap;
	int n;

	n = snprintf(err, REJECT_SIZE, "%s: ", quote(text, strlen(text), quoted));
	va_start(ap, fmt);
	vsnprintf(err + n, REJECT_SIZE - (size_t)n, fmt, ap);
	va_end(ap);
	return -EINVAL;
}
