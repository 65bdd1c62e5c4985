/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Whole small files. dirfd: a directory's descriptor, or AT_FDCWD; it does not matter for an absolute path. */

#include <stddef.h>
#include <sys/types.h>

/*
 * A whole file into buf, NUL-terminated. Returns its length in bytes; -ENOBUFS: the file and the NUL do not
 * fit size; or another negative errno of open(2) or read(2).
 */
ssize_t file_read(int dirfd, const char *path, char *buf, size_t size);
/*
 * The same into memory that the caller frees. At most max bytes are read; the rest of a longer file is left
 * out. *ret is untouched on failure. Also -ENOMEM.
 */
ssize_t file_read_alloc(int dirfd, const char *path, size_t max, char **ret);
