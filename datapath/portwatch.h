/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Whether packets that divvy let through are lost or wait at the uplink's own ports: then the uplink's capacity
 * is not what the port sends, and the port decides who gets what.
 */

#include "dataplane.h"
#include "plan/host.h"
#include "plan/plan.h"
#include "plan/warning.h"

struct watched_port {
	char uplink[IFNAMSIZ], name[IFNAMSIZ];
	uint32_t ifindex;
	struct rate capacity;   /* of the uplink, at the latest reading */
	uint64_t at_ns;         /* of the latest reading; CLOCK_MONOTONIC */
	uint64_t dropped;       /* by its root qdisc and by itself, as of the latest reading */
	uint64_t passed;        /* packets that left divvy for the uplink, likewise */
	uint64_t backlog_bytes; /* at its root qdisc, likewise */
	uint64_t lost;          /* in this episode */
	uint64_t lost_ns;       /* when the latest loss was seen; 0: none is known */
	unsigned int n_waits;   /* the latest readings in a row at which more waited there than a burst */
};

/* Borrowed. */
struct portwatch_input {
	struct rtnl *rtnl;
	const struct plan *plan;
	const struct tree *have;
	const struct host *host;
};

/* Zeroed: no reading. */
struct portwatch {
	struct watched_port *ports; /* owned */
	size_t n;
	uint64_t latest_ns;
};

void portwatch_free(struct portwatch *w);
/*
 * Read the ports of the plan's uplinks, if a packet has passed divvy since the latest reading: two questions a port. A
 * call within a second after a reading does nothing. 0 or negative errno.
 */
int portwatch_read(struct portwatch *w, const struct portwatch_input *in, uint64_t now_ns);
/* Append a line for each port that lost packets in the last minute, or where they wait. 0 or -ENOMEM. */
int portwatch_warn(const struct portwatch *w, const struct plan *p, uint64_t now_ns,
		   struct warning_list *out);
