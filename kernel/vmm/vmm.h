/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Who is behind a tap: the VMM's process, the VM's name, the NIC's model. Read from /proc;
 * a table of VMMs says how each names its VM and whether it waits for backpressure.
 */

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define VMM_NAME_SIZE 64
#define VMM_KIND_SIZE 20

enum vmm_waits {
	VMM_WAITS_YES,     /* stops serving the ring while the tap says EAGAIN */
	VMM_WAITS_NO,      /* drops, or queues without bound */
	VMM_WAITS_UNKNOWN,
};

struct vmm_nic {
	char tap[IFNAMSIZ]; /* fdinfo's iff: */
	pid_t pid;
	uint64_t start_time;         /* /proc/PID/stat field 22, clock ticks since boot */
	char vmm[VMM_KIND_SIZE];     /* "qemu", "firecracker", "virtualbox", ..., or the process's comm */
	char vm[VMM_NAME_SIZE];      /* the VM's name; "" if it has none */
	char model[24];              /* "virtio-net-pci", "e1000", ...; "" if unknown */
	char mac[18];                /* guest's MAC, lower case; "" if unknown */
	uint32_t queues;             /* descriptors of this tap that the process has open */
	enum vmm_waits waits;
	char why[96];                /* where waits is not YES: the reason, for status */
};

/*
 * Every tap of this network namespace that a process has open, sorted by name; *nics is the caller's to free.
 * root: "/proc" (tests give their own tree, where namespaces are not compared). Processes that end
 * meanwhile, or that we may not look into, are passed over. 0 or negative errno.
 */
int vmm_scan(const char *root, struct vmm_nic **nics, size_t *n);
/* The same for one process. */
int vmm_scan_pid(const char *root, pid_t pid, struct vmm_nic **nics, size_t *n);

/*
 * What a command line says of the VM and of the NIC on this tap. argv is NULL-terminated; fds are the
 * descriptors through which the process has the tap open. Fills vmm, vm, model, mac, waits, why. Pure.
 */
void vmm_describe(const char *comm, char *const *argv, const char *tap, const int *fds, size_t n_fds,
		  struct vmm_nic *out);

/* Whether vmm_describe() says this of a VMM in its table, rather than a comm. */
bool vmm_is_known(const char *name);

/* Start time of a process, or -ESRCH. */
int vmm_start_time(const char *root, pid_t pid, uint64_t *ticks);
