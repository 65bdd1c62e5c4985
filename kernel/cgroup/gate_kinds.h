/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Between gate.c and the gates. */

#include "gate.h"

extern const struct gate_ops gate_freeze;
extern const struct gate_ops gate_quota;

/* A file of the gate's cgroup: a descriptor or negative errno. */
int gate_open_file(const struct gate *g, const char *file, int flags);
/* One system call. 0 or negative errno. */
int gate_write(int fd, const char *value);
int gate_set_undo(struct gate *g, const char *file, const char *value);
