// SPDX-License-Identifier: GPL-2.0-or-later
#include "strip.h"
#include "shorten.h"

#include <stdio.h>
#include <string.h>

void strip_put(struct strip *s, enum strip_style style, const char *text, size_t columns)
{
	size_t len = strlen(text);

	if (!len || s->len + len >= sizeof(s->text))
		return;
	if (s->n_runs < STRIP_RUNS && (!s->n_runs || s->runs[s->n_runs - 1].style != style))
		s->runs[s->n_runs++] = (struct strip_run){ .from = s->len, .style = style };
	memcpy(s->text + s->len, text, len + 1);
	s->len += len;
	s->columns += columns;
}

static void blanks(struct strip *s, size_t n)
{
	for (; n; n--)
		strip_put(s, STRIP_PLAIN, " ", 1);
}

void strip_cell(struct strip *s, enum strip_style style, const char *text, size_t columns, bool right, bool ascii)
{
	char cut[STRIP_SIZE];
	size_t taken = shorten_middle(text, columns, ascii, cut, sizeof(cut));

	if (right)
		blanks(s, columns - taken);
	strip_put(s, style, cut, taken);
	if (!right)
		blanks(s, columns - taken);
}
