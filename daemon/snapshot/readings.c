// SPDX-License-Identifier: GPL-2.0-or-later
#include "readings.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "core/admission.h"
#include "core/entitle.h"
#include "kernel/net/qdisc.h"

#include <errno.h>
#include <string.h>

/* A reading of the classes that is no older than this is the present one: two clients ask at once. */
#define FRESH_NS (20 * NSEC_PER_MSEC)

void readings_free(struct readings *r)
{
	free(r->qdiscs);
	free(r->vms);
	for (enum direction i = 0; i < N_DIRECTIONS; i++) {
		free(r->in[i].parts);
		free(r->in[i].promised);
		free(r->in[i].entitled);
		free(r->in[i].sent);
		free(r->in[i].counted);
	}
}

static int compare_qdisc(const void *a, const void *b)
{
	const struct qdisc *x = a, *y = b;

	if (x->ifindex != y->ifindex)
		return x->ifindex < y->ifindex ? -1 : 1;
	return (x->parent > y->parent) - (x->parent < y->parent);
}

/* CPU slots: what a device's vNICs sent, together. */
static void read_nics(const struct daemon *d, uint32_t node, struct sample_rate *out)
{
	uint32_t at = node;

	*out = (struct sample_rate){ 0 };
	do {
		struct sample_rate one;

		nicmeter_rate(&d->nicmeter, d->plan.bindings[at].ifindex, &one);
		out->bytes += one.bytes;
		out->packets += one.packets;
		out->delivered.bytes_ps += one.delivered.bytes_ps;
		out->known |= one.known;
		out->window_ns = one.window_ns ? one.window_ns : out->window_ns;
		out->at_ns = one.at_ns ? one.at_ns : out->at_ns;
	} while (binding_next(d->plan.bindings, &at));
}

bool readings_is_divided(const struct daemon *d, uint32_t node, enum direction direction)
{
	uint32_t at = node;

	do {
		const struct binding *b = &d->plan.bindings[at];

		if (b->bound && (direction == DIRECTION_TX || b->rx))
			return true;
	} while (binding_next(d->plan.bindings, &at));
	return false;
}

/*
 * Entitlement now: a device that has packets waiting could take any rate; one that has none got all it asked
 * for, so what it got is its demand.
 */
static int read_direction(struct daemon *d, enum direction direction, struct directed *r)
{
	const struct model *m = plan_model(&d->plan, direction);
	_cleanup_free_ struct rate *demand = calloc(m->n_nodes + 1, sizeof(*demand));
	const struct sample_uplink *readings = NULL;

	r->sent = calloc(m->n_nodes + 1, sizeof(*r->sent));
	r->entitled = calloc(m->n_nodes + 1, sizeof(*r->entitled));
	if (!demand || !r->sent || !r->entitled)
		return -ENOMEM;
	for (size_t i = 0; i < m->n_nodes; i++) {
		if (m->nodes[i].kind == NODE_UPLINK)
			readings = sampler_uplink(&d->sampler, m->nodes[i].name, direction);
		if (m->nodes[i].kind != NODE_DEVICE || !readings_is_divided(d, (uint32_t)i, direction))
			continue;
		if (d->slots) {
			read_nics(d, (uint32_t)i, &r->sent[i]);
			continue;
		}
		sample_rate(readings, d->plan.minors[i], &r->sent[i]);
		demand[i] = r->sent[i].backlogged ? RATE_UNLIMITED : r->sent[i].delivered;
	}
	return entitle(m, demand, r->entitled);
}

static int read_rates(struct daemon *d, struct readings *r)
{
	uint64_t now = clock_now_ns();
	int err = 0;

	if (d->slots)
		(void)nicmeter_read(&d->nicmeter, d->plane.rtnl, &d->plan, now);
	if (now - sampler_latest_ns(&d->sampler) > FRESH_NS)
		(void)sampler_read(&d->sampler, &d->plane, now); /* else what was read before counts */
	for (enum direction i = 0; i < N_DIRECTIONS && err >= 0; i++)
		err = read_direction(d, i, &r->in[i]);
	return err;
}

/*
 * Whether the class's count of drops is the leaf's. HTB sees what is dropped on the way into the leaf
 * (htb_enqueue(), net/sched/sch_htb.c): all that a bfifo drops. CoDel drops on the way out.
 */
