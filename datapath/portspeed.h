/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The speeds of uplinks whose capacity is a part of them, as their ports told them last: a port without a carrier
 * tells none, and its uplink keeps the capacity that it had.
 */

#include "plan/capacity.h"
#include "plan/host.h"
#include "plan/warning.h"

/* Zeroed: none is known. */
struct portspeed {
	struct uplink_speed *list; /* owned */
	size_t n;
};

void portspeed_free(struct portspeed *s);

/*
 * The speed that the uplink's packets leave at, bits per second, and in *name whose it is: the uplink's own, or where
 * it is a bridge or tells none, the highest of the ports below it. 0: none tells its speed. own: the uplink's own
 * counts whatever it is: a veth or a tap tells a speed that means something to its owner alone.
 */
uint64_t portspeed_of(const struct host *h, const struct link *uplink, bool own, const char **name);

/*
 * Ask the ports of the model's uplinks that need it; what others told is kept. 1: a speed has changed; 0: none; -ENOMEM.
 */
int portspeed_read(struct portspeed *s, const struct model *m, const struct host *h);
/* What an earlier divvyd knew. 0 or -ENOMEM. */
int portspeed_adopt(struct portspeed *s, const char *uplink, uint64_t bits_ps);
/* Forget the uplinks that the model has not, or not as a part of their speed. */
void portspeed_keep(struct portspeed *s, const struct model *m);
/* Append a line for each of the model's uplinks whose port tells no speed now. 0 or -ENOMEM. */
int portspeed_warn(const struct portspeed *s, const struct model *m, struct warning_list *out);
