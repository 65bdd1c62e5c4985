/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What there is to tell, at one moment, as plain data: one dump of the classes of each IFB, at most one of the
 * qdiscs, one batch of look-ups in the classifier's counters, one look at the CPU slots. Each counter has the time at
 * which it was read. Writers turn it into JSON (status.h); it owns all that it points to.
 */

#include "daemon/state/daemon.h"
#include "flow.h"
#include "networks.h"
#include "nics.h"

/*
 * What is said of a device is of all its vNICs: counters are sums, backpressure is on if it is on for all that are
 * bound, and why is that of the first that has one.
 */
struct snapshot_device {
	char name[MODEL_FULL_NAME_SIZE];
	const char *of;         /* the device that it is an instance of, as it is written; "": of none; borrowed */
	const struct binding *binding; /* of its first vNIC; borrowed of the running plan */
	struct snapshot_flow flow[N_DIRECTIONS];
	size_t first_nic, n_nics;        /* in nics.list, at least one */
	enum snapshot_backpressure backpressure;
	char why[SLOTS_WHY_SIZE];        /* why it waits, is not held back, or takes no part in CPU slots */
	const char *rx_why;              /* why what a vNIC of it receives is not divided; "": it is, or shall not be; borrowed */
	struct snapshot_undivided rx_undivided; /* of the first vNIC where what it receives does not come to divvy */
	struct repairs_sum repaired;     /* what other programs did to divvy's objects for it */
	bool in_slots;                   /* the VM takes part in CPU slots */
	struct slots_vm_status slots;    /* if in_slots */
	double slots_error_pp;           /* if in_slots */
};

struct snapshot_uplink {
	char name[MODEL_NAME_SIZE];
	bool present;
	struct part of_link;   /* the capacity is this part of the port's speed; 0: it is a rate */
	struct snapshot_flow flow[N_DIRECTIONS]; /* limit: its capacity there */
	struct repairs_sum repaired; /* of the IFB, and of classes that are no device's */
	size_t first_device, n_devices;
	size_t first_network, n_networks; /* in networks.list */
};

struct snapshot {
	uint64_t at_ns; /* CLOCK_MONOTONIC, when it was complete */
	struct snapshot_uplink *uplinks;
	size_t n_uplinks;
	struct snapshot_device *devices; /* in the order of the model */
	size_t n_devices;
	struct snapshot_networks networks;
	struct snapshot_nics nics;    /* devices' vNICs; owned */
	struct warning_list warnings; /* owned */
	struct vmm_nic *unclaimed;    /* vNICs of VMs that nothing divides, sorted by name; owned */
	size_t n_unclaimed;
	struct schedule schedule;
	bool cpu;                  /* the CPU is scheduled: slots is filled */
	struct slots_status slots;
	enum origin origin;
	bool differs_from_file;
	char not_cpu[SLOTS_WHY_SIZE];
	/* As in struct daemon: */
	char state_lost[DAEMON_WHY_SIZE], not_file[DAEMON_WHY_SIZE], unsaved[DAEMON_WHY_SIZE];
	bool as_found;
};

/* 0 or negative errno; *out is untouched on failure, and else the caller's to free. */
int snapshot_take(struct daemon *d, struct snapshot *out);
void snapshot_free(struct snapshot *s);
