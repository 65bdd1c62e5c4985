/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A table of VMMs: how each is called, how it names its VM, and whether it waits for backpressure. */

#include "vmm_nic.h"

#include <stddef.h>

/* How a process is called: all of it may be any bytes. */
struct vmm_program {
	const char *exe;   /* where /proc/PID/exe leads; "": not known */
	const char *comm;  /* what it calls itself, at most 15 bytes */
	char *const *argv; /* NULL-terminated */
};

/*
 * What a process's program and command line tell of the VM and of the NIC on this tap. fds are the descriptors
 * through which the process has the tap open. Fills known, certain, vmm, vm, vmid, model, mac, vhost (as asked for),
 * waits, reason and why. Pure.
 */
void vmm_describe(const struct vmm_program *p, const char *tap, const int *fds, size_t n_fds,
		  struct vmm_nic *out);
/* Whether the process is a VMM of the table. Pure. */
bool vmm_is_known(const struct vmm_program *p);
