/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What a function prints to stdout and stderr, for tests of the command. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

struct capture {
	char out[8192], err[1024]; /* filled by capture_end() */
	FILE *files[2];
	int saved[2];
};

static inline void capture_begin(struct capture *c)
{
	FILE *streams[] = { stdout, stderr };

	for (int i = 0; i < 2; i++) {
		fflush(streams[i]);
		c->files[i] = tmpfile();
		c->saved[i] = dup(fileno(streams[i]));
		assert_non_null(c->files[i]);
		assert_int_equal(dup2(fileno(c->files[i]), fileno(streams[i])), fileno(streams[i]));
	}
}

static inline void capture_end(struct capture *c)
{
	FILE *streams[] = { stdout, stderr };
	char *texts[] = { c->out, c->err };
	const size_t sizes[] = { sizeof(c->out), sizeof(c->err) };

	for (int i = 0; i < 2; i++) {
		fflush(streams[i]);
		dup2(c->saved[i], fileno(streams[i]));
		close(c->saved[i]);
		rewind(c->files[i]);
		texts[i][fread(texts[i], 1, sizes[i] - 1, c->files[i])] = '\0';
		fclose(c->files[i]);
	}
}
