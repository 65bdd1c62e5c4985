// SPDX-License-Identifier: GPL-2.0-or-later
#include "jsontext.h"

#include "base/cleanup.h"
#include "base/printable.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define FIRST_BYTES 4096
#define REAL_MAX 1e15 /* above it "%.6f" says more than a double knows */

/* Room for n bytes more, or NULL. */
static char *room(struct jsontext *j, size_t n)
{
	if (j->failed)
		return NULL;
	if (j->size - j->len < n) {
		size_t size = j->size ? 2 * j->size : FIRST_BYTES;
		char *bigger;

		while (size - j->len < n)
			size *= 2;
		bigger = realloc(j->buf, size);
		if (!bigger) {
			j->failed = true;
			return NULL;
		}
		j->buf = bigger;
		j->size = size;
	}
	return j->buf + j->len;
}

static void put(struct jsontext *j, const char *bytes, size_t n)
{
	char *at = room(j, n);

	if (!at)
		return;
	memcpy(at, bytes, n);
	j->len += n;
}

/* A comma, unless this is the first in its bracket; then the key. */
static void put_key(struct jsontext *j, const char *key)
{
	char last = j->len ? j->buf[j->len - 1] : '[';

	if (last != '{' && last != '[')
		put(j, ",", 1);
	if (!key)
		return;
	put(j, "\"", 1);
	put(j, key, strlen(key));
	put(j, "\":", 2);
}

void jsontext_open(struct jsontext *j, const char *key, char bracket)
{
	put_key(j, key);
	put(j, &bracket, 1);
}

void jsontext_close(struct jsontext *j, char bracket)
{
	put(j, &bracket, 1);
}

static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

/* One character that is not plain; returns its bytes in text. */
static size_t put_special(struct jsontext *j, const char *text, size_t n)
{
	unsigned char c = (unsigned char)*text;
	char escaped[24]; /* of four bytes */
	uint32_t point;
	size_t len;

	if (c == '"' || c == '\\') {
		escaped[0] = '\\';
		escaped[1] = (char)c;
		put(j, escaped, 2);
		return 1;
	}
	len = utf8_decode(text, n, &point);
	if (len && !utf8_is_unprintable(point)) {
		put(j, text, len);
		return len;
	}
	len = len ? len : 1;
	printable(text, len, escaped, sizeof(escaped));
	for (size_t i = 0; escaped[i]; i += 4) { /* JSON escapes the backslash again */
		put(j, "\\", 1);
		put(j, escaped + i, 4);
	}
	return len;
}

void jsontext_string(struct jsontext *j, const char *key, const char *text)
{
	size_t n = strlen(text), done = 0;

	put_key(j, key);
	put(j, "\"", 1);
	while (done < n) {
		size_t plain = 0;

		while (done + plain < n && is_plain((unsigned char)text[done + plain]))
			plain++;
		put(j, text + done, plain);
		done += plain;
		if (done < n)
			done += put_special(j, text + done, n - done);
	}
	put(j, "\"", 1);
}

void jsontext_int(struct jsontext *j, const char *key, int64_t v)
{
	char digits[24];
	size_t at = sizeof(digits);
	uint64_t rest = v < 0 ? -(uint64_t)v : (uint64_t)v;

	put_key(j, key);
	do
		digits[--at] = (char)('0' + rest % 10);
	while (rest /= 10);
	if (v < 0)
		digits[--at] = '-';
	put(j, digits + at, sizeof(digits) - at);
}

void jsontext_real(struct jsontext *j, const char *key, double v)
{
	char text[40];

	if (!isfinite(v) || v > REAL_MAX || v < -REAL_MAX) {
		jsontext_null(j, key);
		return;
	}
	put_key(j, key);
	put(j, text, (size_t)snprintf(text, sizeof(text), "%.6f", v));
}

void jsontext_bool(struct jsontext *j, const char *key, bool v)
{
	put_key(j, key);
	put(j, v ? "true" : "false", v ? 4 : 5);
}

void jsontext_null(struct jsontext *j, const char *key)
{
	if (key && j->no_nulls)
		return;
	put_key(j, key);
	put(j, "null", 4);
}

char *jsontext_take(struct jsontext *j)
{
	char *text;

	put(j, "", 1);
	text = j->failed ? NULL : TAKE_PTR(j->buf);
	free(j->buf);
	*j = (struct jsontext){ 0 };
	return text;
}
