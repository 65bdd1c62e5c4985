/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Processes that set up a VM's tap before the VM runs. */

#include <stdbool.h>
#include <sys/types.h>

/*
 * Whether a process that has taps open, but is no VMM, makes them for VMs that it starts later. vmm: as in
 * struct vmm_nic.
 */
bool vmm_is_manager(const char *vmm);

/*
 * Whether the process has a child that started less than so many seconds ago: QEMU runs the script of a tap
 * as a child, and waits for it. Older children are something else (a migration through exec:, say). root:
 * "/proc", or a test's tree. False also where the kernel does not tell (no CONFIG_PROC_CHILDREN), or the
 * process is gone.
 */
bool vmm_script_runs(const char *root, pid_t pid, unsigned int seconds);
