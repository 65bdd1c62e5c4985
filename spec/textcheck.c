/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "textcheck.h"

#include "base/printable.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static int refuse_byte(struct spec_error *err, uint32_t line, uint32_t column, unsigned char c)
{
	if (c == 0)
		return spec_refuse(err, line, column,
				   "a NUL byte: this is no text file; expected YAML in UTF-8");
	return spec_refuse(err, line, column, "byte 0x%02x is not UTF-8; expected YAML in UTF-8", c);
}

/* YAML 1.1, section 4.1.1. libyaml refuses the same characters, but does not say where. */
static bool is_allowed(uint32_t c)
{
	if (c < 0x20)
		return c == '\t' || c == '\n' || c == '\r';
	return c < 0x7f || c == 0x85 || (c >= 0xa0 && c != 0xfeff && c != 0xfffe && c != 0xffff);
}

int textcheck(const char *text, size_t size, struct spec_error *err)
{
	static const char bom[] = "\xef\xbb\xbf";
	uint32_t line = 1, column = 1;
	bool indenting = true, content = false, comment = false;
	size_t i = 0, len;

	if (size >= 3 && memcmp(text, bom, 3) == 0)
		i = 3;
	for (; i < size; i += len, column++) {
		unsigned char c = (unsigned char)text[i];
		uint32_t point = 0;

		len = utf8_decode(text + i, size - i, &point);
		if (len == 0 || c == 0)
			return refuse_byte(err, line, column, c);
		if (!is_allowed(point))
			return spec_refuse(err, line, column,
					   "control character U+%04X; expected YAML in UTF-8", point);
		if (c == '\n') {
			line++;
			column = 0;
			indenting = true;
			comment = false;
			continue;
		}
		if (indenting && c == '\t')
			return spec_refuse(err, line, column,
					   "a tab; expected spaces, since YAML's indentation has no tabs");
		if (c == ' ' || c == '\t' || c == '\r')
			continue;
		if (c == '#' && indenting)
			comment = true;
		indenting = false;
		content |= !comment;
	}
	if (!content)
		return spec_refuse(err, 1, 1, "%s; expected \"uplinks:\" and a list of uplinks",
				   size ? "nothing but blanks and comments" : "the file is empty");
	return 0;
}
