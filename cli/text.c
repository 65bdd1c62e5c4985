// SPDX-License-Identifier: GPL-2.0-or-later
#include "text.h"
#include "complain.h"

#include "base/cleanup.h"
#include "spec/spec.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

char *text_read(const char *path, size_t *size)
{
	bool standard = strcmp(path, "-") == 0;
	FILE *f = standard ? stdin : fopen(path, "re");
	char *text = f ? malloc(SPEC_TEXT_MAX + 2) : NULL;

	if (text) {
		*size = fread(text, 1, SPEC_TEXT_MAX + 1, f);
		text[*size] = '\0';
		if (ferror(f)) {
			free(text);
			text = NULL;
		}
	}
	if (!text)
		complain("cannot read %s: %s", path, strerror(errno));
	if (f && !standard)
		fclose(f);
	return text;
}

int text_complain(const char *path, const struct spec_error *err)
{
	const char *name = strcmp(path, "-") == 0 ? "standard input" : path;

	if (err->line && err->column)
		return complain("%s:%u:%u: %s", name, err->line, err->column, err->text);
	if (err->line)
		return complain("%s:%u: %s", name, err->line, err->text);
	return complain("%s: %s", name, err->text);
}
