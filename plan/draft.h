/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * A specification of what a host has, as a first draft: every vNIC that can be divided, with equal shares, and others
 * for what comes later.
 */

#include "core/model.h"
#include "host.h"

/* Of each device of a draft: equal ones, and written out, so that there is something to change. */
#define DRAFT_SHARE 10U

struct draft_input {
	const struct host *host;     /* borrowed */
	uint32_t route_out;          /* ifindex that the default route leaves by; 0: there is none */
	const struct model *running; /* its uplinks are uplinks here, too; borrowed */
};

/*
 * Fill *out: uplinks in the order of the host's links, their capacity RATE_UNLIMITED where running does not tell it; a
 * device for each vNIC that leads to one, selected by the VM's name, its MAC address, or the interface's name, in this
 * order, as far as that means this vNIC alone. Names are unique in the model. 0; -ENODEV: no vNIC can be divided;
 * -ENXIO: none leads to an interface that would be an uplink; -E2BIG; -ENOMEM. *out is untouched on failure.
 */
int draft_make(const struct draft_input *in, struct model *out);

/* The interface by which a vNIC's packets leave the host; NULL: it cannot be told. Borrowed from the host. O(n). */
const struct link *draft_uplink(const struct draft_input *in, const struct link *vnic);
