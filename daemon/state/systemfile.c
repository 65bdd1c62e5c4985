// SPDX-License-Identifier: GPL-2.0-or-later
#include "systemfile.h"

#include "base/cleanup.h"
#include "base/file.h"
#include "base/fnv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* To open a FIFO takes until another program writes to it: the start would be held up. */
static bool is_fifo(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISFIFO(st.st_mode);
}

/* A specification that is too long is read one byte beyond the limit, so that it is refused. -ESPIPE: it is a FIFO. */
static char *read_text(const char *path, size_t *size, int *err)
{
	char *text = NULL;
	ssize_t n = is_fifo(path) ? -ESPIPE : file_read_alloc(AT_FDCWD, path, SPEC_TEXT_MAX + 1, &text);

	*err = n < 0 ? (int)n : 0;
	*size = n < 0 ? 0 : (size_t)n;
	return text;
}

uint64_t systemfile_hash(const char *path)
{
	size_t size;
	int err;
	_cleanup_free_ char *text = read_text(path, &size, &err);

	return text ? fnv_hash(text, size) : 0;
}

/* Comments alone, as `make install` puts there, are no specification yet. */
static bool is_blank(const char *text, size_t size)
{
	if (strlen(text) != size)
		return false;
	for (;;) {
		text += strspn(text, " \t\r\n");
		if (*text != '#')
			return !*text;
		text += strcspn(text, "\n");
	}
}

int systemfile_read(const char *path, struct model *m, uint64_t *hash, struct spec_error *err)
{
	size_t size;
	int r;
	_cleanup_free_ char *text = read_text(path, &size, &r);

	*err = (struct spec_error){ 0 };
	*hash = text ? fnv_hash(text, size) : 0;
	if (r == -ESPIPE)
		return spec_fail(err, -EINVAL, "it is a FIFO; expected a file");
	if (!text)
		return r;
	if (is_blank(text, size))
		return -ENODATA;
	return spec_parse(text, size, m, err);
}

void systemfile_wrong(const char *path, int r, const struct spec_error *err, char *text, size_t size)
{
	if (!err->text[0])
		snprintf(text, size, "%s: %s", path, strerror(-r));
	else if (!err->line)
		snprintf(text, size, "%s: %s", path, err->text);
	else
		snprintf(text, size, "%s:%u:%u: %s", path, err->line, err->column, err->text);
}
