/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "quote.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

size_t utf8_decode(const char *s, size_t size, uint32_t *out)
{
	/* The smallest code point of each length: a smaller one is an overlong form. */
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *p = (const unsigned char *)s;
	size_t len = p[0] < 0x80   ? 1
		     : p[0] < 0xc0 ? 0
		     : p[0] < 0xe0 ? 2
		     : p[0] < 0xf0 ? 3
		     : p[0] < 0xf8 ? 4
				   : 0;
	uint32_t c;

	if (len == 0 || len > size)
		return 0;
	c = len == 1 ? p[0] : p[0] & (0x7fU >> len);
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*out = c;
	return len;
}

int utf8_is_unprintable(uint32_t c)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{ 0x00, 0x1f },     /* C0 */
		{ 0x7f, 0x9f },     /* DEL, C1 */
		{ 0x200b, 0x200f }, /* zero width, direction marks */
		{ 0x2028, 0x202e }, /* line and paragraph separators, bidirectional embedding */
		{ 0x2060, 0x206f }, /* invisible operators, bidirectional isolates */
		{ 0xfeff, 0xfeff }, /* byte order mark */
		{ 0xfff0, 0xffff }, /* specials */
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return 1;
	return 0;
}

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
