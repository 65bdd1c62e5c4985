/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The wire's own meter, one for each VM, on the servers' side of the wire: independent of divvy's counters,
 * and behind everything that may drop or delay. It records every arrival, so that gaps, windows of any
 * length and quantiles are computed exactly afterwards.
 */

#include "lab/bpf/meter.h"
#include "lab/measure/measure.h"

struct meter;

/*
 * Attach to ifname in the network namespace of that name (NULL: the thread's), with room for max arrivals,
 * for frames to this address, "02:00:.." (NULL: all). Several may be attached to one interface.
 * 0, -EINVAL, or negative errno. The interface's own clsact is used if it is there, else made.
 */
int meter_open(const char *netns, const char *ifname, const char *destination, uint32_t max,
	       struct meter **ret);
/* Detaches. NULL is fine; returns NULL. */
struct meter *meter_close(struct meter *m);

/*
 * Take over what arrived since the last call. 0, -ENOMEM, or -ENOBUFS if arrivals no longer fitted (what
 * fitted is there; *lost, if given, says how many did not).
 */
int meter_poll(struct meter *m, uint64_t *lost);
/* All arrivals up to the last meter_poll(), in order. Borrowed until the next meter_poll(). */
struct trace meter_trace(const struct meter *m);
