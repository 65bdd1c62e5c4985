/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What survives a restart of the daemon and a reboot: the running specification, which class is
 * whose, which hooks divvy made, which send buffers it has to give back. One JSON file, replaced
 * atomically; what names interfaces and processes is only believed for the boot it was written in.
 */

#include "daemon.h"

/* Save the daemon's state. 0 or negative errno. */
int state_save(const struct daemon *d);

/*
 * Restore tables into d and choose what to run: the applied specification, if there is one and the system's
 * file has not changed since, or else the file. *m is that model. 0; -ENOENT: neither exists; or negative
 * errno with *err saying why (with the line for the file): there is nothing to run then.
 */
int state_load(struct daemon *d, struct model *m, struct spec_error *err);

/* Whether what runs is not what the system's file says (false where there is no such file). */
bool state_differs(const struct daemon *d);

/* FNV-1a of the system's file; 0 where there is none. */
uint64_t state_file_hash(const char *path);
