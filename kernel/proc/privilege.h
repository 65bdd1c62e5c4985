/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The rights that divvyd keeps once its files and sockets are open. */

#include <stdbool.h>
#include <stddef.h>

/* Give up all other rights of this process, for good. 0; or negative errno with a line in errtext. */
int privilege_drop(char *errtext, size_t size);

/* Whether this thread may look into processes of other users (CAP_SYS_PTRACE), in its own user namespace. */
bool privilege_holds_ptrace(void);

/*
 * Rights that are held in reserve, for cgroups and for names of BPF programs: true puts them in force for this
 * thread, false ends that. Returns whether they were in force.
 */
bool privilege_reserve(bool on);
