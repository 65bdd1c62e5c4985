/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Which process is behind a tap, and which VM it runs, by /proc. */

#include "sight.h"
#include "vmm_cmdline.h"
#include "vmm_nic.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Every tap of this network namespace that a process has open, one entry each, sorted by name; *nics is the
 * caller's to free. Of several processes the likeliest VMM is named: one in the table, with most queues, with
 * the lowest pid. root: "/proc"; a test may give a tree that looks like it, where namespaces are not
 * compared. Processes that end meanwhile are left out. Those that we may not look into are, too, and *sight says so;
 * it is filled also where /proc cannot be read (the error is then that of opening it). 0 or negative errno.
 */
int vmm_scan(const char *root, struct vmm_nic **nics, size_t *n, struct vmm_sight *sight);
/* The same for one process. Also -ESRCH: no such process; -EPERM, -EACCES: we may not look into it. */
int vmm_scan_pid(const char *root, pid_t pid, struct vmm_nic **nics, size_t *n);

/* The start time of a process, clock ticks since boot. 0; -ESRCH: no such process; or negative errno. */
int vmm_start_time(const char *root, pid_t pid, uint64_t *ticks);
