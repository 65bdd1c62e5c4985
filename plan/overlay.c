// SPDX-License-Identifier: GPL-2.0-or-later
#include "overlay.h"

static bool put(struct tree_class *leaf, struct rate ceil, uint64_t cburst, uint32_t quantum)
{
	struct htb_class *c = &leaf->htb;
	bool changes = c->ceil.bytes_ps != ceil.bytes_ps || c->cburst != cburst || c->quantum != quantum;

	c->ceil = ceil;
	c->cburst = cburst;
	c->quantum = quantum;
	return changes;
}

bool overlay_set(struct tree_class *leaf, const struct sizing_host *h, const struct quanta_class *now)
{
	struct rate ceil = rate_min(now->ceil, leaf->rest.ceil);

	/* HTB takes no ceiling below the rate. A bucket of the limit's size would let out too much at once. */
	if (ceil.bytes_ps < leaf->htb.rate.bytes_ps)
		ceil = leaf->htb.rate;
	return put(leaf, ceil, ceil.bytes_ps < leaf->rest.ceil.bytes_ps ? sizing_bucket(h, ceil) : leaf->rest.cburst,
		   now->quantum);
}

bool overlay_rest(struct tree_class *leaf)
{
	return put(leaf, leaf->rest.ceil, leaf->rest.cburst, leaf->rest.quantum);
}

void overlay_copy(struct tree_class *to, const struct tree_class *from)
{
	(void)put(to, from->htb.ceil, from->htb.cburst, from->htb.quantum);
}
