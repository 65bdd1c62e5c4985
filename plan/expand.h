/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * From the model as it is written to the model as it is on this host: a device that is as many as there are matches
 * becomes its instances, siblings with the device's share, and a network of others gets a device for each of its
 * vNICs. Everything else stays. A device without a match stays as it is, and waits.
 */

#include "match.h"

struct expansion {
	struct model model; /* owned */
	uint32_t *written;  /* by node of model: the node as it is written; owned */
	size_t *first;      /* by node of model: its first match; those before the next node's are its own; owned */
};

/* matches: of the written model. 0; -ENOMEM; -ENOSPC: more nodes than a model may have. O(n). */
int expand(const struct model *written, const struct match_list *matches, struct expansion *out);
void expansion_free(struct expansion *e);
