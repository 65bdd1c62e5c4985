// SPDX-License-Identifier: GPL-2.0-or-later
#include "promise.h"

/* A window that ended longer ago says nothing of now: the device has been idle. */
#define LATELY_NS (2 * CONFORM_SPAN_NS + CONFORM_GAP_NS)

void snapshot_promise_make(const struct promises *p, const struct model *m, uint32_t node, enum direction direction,
			   uint64_t now_ns, struct snapshot_promise *out)
{
	const struct conform *c = promises_of(p, node, direction);

	*out = (struct snapshot_promise){ 0 };
	if (!c)
		return;
	out->known = true;
	out->measured_ns = c->measured_ns;
	out->reserve_missed = c->reserve_missed;
	out->below = c->below;
	out->violated_ns = c->violated_ns;
	out->changed_ns = c->changed_ns;
	out->settled_ns = c->settled_ns;
	if (!c->measured_ns || now_ns - c->measured_ns > LATELY_NS)
		return;
	out->measured = true;
	out->delivered = c->delivered;
	out->entitled = c->entitled;
	out->error_pp = conform_error_pp(c, m->nodes[model_uplink_of(m, node)].limit);
}