static int find_counted(const struct daemon *d, struct readings *r)
{
	const struct tree *have = &d->plane.have;

	for (enum direction i = 0; i < N_DIRECTIONS; i++) {
		r->in[i].counted = calloc(d->plan.model.n_nodes + 1, sizeof(*r->in[i].counted));
		if (!r->in[i].counted)
			return -ENOMEM;
	}
	for (size_t u = 0; u < have->n_uplinks; u++)
		for (size_t i = 0; i < have->uplinks[u].n_classes; i++) {
			const struct tree_class *c = &have->uplinks[u].classes[i];

			if (c->node < d->plan.model.n_nodes && !c->drains && c->leaf.kind == LEAF_BFIFO)
				r->in[have->uplinks[u].direction].counted[c->node] = true;
		}
	return 0;
}

/* Who has a part in which direction, and what is promised there. */
static int find_parts(const struct daemon *d, struct readings *r)
{
	for (enum direction i = 0; i < N_DIRECTIONS; i++) {
		const struct model *m = plan_model(&d->plan, i);

		r->in[i].parts = m->n_nodes ? direction_parts(m, i) : calloc(d->plan.model.n_nodes + 1, sizeof(bool));
		r->in[i].promised = calloc(m->n_nodes + 1, sizeof(*r->in[i].promised));
		if (!r->in[i].parts || !r->in[i].promised || admission_promised(m, r->in[i].promised) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* The kernel dumps the qdiscs of all interfaces, whichever are asked for: at 1,000 vNICs half a status's cost. */
static bool wants_qdiscs(const struct daemon *d, const struct readings *r)
{
	bool wants = others_wants_qdiscs(&d->others);

	for (enum direction k = 0; k < N_DIRECTIONS; k++) {
		const struct model *m = plan_model(&d->plan, k);

		for (uint32_t i = 0; i < m->n_nodes && !wants && !d->slots; i++)
			wants = m->nodes[i].kind == NODE_DEVICE && readings_is_divided(d, i, k) && !r->in[k].counted[i];
	}
	return wants;
}

static void read_qdiscs(struct daemon *d, struct readings *r)
{
	uint64_t now = clock_now_ns();

	if (!wants_qdiscs(d, r) || qdisc_list(d->plane.rtnl, 0, &r->qdiscs, &r->n_qdiscs) < 0)
		return;
	r->qdiscs_ns = now;
	if (r->n_qdiscs)
		qsort(r->qdiscs, r->n_qdiscs, sizeof(*r->qdiscs), compare_qdisc);
	(void)others_take_qdiscs(&d->others, r->qdiscs, r->n_qdiscs);
}

int readings_take(struct daemon *d, struct readings *r)
{
	int err = find_parts(d, r);

	if (err >= 0)
		err = read_rates(d, r);
	if (err >= 0)
		err = find_counted(d, r);
	if (err >= 0)
		read_qdiscs(d, r);
	return err;
}

/* The first qdisc of an interface whose parent is this one or above. */
static size_t qdisc_at(const struct readings *r, uint32_t ifindex, uint32_t parent)
{
	struct qdisc key = { .ifindex = ifindex, .parent = parent };
	size_t lo = 0, hi = r->n_qdiscs;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (compare_qdisc(&r->qdiscs[mid], &key) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

void readings_drops(const struct daemon *d, const struct readings *r, uint32_t node, enum direction direction,
		    uint64_t *packets, uint64_t *at_ns)
{
	const struct tree *have = &d->plane.have;
	const struct sample_rate *sent = &r->in[direction].sent[node];
	const struct node *uplink = &d->plan.model.nodes[model_uplink_of(&d->plan.model, node)];
	const struct tree_uplink *u = tree_uplink(have, uplink->name, direction);
	uint32_t class = TREE_CLASSID(d->plan.minors[node]);
	size_t at;

	if (!u)
		return;
	if (r->in[direction].counted[node]) {
		*at_ns = sent->at_ns;
		*packets = sent->dropped_packets;
		return;
	}
	if (!r->qdiscs_ns)
		return;
	*at_ns = r->qdiscs_ns;
	at = qdisc_at(r, u->ifb, class);
	if (at < r->n_qdiscs && r->qdiscs[at].ifindex == u->ifb && r->qdiscs[at].parent == class)
		*packets = r->qdiscs[at].drops;
}
