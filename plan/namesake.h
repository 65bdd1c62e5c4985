/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Which of several that bear one name a device means: of the processes whose VMs have that name, or of the
 * vNICs with that MAC address, the one that is in the device's class already.
 */

#include "classids.h"
#include "core/model.h"
#include "host.h"

/* A vNIC that is bound now, and the class that it is in. */
struct bound_vnic {
	uint32_t ifindex; /* must stay first (base/byifindex.h) */
	uint16_t minor;
	char uplink[IFNAMSIZ];
};

/* All of it is borrowed. */
struct namesake_input {
	const struct model *m;
	const struct host *h;
	const struct bound_vnic *bound; /* sorted by ifindex */
	size_t n_bound;
	const struct classids *classids; /* whose class a number is */
};

struct namesakes;
/* NULL: out of memory. */
struct namesakes *namesakes_new(const struct namesake_input *in);
void namesakes_freep(struct namesakes **n);

/*
 * Whether a device that names a VM or MAC address may have one that bears the name. open: a vNIC of the host that
 * is as the device's selector says; a VM's other vNICs get the same answer. instance: "" where the device is one.
 * True for a device that names an interface.
 */
bool namesakes_chosen(struct namesakes *n, uint32_t node, const char *instance, const struct vmm_nic *open);
