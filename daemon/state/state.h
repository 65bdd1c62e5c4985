/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What survives a restart of divvyd and a reboot: the running specification, which class number is whose,
 * which hooks divvy made, which send buffers it has to give back. One JSON file, replaced atomically. What
 * names interfaces and processes is believed only for the boot in which it was written.
 */

#include "daemon.h"
#include "spec/spec.h"

/*
 * Save divvyd's state, if it differs from what was saved last; it is on the disk when this returns. 0; or
 * negative errno: d->unsaved says why, the log is told once, and what was saved before is kept.
 */
int state_save(struct daemon *d);

/*
 * Restore tables into *d, and choose what to run: the specification that was applied, if there is one, unless the
 * system's file says another one than it said then; else the file. d->not_file says why what was applied runs on
 * although the file is gone, says nothing, or is wrong; the last is logged. *m is that model, *classids are the
 * numbers given earlier; both are the caller's to free. A saved file that cannot be used is kept aside, logged,
 * and told in d->state_lost. 0; -ENOENT: nothing is there to run, and d->as_found says whether something may
 * have run all the same (d->not_file: that was the file, and it is gone or says nothing); or negative errno, with
 * *err saying what is wrong with the system's file.
 */
int state_load(struct daemon *d, struct model *m, struct classids *classids, struct spec_error *err);

/*
 * Whether what runs is not what the system's file says; false where there is no such file. The file is read
 * again only when it has changed, or the running model has.
 */
bool state_differs(struct daemon *d);
