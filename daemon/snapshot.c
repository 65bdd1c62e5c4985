// SPDX-License-Identifier: GPL-2.0-or-later
#include "snapshot.h"

#include "advice.h"
#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "core/entitle.h"
#include "kernel/net/qdisc.h"
#include "plan/claims.h"
#include "state.h"

#include <errno.h>
#include <linux/pkt_sched.h>
#include <stdio.h>
#include <string.h>

/* A reading of the classes that is no older than this is the present one: two clients ask at once. */
#define FRESH_NS (20 * NSEC_PER_MSEC)

/* What the kernel was asked for once, for all devices. */
struct readings {
	struct qdisc *qdiscs; /* sorted by interface, then parent; NULL: they were not needed */
	size_t n_qdiscs;
	uint64_t qdiscs_ns; /* 0: not read */
	struct slots_vm_status *vms;
	size_t n_vms;
	struct rate *entitled;     /* by node */
	struct sample_rate *sent;  /* by node */
	bool *counted;             /* by node: the class's count of drops is its queue's */
};

static void readings_free(struct readings *r)
{
	free(r->qdiscs);
	free(r->vms);
	free(r->entitled);
	free(r->sent);
	free(r->counted);
}

void snapshot_free(struct snapshot *s)
{
	free(s->uplinks);
	free(s->devices);
	snapshot_networks_free(&s->networks);
	snapshot_nics_free(&s->nics);
	warning_list_free(&s->warnings);
	free(s->unclaimed);
	*s = (struct snapshot){ 0 };
}

/* --- reading ------------------------------------------------------------------------------------ */

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

/*
 * Entitlement now: a device that has packets waiting could take any rate; one that has none got all it asked
 * for, so what it got is its demand.
 */
