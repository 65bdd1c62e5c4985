/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The bindings of a plan: of each node of the expanded model, and of each vNIC that it has. */

#include "bind.h"
#include "expand.h"

/* All of it is borrowed. */
struct assign_input {
	const struct host *host;
	const struct model *written;
	const struct match_list *matches;  /* of written and host */
	const struct expansion *expansion; /* of written and matches */
};

/*
 * *bindings: as struct binding says, but that a device's are in the order of their names; the caller's to free. n: how
 * many they are. 0 or -ENOMEM. O(n log n).
 */
int assign(const struct assign_input *in, struct binding **bindings, size_t *n);
/*
 * After some of a device's bindings have changed: a bound one becomes the first of the node's, if there is any.
 * Returns the index of the one that the first was exchanged with; 0: none.
 */
uint32_t assign_bound_first(struct binding *bindings, uint32_t node);
