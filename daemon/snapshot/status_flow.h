/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the answer of status says of one direction of a device or network, as divvy-protocol(7) has it. */

#include "proto/jsontext.h"
#include "snapshot.h"

/* Each puts some keys into the object that is open. */
void status_flow_terms(struct jsontext *j, const struct snapshot_flow *f);
void status_flow_rates(struct jsontext *j, const struct snapshot_flow *f);
/* cpu: the CPU is scheduled, whose slots hold no entitlement of packets. */
void status_flow_error(struct jsontext *j, const struct snapshot_flow *f, bool cpu);
void status_flow_promise(struct jsontext *j, const struct snapshot_flow *f);
void status_flow_drops(struct jsontext *j, const struct snapshot_flow *f);
void status_flow_counters(struct jsontext *j, const struct snapshot_flow *f);

/*
 * "undivided": bound, but what comes before divvy keeps the packets, or kept them ("known": false) and too few came since to
 * tell; null where they are divided.
 */
void status_undivided(struct jsontext *j, const struct snapshot_undivided *u);

/* "rx": an object of the above, or null where nothing is divided there. d: NULL: f is a network's. */
void status_flow_rx(struct jsontext *j, const struct snapshot_flow *f, const struct snapshot_device *d,
		    bool counters);
