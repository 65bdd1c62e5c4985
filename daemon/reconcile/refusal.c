// SPDX-License-Identifier: GPL-2.0-or-later
#include "refusal.h"

#include "base/cleanup.h"
#include "datapath/absent.h"
#include "plan/mistakes.h"
#include "plan/near.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

bool refusal_hindered(const struct binding *b)
{
	return b->why.code == REASON_NFT_HOOK || b->why.code == REASON_NFT_UNKNOWN;
}

/* Whether the vNIC waits for the same reason now. Then no change of the specification is the cause. */
static bool is_hindered_already(const struct daemon *d, const struct binding *b)
{
	for (size_t i = 0; d->plan.bindings && i < d->plan.n_bindings; i++)
		if (strcmp(d->plan.bindings[i].nic, b->nic) == 0 && d->plan.bindings[i].why.code == b->why.code)
			return true;
	return false;
}

static int refuse_hindered(const struct daemon *d, const struct plan *p, struct spec_error *err)
{
	for (size_t i = 0; i < p->n_bindings; i++) {
		const struct binding *b = &p->bindings[i];
		const struct node *node = &p->model.nodes[b->node];

		/* A vNIC of others was not asked for: it waits, and the status says so. */
		if (node->kind != NODE_DEVICE || !refusal_hindered(b) || p->model.nodes[node->parent].others ||
		    is_hindered_already(d, b))
			continue;
		err->line = node->line;
		snprintf(err->text, sizeof(err->text), "device \"%s\": %s", node->name, b->why.text);
		return -EBUSY;
	}
	return 0;
}

static int refuse_tie(const struct daemon *d, const struct plan *p, struct spec_error *err)
{
	uint32_t node = mistakes_tie(p, d->plan.bindings ? &d->plan : NULL, err->text, sizeof(err->text));

	if (node == NODE_NONE)
		return 0;
	err->line = p->written.nodes[node].line;
	return -EINVAL;
}

/*
 * With the devices that patterns and others stand for now. What does not fit already, since a VM has started, is no
 * fault of a change.
 */
static int refuse_overbooked(const struct daemon *d, const struct plan *p, struct spec_error *err)
{
	static int (*const fits[])(const struct plan *, enum direction, struct model_error *) = {
		mistakes_reserves, mistakes_shares,
	};

	for (enum direction i = 0; i < N_DIRECTIONS; i++)
		for (size_t k = 0; k < ARRAY_SIZE(fits); k++) {
			struct model_error merr = { 0 };

			if (fits[k](p, i, &merr) != -EINVAL ||
			    (d->plan.bindings && fits[k](&d->plan, i, &(struct model_error){ 0 }) == -EINVAL))
				continue;
			return spec_refuse(err, merr.line, 0, "%s%s", merr.text, direction_note(i));
		}
	return 0;
}

static int refuse_uplink(const struct node *node, const char *why, struct spec_error *err)
{
	err->line = node->line;
	snprintf(err->text, sizeof(err->text), "%s is no uplink: %s", node->name, why);
	return -EINVAL;
}

/* An uplink that runs already is not refused: `set` and `release` must work while it is away. */
int refusal_find(const struct daemon *d, const struct plan *p, struct spec_error *err)
{
	int r;

	for (size_t i = 0; i < p->model.n_nodes; i++) {
		const struct node *node = &p->model.nodes[i];
		const struct binding *b = &p->bindings[i];
		bool new_uplink = node->kind == NODE_UPLINK && !absent_runs(&d->plan, node->name);
		char why[160];

		if (new_uplink && mistakes_no_uplink(p, &d->host, i, why, sizeof(why)))
			return refuse_uplink(node, why, err);
		if (b->bound && node->of_link.ppm && !capacity_speed(d->speeds.list, d->speeds.n, node->name))
			return spec_refuse(err, node->line, 0,
					   "capacity of %s: it tells no speed (is it down? ip link); expected a rate, such as 1gbit",
					   node->name);
		if (new_uplink && !b->bound) {
			const char *near = near_link(&d->host, node->name, false);

			err->line = node->line;
			snprintf(err->text, sizeof(err->text),
				 near ? "unknown uplink \"%s\": did you mean \"%s\"?" :
					"unknown uplink \"%s\": expected the name of a network interface of this host (ip link)",
				 node->name, near);
			return -ENODEV;
		}
	}
	r = refuse_overbooked(d, p, err);
	if (r >= 0)
		r = refuse_tie(d, p, err);
	return r < 0 ? r : refuse_hindered(d, p, err);
}
