/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What survives a restart of divvyd and a reboot: the running specification, which class number is whose,
 * which hooks divvy made, which send buffers it has to give back. One JSON file, replaced atomically. What
 * names interfaces and processes is believed only for the boot in which it was written.
 */

#include "daemon.h"
#include "spec/spec.h"

/* Save divvyd's state. 0 or negative errno; it logs a failure. */
int state_save(const struct daemon *d);

/*
 * Restore tables into *d, and choose what to run: the specification that was applied, if there is one and the
 * system's file has not changed since; else the file. *m is that model, *classids are the numbers given
 * earlier; both are the caller's to free. 0; -ENOENT: neither exists; or negative errno with *err saying why,
 * with the line for the file: there is nothing to run then.
 */
int state_load(struct daemon *d, struct model *m, struct classids *classids, struct spec_error *err);

/*
 * Whether what runs is not what the system's file says; false where there is no such file. The file is read
 * again only when it has changed, or the running model has.
 */
bool state_differs(struct daemon *d);

/* FNV-1a of the system's file; 0: there is none. */
uint64_t state_file_hash(const char *path);
