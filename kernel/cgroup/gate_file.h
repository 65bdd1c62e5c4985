/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The control files of a gate's cgroup. */

#include "gate_types.h"

/* A descriptor, the caller's to close; or negative errno of open(2). flags: O_RDONLY or O_WRONLY. */
int gate_open_file(const struct gate *g, const char *file, int flags);
/* The first line of a file, without its end. 0; -ENOBUFS: the file does not fit size; or negative errno. */
int gate_read_line(const struct gate *g, const char *file, char *text, size_t size);
/* Write a whole value: one system call. 0 or negative errno. */
int gate_write(int fd, const char *value);
/* Fill g->undo with a file of g's cgroup and the value to write there. 0 or -ENAMETOOLONG. */
int gate_set_undo(struct gate *g, const char *file, const char *value);
/*
 * Whether a gate writes a file of this base name. An undo that comes from outside of the process (a table, an
 * extended attribute) must not make it write any other.
 */
bool gate_is_control(const char *name);
