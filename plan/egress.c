// SPDX-License-Identifier: GPL-2.0-or-later
#include "egress.h"

#include "kernel/net/filter.h"
#include "kernel/net/htb.h"

#include <stdio.h>
#include <string.h>

/*
 * Roots of others that take filters. What comes back from the IFB meets divvy's filter again, whose class they do not
 * have: then their default class is taken (htb_classify(), hfsc_classify(), net/sched).
 */
static bool takes_filters(const char *kind)
{
	return strcmp(kind, "htb") == 0 || strcmp(kind, "hfsc") == 0;
}

struct egress_place egress_place(const struct egress *e)
{
	const struct egress_place own = { .parent = HTB_MAJOR << 16, .root = true };

	if (e && e->clsact)
		return (struct egress_place){ .parent = FILTER_EGRESS };
	if (!e || !e->root)
		return own;
	/* libvirt gives its taps one; it does nothing. */
	if (strcmp(e->kind, "noqueue") == 0)
		return (struct egress_place){ .parent = own.parent, .root = true, .replaces = true };
	if (takes_filters(e->kind))
		return (struct egress_place){ .parent = e->root };
	if (!e->ingress)
		return (struct egress_place){ .parent = FILTER_EGRESS, .clsact = true };
	return (struct egress_place){ .parent = 0 };
}

const char *egress_why(const struct egress *e, const char *nic, char buf[EGRESS_TEXT_SIZE])
{
	snprintf(buf, EGRESS_TEXT_SIZE,
		 "the root qdisc of %s, %s, takes no filters, and no clsact can stand beside its ingress; "
		 "tc qdisc del dev %s root makes room",
		 nic, e->kind, nic);
	return buf;
}
