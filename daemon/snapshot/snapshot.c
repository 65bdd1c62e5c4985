// SPDX-License-Identifier: GPL-2.0-or-later
#include "snapshot.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "daemon/reconcile/advice.h"
#include "daemon/state/state.h"
#include "plan/claims.h"
#include "readings.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>


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

static int read_all(struct daemon *d, struct readings *r, struct snapshot *s)
{
	int err = readings_take(d, r);

	if (err < 0)
		return err;
	others_read_turn_early(&d->others, &d->host);
	s->cpu = d->slots != NULL;
	return d->slots ? slots_snapshot(d->slots, &s->slots, &r->vms, &r->n_vms) : 0;
}

/* --- one device --------------------------------------------------------------------------------- */

static double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0.0;
}

/* What it receives. */
static void fill_rx(const struct daemon *d, const struct readings *r, uint32_t node, struct snapshot_rx *out)
{
	uint32_t at = node;

	out->wanted = d->plan.rx.n_nodes && d->plan.model.nodes[node].rx_mode != RX_NONE;
	if (!out->wanted)
		return;
	out->bound = readings_is_divided(d, node, DIRECTION_RX);
	out->share = d->plan.rx.nodes[node].share;
	out->entitled = r->in[DIRECTION_RX].entitled[node];
	out->sent = r->in[DIRECTION_RX].sent[node];
	do {
		const struct binding *b = &d->plan.bindings[at];
		struct divvy_counters c;

		if (!out->why[0])
			snprintf(out->why, sizeof(out->why), "%s", b->bound ? b->rx_why.text : b->why.text);
		if (!b->rx || classifier_read(d->plane.classifier, b->ifindex | DIVVY_RX, &c) < 0)
			continue;
		out->offered.bytes += c.bytes;
		out->offered.packets += c.packets;
		out->offered_ns = clock_now_ns();
		out->burst_dropped += burst_dropped(d->plane.burst, b->ifindex | DIVVY_RX);
	} while (binding_next(d->plan.bindings, &at));
	if (out->bound)
		readings_drops(d, r, node, DIRECTION_RX, &out->dropped_packets, &out->dropped_ns);
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
	out->entitled = r->in[DIRECTION_TX].entitled[node];
	out->sent = r->in[DIRECTION_TX].sent[node];
	err = fill_nics(d, node, s, out);
	fill_slots(r, s, out);
	repairs_sum(&d->repairs, out->name, clock_now_ns(), &out->repaired);
	snapshot_promise_make(&d->promises, m, node, clock_now_ns(), &out->promise);
	if (out->binding.bound)
		readings_drops(d, r, node, DIRECTION_TX, &out->dropped_packets, &out->dropped_ns);
	fill_rx(d, r, node, &out->rx);
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

/* The same of what is received. */
static void fill_rx_errors(struct snapshot *s, struct snapshot_uplink *u)
{
	struct snapshot_device *device = s->devices + u->first_device;
	uint64_t delivered = 0, entitled = 0;

	for (size_t i = 0; i < u->n_devices; i++) {
		u->rx_known |= device[i].rx.sent.known;
		delivered += device[i].rx.sent.known ? device[i].rx.sent.delivered.bytes_ps : 0;
		entitled += device[i].rx.sent.known ? device[i].rx.entitled.bytes_ps : 0;
	}
	for (size_t i = 0; i < u->n_devices; i++)
		if (device[i].rx.sent.known)
			device[i].rx.error_pp = percent(device[i].rx.sent.delivered.bytes_ps, delivered) -
						percent(device[i].rx.entitled.bytes_ps, entitled);
	u->rx_delivered.bytes_ps = delivered;
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
		err = snapshot_networks_make(&d->plan, r->in[DIRECTION_TX].entitled, r->in[DIRECTION_TX].sent, &s->networks);
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
			u->rx = d->plan.rx.n_nodes != 0 && tree_uplink(&d->plan.tree, u->name, DIRECTION_RX);
			if (u->rx)
				u->rx_capacity = d->plan.rx.nodes[i].limit;
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
	for (size_t i = 0; i < s->n_uplinks; i++) {
		fill_errors(s, &s->uplinks[i]);
		fill_rx_errors(s, &s->uplinks[i]);
	}
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
