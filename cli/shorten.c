// SPDX-License-Identifier: GPL-2.0-or-later
#include "shorten.h"

#include "base/printable.h"

#include <string.h>
#include <wchar.h>

struct glyph {
	size_t bytes, columns;
	bool plain; /* a character that may be shown as it is */
};

static struct glyph glyph_at(const char *s)
{
	uint32_t c = 0;
	size_t bytes;
	int columns;

	if (*s >= ' ' && *s <= '~') /* most are */
		return (struct glyph){ .bytes = 1, .columns = 1, .plain = true };
	bytes = utf8_decode(s, strnlen(s, 4), &c);
	columns = bytes ? wcwidth((wchar_t)c) : -1;

	if (columns < 0)
		return (struct glyph){ .bytes = bytes ? bytes : 1, .columns = 1 };
	return (struct glyph){ .bytes = bytes, .columns = (size_t)columns, .plain = true };
}

size_t shorten_width(const char *text)
{
	size_t columns = 0;

	while (*text) {
		struct glyph g = glyph_at(text);

		columns += g.columns;
		text += g.bytes;
	}
	return columns;
}

struct writer {
	char *out;
	size_t len, size, columns;
	bool ascii;
};

static void put(struct writer *w, const char *s, size_t bytes, size_t columns)
{
	if (w->len + bytes >= w->size) {
		w->size = 0; /* what comes behind is cut, too */
		return;
	}
	memcpy(w->out + w->len, s, bytes);
	w->len += bytes;
	w->columns += columns;
}

static void put_glyph(struct writer *w, const char *s, struct glyph g)
{
	if (g.plain && (!w->ascii || (unsigned char)*s < 0x80))
		put(w, s, g.bytes, g.columns);
	else
		for (size_t i = 0; i < g.columns; i++)
			put(w, "?", 1, 1);
}

/* The characters of text from which on columns pass by, up to end columns, which may fall into a wide one. */
static void put_range(struct writer *w, const char *text, size_t from, size_t end)
{
	size_t at = 0;

	while (*text) {
		struct glyph g = glyph_at(text);
		/* What stands on the character before goes with it. */
		bool inside = g.columns ? at >= from && at + g.columns <= end : at > from && at <= end;

		if (inside)
			put_glyph(w, text, g);
		at += g.columns;
		text += g.bytes;
	}
}

size_t shorten_middle(const char *text, size_t columns, bool ascii, char *out, size_t size)
{
	struct writer w = { .out = out, .size = size, .ascii = ascii };
	size_t all = shorten_width(text), head;

	if (all <= columns) {
		put_range(&w, text, 0, all);
	} else if (columns) {
		head = columns / 2; /* with an even number one more of the beginning than of the end */
		put_range(&w, text, 0, head);
		put(&w, ascii ? "~" : "…", ascii ? 1 : strlen("…"), 1);
		put_range(&w, text, all - (columns - 1 - head), all);
	}
	out[w.len] = '\0';
	return w.columns;
}
