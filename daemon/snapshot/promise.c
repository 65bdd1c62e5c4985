// SPDX-License-Identifier: GPL-2.0-or-later
#include "promise.h"

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
	if (!conform_is_recent(c, now_ns))
		return;
	out->measured = true;
	out->delivered = c->delivered;
	out->entitled = c->entitled;
	out->error_pp = conform_error_pp(c, m->nodes[model_uplink_of(m, node)].limit);
}
