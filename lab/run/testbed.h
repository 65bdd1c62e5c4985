/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What outlives a scenario: the guest's image, the accelerator, the network and the VMs in it. A scenario
 * that needs the same again gets what is there, so that VMs are booted once for many.
 */

#include "lab/net/topo.h"
#include "lab/scenario/scenario.h"
#include "lab/vm/image.h"
#include "lab/vm/vm.h"

struct testbed {
	struct image image;
	enum accel accel;
	char accel_why[128];
	struct topo topo;
	struct vm *vm[TOPO_VMS_MAX];
	size_t n_vms; /* that run; 0: there is no network */
	char fingerprint[TOPO_VMS_MAX * 64]; /* of what the VMs are */
};

/*
 * Have what a scenario needs: kept if it fits and all its VMs live, else made anew. The wire is the
 * scenario's. Zeroed before the first call. 0; -EINTR; negative errno with a text, and nothing runs.
 */
int testbed_prepare(struct testbed *t, const struct scenario *s, struct errtext *e);
/* Stop the VMs, remove the network. Safe on a zeroed *t, and twice. */
void testbed_down(struct testbed *t);
