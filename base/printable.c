// SPDX-License-Identifier: GPL-2.0-or-later
#include "printable.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define ESCAPE_SIZE 4 /* "\xNN" */
#define HASH_SIZE 17  /* "~" and 16 digits */

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

/*
 * Unicode's categories Cc, Cf, Zl, Zp and Zs (but U+0020 and U+3000, which is as wide as a letter), its
 * Default_Ignorable_Code_Point, and what is no character (DerivedCoreProperties.txt, UnicodeData.txt 15.0).
 */
int utf8_is_unprintable(uint32_t c)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{ 0x00, 0x1f },       /* C0 */
		{ 0x7f, 0xa0 },       /* DEL, C1, no-break space */
		{ 0xad, 0xad },       /* soft hyphen */
		{ 0x34f, 0x34f },     /* grapheme joiner */
		{ 0x600, 0x605 },     /* Arabic number signs */
		{ 0x61c, 0x61c },     /* Arabic letter mark */
		{ 0x6dd, 0x6dd },     { 0x70f, 0x70f },     { 0x890, 0x891 },     { 0x8e2, 0x8e2 },
		{ 0x115f, 0x1160 },   /* Hangul fillers */
		{ 0x1680, 0x1680 },   /* Ogham space */
		{ 0x17b4, 0x17b5 },   /* Khmer inherent vowels */
		{ 0x180b, 0x180f },   /* Mongolian separators */
		{ 0x2000, 0x200f },   /* spaces, zero width, direction marks */
		{ 0x2028, 0x202f },   /* line and paragraph separators, bidirectional embedding and overrides */
		{ 0x205f, 0x206f },   /* invisible operators, bidirectional isolates */
		{ 0x3164, 0x3164 },   /* Hangul filler */
		{ 0xfdd0, 0xfdef },   /* no characters */
		{ 0xfe00, 0xfe0f },   /* variation selectors */
		{ 0xfeff, 0xfeff },   /* byte order mark */
		{ 0xffa0, 0xffa0 },   /* halfwidth Hangul filler */
		{ 0xfff0, 0xffff },   /* specials */
		{ 0x110bd, 0x110bd }, { 0x110cd, 0x110cd }, { 0x13430, 0x1343f }, { 0x1bca0, 0x1bca3 },
		{ 0x1d173, 0x1d17a }, /* musical formatting */
		{ 0xe0000, 0xe0fff }, /* tags, variation selectors */
	};

	if ((c & 0xfffe) == 0xfffe) /* the last two of each plane */
		return 1;
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return 1;
	return 0;
}

/* What is written so far. */
struct output {
	char *at;
	size_t n, size;
	bool full; /* something did not fit: what follows is left out */
};

static void put(struct output *o, const char *bytes, size_t n)
{
	o->full |= o->n + n >= o->size;
	if (o->full)
		return;
	memcpy(o->at + o->n, bytes, n);
	o->n += n;
}

static void put_escape(struct output *o, char byte)
{
	char text[ESCAPE_SIZE + 1];

	snprintf(text, sizeof(text), "\\x%02x", (unsigned char)byte);
	put(o, text, ESCAPE_SIZE);
}

static bool is_escape(const char *s, size_t n)
{
	return n >= ESCAPE_SIZE && s[0] == '\\' && s[1] == 'x' && isxdigit((unsigned char)s[2]) &&
	       isxdigit((unsigned char)s[3]);
}

/* One character, or one byte that is none; returns its length. */
static size_t put_one(struct output *o, const char *s, size_t n)
{
	uint32_t c = 0;
	size_t len = utf8_decode(s, n, &c);

	if (len && !utf8_is_unprintable(c)) {
		put(o, s, len);
		return len;
	}
	len = len ? len : 1;
	for (size_t i = 0; i < len; i++)
		put_escape(o, s[i]);
	return len;
}

const char *printable(const char *s, size_t n, char *out, size_t size)
{
	struct output o = { .at = out, .size = size };

	for (size_t i = 0; i < n && !o.full;)
		i += put_one(&o, s + i, n - i);
	out[o.n] = '\0';
	return out;
}

static size_t put_one_of_name(struct output *o, const char *s, size_t i, size_t n)
{
	if (!is_escape(s + i, n - i) && (s[i] != ' ' || (i > 0 && i + 1 < n)))
		return put_one(o, s + i, n - i);
	put_escape(o, s[i]);
	return 1;
}

/* FNV-1a; http://www.isthe.com/chongo/tech/comp/fnv/ */
static uint64_t hash_of(const char *s, size_t n)
{
	uint64_t h = 0xcbf29ce484222325ULL;

	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)s[i]) * 0x100000001b3ULL;
	return h;
}

const char *printable_name(const char *s, char *out, size_t size)
{
	struct output o = { .at = out, .size = size };
	size_t n = strlen(s), kept = 0;

	for (size_t i = 0; i < n && !o.full;) {
		i += put_one_of_name(&o, s, i, n);
		if (!o.full && o.n + HASH_SIZE < size)
			kept = o.n;
	}
	if (o.full)
		o.n = kept + (size_t)snprintf(out + kept, size - kept, "~%016" PRIx64, hash_of(s, n));
	out[o.n] = '\0';
	return out;
}
