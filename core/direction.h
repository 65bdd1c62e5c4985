/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The two directions, and the model in each of them. What follows from a model (entitlements, classes, admission) takes
 * it in one direction: a function of a model does not know which.
 */

#include "model.h"

enum direction {
	DIRECTION_TX, /* what the VMs send */
	DIRECTION_RX, /* what they receive */
	N_DIRECTIONS,
};

/* "tx", "rx" */
extern const char *const direction_names[];
/* What stands behind a name in a line for a person, where it is not what VMs send that is meant: " (rx)", or "". */
const char *direction_note(enum direction direction);

/* Whether anything of the model is divided in that direction. */
bool direction_is_used(const struct model *m, enum direction direction);
/*
 * By node: whether it is divided in that direction: a device that has terms there, and what stands above one. An array
 * of n_nodes, the caller's to free; NULL: out of memory. O(n).
 */
bool *direction_parts(const struct model *m, enum direction direction);
/*
 * The model in that direction: each node's share, limit, reserve and burst are those that it has there, and an
 * uplink's limit is its capacity there. A network without terms there has the defaults. The nodes have the same
 * indexes; those that have no part are there, too. 0; -ENOMEM: *out is untouched.
 */
int direction_model(const struct model *m, enum direction direction, struct model *out);
