/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Whether what is promised can be kept. A network promises its own reserve, or if it has none the sum of its
 * children's. Reserves fit if at every level the children's are together at most what the node has: then entitle()
 * gives each node its reserve, or what it demands of it, whatever the others demand.
 */

#include "model.h"

/*
 * 0; -EINVAL: a reserve is above its node's limit, a network's own is less than its children's, or the reserves of a
 * level do not fit: *err says whose and by how much. Where a capacity is not known, RATE_MAX_BYTES_PS counts. O(n).
 */
int admission_check(const struct model *m, struct model_error *err);

/*
 * 0; -EINVAL: when all of a level send, the share of a node, or its reserve, is worth less than RATE_MIN_BYTES_PS, the
 * least rate of a class: all of them together would get more than there is. *err says whose. -ENOMEM. part: by node,
 * whether it counts; NULL: all do. O(n).
 */
int admission_shares(const struct model *m, const bool *part, struct model_error *err);

/* By node, what it promises: RATE_ZERO: nothing. 0 or -ENOMEM. O(n). */
int admission_promised(const struct model *m, struct rate *out);

/* Receives a line for a person. A negative errno ends the walk. */
typedef int admission_tell(void *arg, uint32_t node, const char *text);
/*
 * Calls tell for each node whose children's reserves leave less than 5 % of what it has, when all devices send, to
 * children without a reserve that could use more. m: valid, or expanded; part: as for admission_shares(). 0; -ENOMEM; or
 * what tell returned. O(n log n).
 */
int admission_tight(const struct model *m, const bool *part, admission_tell *tell, void *arg);