static int read_rates(struct daemon *d, struct readings *r)
{
	const struct model *m = &d->plan.model;
	_cleanup_free_ struct rate *demand = calloc(m->n_nodes + 1, sizeof(*demand));
	const struct sample_uplink *readings = NULL;
	uint64_t now = clock_now_ns();

	r->sent = calloc(m->n_nodes + 1, sizeof(*r->sent));
	r->entitled = calloc(m->n_nodes + 1, sizeof(*r->entitled));
	if (!demand || !r->sent || !r->entitled)
		return -ENOMEM;
	if (d->slots)
		(void)nicmeter_read(&d->nicmeter, d->plane.rtnl, &d->plan, now);
	if (now - sampler_latest_ns(&d->sampler) > FRESH_NS)
		(void)sampler_read(&d->sampler, &d->plane, now); /* else what was read before counts */
	for (size_t i = 0; i < m->n_nodes; i++) {
		if (m->nodes[i].kind == NODE_UPLINK)
			readings = sampler_uplink(&d->sampler, m->nodes[i].name, DIRECTION_TX);
		if (m->nodes[i].kind != NODE_DEVICE || !d->plan.bindings[i].bound)
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

/*
 * Whether the class's count of drops is the leaf's. HTB sees what is dropped on the way into the leaf
 * (htb_enqueue(), net/sched/sch_htb.c): all that a bfifo drops. CoDel drops on the way out.
 */
static int find_counted(const struct daemon *d, struct readings *r)
{
	const struct tree *have = &d->plane.have;

	r->counted = calloc(d->plan.model.n_nodes + 1, sizeof(*r->counted));
	if (!r->counted)
		return -ENOMEM;
	for (size_t u = 0; u < have->n_uplinks; u++)
		for (size_t i = 0; i < have->uplinks[u].n_classes; i++) {
			const struct tree_class *c = &have->uplinks[u].classes[i];

			if (c->node < d->plan.model.n_nodes && !c->drains && c->leaf.kind == LEAF_BFIFO)
				r->counted[c->node] = true;
		}
	return 0;
}

/* The kernel dumps the qdiscs of all interfaces, whichever are asked for: at 1,000 vNICs half a status's cost. */
static bool wants_qdiscs(const struct daemon *d, const struct readings *r)
{
	const struct model *m = &d->plan.model;
	bool wants = others_wants_qdiscs(&d->others);

	for (size_t i = 0; i < m->n_nodes && !wants && !d->slots; i++)
		wants = m->nodes[i].kind == NODE_DEVICE && d->plan.bindings[i].bound && !r->counted[i];
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

static int read_all(struct daemon *d, struct readings *r, struct snapshot *s)
{
	int err = read_rates(d, r);

	if (err < 0)
		return err;
	err = find_counted(d, r);
	if (err < 0)
		return err;
	read_qdiscs(d, r);
	others_read_turn_early(&d->others, &d->host);
	s->cpu = d->slots != NULL;
	return d->slots ? slots_snapshot(d->slots, &s->slots, &r->vms, &r->n_vms) : 0;
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

/* --- one device --------------------------------------------------------------------------------- */

static double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0.0;
}

/* What its queue dropped. */
static void fill_drops(const struct daemon *d, const struct readings *r, size_t node,
		       struct snapshot_device *out)
{
	const struct tree *have = &d->plane.have;
	const struct tree_vnic *v = tree_vnic(have, out->binding.ifindex);
	size_t at;

	if (!v || v->uplink >= have->n_uplinks)
		return;
	if (r->counted[node]) {
		out->dropped_ns = out->sent.at_ns;
		out->dropped_packets = out->sent.dropped_packets;
		return;
	}
	if (!r->qdiscs_ns)
		return;
	out->dropped_ns = r->qdiscs_ns;
	at = qdisc_at(r, have->uplinks[v->uplink].ifb, TREE_CLASSID(v->minor));
	if (at < r->n_qdiscs && r->qdiscs[at].ifindex == have->uplinks[v->uplink].ifb &&
	    r->qdiscs[at].parent == TREE_CLASSID(v->minor))
		out->dropped_packets = r->qdiscs[at].drops;
}

/* The VM's part in CPU slots; why is overwritten where it cannot take part. */
static void fill_slots(const struct readings *r, const struct snapshot *s, struct snapshot_device *out)
{
	const struct binding *b = &out->binding;
	const struct slots_vm_status *vm = slots_vm_status_find(r->vms, r->n_vms, b->pid);

	if (!s->cpu || !b->bound)
		return;
	if (b->pid && vm) {
		snprintf(out->why, sizeof(out->why), "%s", vm->why);
		out->in_slots = vm->takes_part;
		out->slots = *vm;
	} else if (b->pid && !b->vmm_known) {
		snprintf(out->why, sizeof(out->why),
			 "%s (process %d) behind %s is no VMM that divvy knows: it is not paused", b->vmm,
			 b->pid, b->nic);
	} else {
		snprintf(out->why, sizeof(out->why), "no VM's process behind %s: there is nothing to pause",
			 b->nic);
	}
	/* Parts of less than a slot say nothing: whose timer ticked how often. */
	if (out->in_slots && s->slots.used_total_ns >= s->schedule.slot_ns)
		out->slots_error_pp = percent(out->slots.account.used_ns, s->slots.used_total_ns) -
				      percent(out->slots.account.entitled_ns, s->slots.entitled_total_ns);
}

/* The device's vNICs, and what they say together. */
static int fill_nics(struct daemon *d, uint32_t node, struct snapshot *s, struct snapshot_device *out)
{
	int err;

	out->first_nic = s->nics.n;
	err = snapshot_nics_add(&s->nics, d, node);
	out->n_nics = s->nics.n - out->first_nic;
	for (size_t i = 0; i < out->n_nics; i++) {
		const struct snapshot_nic *nic = &s->nics.list[out->first_nic + i];

		if (i == 0 || (nic->binding.bound && nic->backpressure != SNAPSHOT_ON))
			out->backpressure = nic->backpressure;
		if (!out->why[0])
			snprintf(out->why, sizeof(out->why), "%s", nic->why);
	}
	return err;
}

static int fill_device(struct daemon *d, const struct readings *r, uint32_t node, struct snapshot *s,
		       struct snapshot_device *out)
{
	const struct model *m = &d->plan.model;
	const struct node *parent = &m->nodes[m->nodes[node].parent];
	int err;

	model_full_name(m, node, out->name);
	out->of = m->nodes[node].instance ? m->nodes[node].name : parent->others ? parent->name : "";
	out->binding = d->plan.bindings[node];
	out->share = m->nodes[node].share;
	out->reserve = m->nodes[node].reserve;
	out->limit = m->nodes[node].limit;
	out->entitled = r->entitled[node];
	out->sent = r->sent[node];
	err = fill_nics(d, node, s, out);
	fill_slots(r, s, out);
	repairs_sum(&d->repairs, out->name, clock_now_ns(), &out->repaired);
	snapshot_promise_make(&d->promises, m, node, clock_now_ns(), &out->promise);
	if (out->binding.bound)
		fill_drops(d, r, node, out);
	return err;
}

/* --- the whole ---------------------------------------------------------------------------------- */

/* What a device's vNICs sent into divvy, together, and what the kernel dropped before it. */
static void sum_offered(const struct snapshot *s, const struct dataplane *plane, struct snapshot_device *d)
{
	for (size_t i = 0; i < d->n_nics; i++) {
		const struct snapshot_nic *nic = &s->nics.list[d->first_nic + i];

		if (nic->binding.bound)
			d->burst_dropped += burst_dropped(plane->burst, nic->binding.ifindex);
		d->offered.bytes += nic->offered.bytes;
		d->offered.packets += nic->offered.packets;
		d->offered_ns = nic->offered_ns ? nic->offered_ns : d->offered_ns;
	}
}

/* Packets, of classes: the kernel may count fewer than there were. */
static int count_packets(struct daemon *d, struct snapshot *s)
{
	_cleanup_free_ struct sent_reading *r = calloc(s->n_devices + 1, sizeof(*r));
	_cleanup_free_ uint64_t *packets = calloc(s->n_devices + 1, sizeof(*packets));
	size_t n = 0;

	if (!r || !packets)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_devices; i++) {
		const struct snapshot_device *v = &s->devices[i];

		if (v->offered_ns && v->sent.at_ns)
			r[n++] = (struct sent_reading){ .ifindex = v->binding.ifindex,
							.class_bytes = v->sent.bytes,
							.class_packets = v->sent.packets,
							.waiting_bytes = v->sent.waiting_bytes,
							.dropped_packets = v->dropped_packets + v->burst_dropped,
							.offered_bytes = v->offered.bytes,
							.offered_packets = v->offered.packets };
	}
	(void)sentcount_update(&d->sentcount, r, n, packets);
	n = 0;
	for (size_t i = 0; i < s->n_devices; i++)
		if (s->devices[i].offered_ns && s->devices[i].sent.at_ns)
			s->devices[i].sent.packets = packets[n++];
	return 0;
}

/* Errors are parts of sums over the devices that there are two readings of. */
static void fill_errors(struct snapshot *s, struct snapshot_uplink *u)
{
	struct snapshot_device *device = s->devices + u->first_device;
	uint64_t delivered = 0, entitled = 0;

	for (size_t i = 0; i < u->n_devices; i++) {
		u->known |= device[i].sent.known;
		delivered += device[i].sent.known ? device[i].sent.delivered.bytes_ps : 0;
		entitled += device[i].sent.known ? device[i].entitled.bytes_ps : 0;
	}
	for (size_t i = 0; i < u->n_devices; i++)
		if (device[i].sent.known && !s->cpu) /* with CPU slots the entitlements are not of packets */
			device[i].error_pp = percent(device[i].sent.delivered.bytes_ps, delivered) -
					     percent(device[i].entitled.bytes_ps, entitled);
	u->delivered.bytes_ps = delivered;
}

/* A dump of the qdiscs tells of the ports, too. */
static int fill_advice(struct daemon *d, const struct readings *r, struct snapshot *s)
{
	const struct portwatch_input in = { .rtnl = d->plane.rtnl,
					    .plan = &d->plan,
					    .have = &d->plane.have,
					    .host = &d->host,
					    .qdiscs = r->qdiscs,
					    .n_qdiscs = r->n_qdiscs };
	_cleanup_(claims_free) struct claims c = { 0 };
	_cleanup_free_ const struct vmm_nic **list = NULL;
	int err = 0;

	if (!d->plan.bindings)
		return advice_now(d, &s->warnings);
	burstwatch_read(&d->burstwatch, &d->plane, clock_now_ns());
	if (!s->cpu)
		(void)portwatch_read(&d->portwatch, &in, clock_now_ns());
	err = advice_now(d, &s->warnings);
	if (err >= 0)
		err = claims_make(&d->plan, &d->host, &c);
	if (err >= 0)
		err = claims_unclaimed(&c, &list, &s->n_unclaimed);
	if (err < 0)
		return err;
	s->unclaimed = calloc(s->n_unclaimed + 1, sizeof(*s->unclaimed));
	if (!s->unclaimed)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_unclaimed; i++)
		s->unclaimed[i] = *list[i];
	return 0;
}

static int fill(struct daemon *d, const struct readings *r, struct snapshot *s)
{
	const struct model *m = &d->plan.model;
	size_t networks = 0;
	int err = snapshot_nics_init(&s->nics, d);

	if (err >= 0)
		err = snapshot_networks_make(&d->plan, r->entitled, r->sent, &s->networks);
	s->uplinks = calloc(m->n_nodes + 1, sizeof(*s->uplinks));
	s->devices = calloc(m->n_nodes + 1, sizeof(*s->devices));
	if (err < 0 || !s->uplinks || !s->devices)
		return -ENOMEM;
	for (uint32_t i = 0; i < m->n_nodes && err >= 0; i++) {
		struct snapshot_uplink *u = s->n_uplinks ? &s->uplinks[s->n_uplinks - 1] : NULL;

		if (m->nodes[i].kind == NODE_UPLINK) {
			u = &s->uplinks[s->n_uplinks++];
			memcpy(u->name, m->nodes[i].name, sizeof(u->name));
			u->present = d->plan.bindings[i].bound;
			u->capacity = m->nodes[i].limit;
			u->of_link = m->nodes[i].of_link;
			repairs_sum(&d->repairs, u->name, clock_now_ns(), &u->repaired);
			u->first_device = s->n_devices;
			u->first_network = networks;
		} else if (u && m->nodes[i].kind == NODE_NETWORK) {
			snapshot_promise_make(&d->promises, m, i, clock_now_ns(), &s->networks.list[networks++].promise);
			u->n_networks++;
		} else if (u && m->nodes[i].kind == NODE_DEVICE) {
			err = fill_device(d, r, i, s, &s->devices[s->n_devices++]);
			u->n_devices++;
		}
	}
	for (size_t i = 0; i < s->n_uplinks; i++)
		fill_errors(s, &s->uplinks[i]);
	if (err >= 0)
		err = fill_advice(d, r, s);
	if (err >= 0)
		err = snapshot_nics_read(&s->nics, d);
	for (size_t i = 0; i < s->n_devices; i++)
		sum_offered(s, &d->plane, &s->devices[i]);
	return err < 0 || s->cpu ? err : count_packets(d, s);
}

int snapshot_take(struct daemon *d, struct snapshot *out)
{
	_cleanup_(readings_free) struct readings r = { 0 };
	struct snapshot s = { .schedule = d->plan.model.schedule,
			      .origin = d->origin,
			      .as_found = d->as_found,
			      .differs_from_file = state_differs(d) };
	int err;

	memcpy(s.not_cpu, d->not_cpu, sizeof(s.not_cpu));
	memcpy(s.state_lost, d->state_lost, sizeof(s.state_lost));
	memcpy(s.unsaved, d->unsaved, sizeof(s.unsaved));
	err = read_all(d, &r, &s);
	if (err >= 0)
		err = fill(d, &r, &s);
	s.at_ns = clock_now_ns();
	if (err < 0)
		snapshot_free(&s);
	else
		*out = s;
	return err;
}
