/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A table of VMMs: how each is called, how it names its VM, and whether it waits for backpressure. */

#include "vmm_nic.h"

#include <stddef.h>

/*
 * What a command line tells of the VM and of the NIC on this tap. argv is NULL-terminated; fds are the
 * descriptors through which the process has the tap open. Fills known, vmm, vm, model, mac, vhost
 * (as asked for), waits, reason and why. Pure.
 */
void vmm_describe(const char *comm, char *const *argv, const char *tap, const int *fds, size_t n_fds,
		  struct vmm_nic *out);
