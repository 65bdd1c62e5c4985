/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The system's file, /etc/divvy/divvy.yaml: what it says, or that it says nothing. */

#include "spec/spec.h"

#include <stdint.h>

/*
 * Read the file. *hash is FNV-1a of its text; 0: it cannot be read. 0: *m is what it says, and the caller's to
 * free; -ENOENT: there is no file; -ENODATA: it is empty, or has comments alone; or another negative errno, with
 * *err saying what is wrong if its text is not "". *m is untouched unless the answer is 0. *err is cleared first.
 */
int systemfile_read(const char *path, struct model *m, uint64_t *hash, struct spec_error *err);

/* The hash alone. */
uint64_t systemfile_hash(const char *path);

/* What is wrong with the file, in one line with its path: r and err are systemfile_read()'s. */
void systemfile_wrong(const char *path, int r, const struct spec_error *err, char *text, size_t size);
