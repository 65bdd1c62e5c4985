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
	if (d->others.n <= OTHERS_TURN_VNICS) /* no event tells of programs before tc; with more vNICs the audit looks */
		others_read_turn_early(&d->others, &d->host);
	s->cpu = d->slots != NULL;
	return d->slots ? slots_snapshot(d->slots, &s->slots, &r->vms, &r->n_vms) : 0;
}

/* --- one device --------------------------------------------------------------------------------- */

static double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0.0;
}

/* Why what its vNICs receive is not divided, or is not in truth; of the first that has a reason. */
static void fill_rx_why(const struct daemon *d, uint32_t node, struct snapshot_device *out)
{
	uint32_t at = node;

	out->rx_why = "";
	if (!out->flow[DIRECTION_RX].wanted)
		return;
	do {
		const struct binding *b = &d->plan.bindings[at];

		if (!out->rx_why[0])
			out->rx_why = b->bound ? b->rx_why.text : b->why.text;
		if (b->rx && !out->rx_undivided.is)
			snapshot_undivided(d, b->ifindex, DIRECTION_RX, d->plan.model.nodes[node].hook, &out->rx_undivided);
	} while (binding_next(d->plan.bindings, &at));
}

/* The VM's part in CPU slots; why is overwritten where it cannot take part. */
static void fill_slots(const struct readings *r, const struct snapshot *s, struct snapshot_device *out)
{
	const struct binding *b = out->binding;
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

		if (i == 0 || (nic->binding->bound && nic->backpressure != SNAPSHOT_ON))
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
	out->binding = &d->plan.bindings[node];
	for (enum direction k = 0; k < N_DIRECTIONS; k++)
		snapshot_flow_make(d, r, node, k, &out->flow[k]);
	err = fill_nics(d, node, s, out);
	fill_slots(r, s, out);
	repairs_sum(&d->repairs, out->name, clock_now_ns(), &out->repaired);
	fill_rx_why(d, node, out);
	return err;
}

/* --- the whole ---------------------------------------------------------------------------------- */

/* What came to a device's leaf from all its vNICs, together, and what the kernel dropped before it. */
static void sum_offered(const struct snapshot *s, const struct dataplane *plane, struct snapshot_device *d,
			enum direction direction)
{
	struct snapshot_flow *f = &d->flow[direction];

	for (size_t i = 0; i < d->n_nics && f->wanted; i++) {
		const struct snapshot_nic *nic = &s->nics.list[d->first_nic + i];
		uint32_t key = snapshot_nic_key(nic, direction);

		if (key)
			f->burst_dropped += burst_dropped(plane->burst, key);
		f->offered.bytes += nic->offered[direction].bytes;
		f->offered.packets += nic->offered[direction].packets;
		f->offered_ns = nic->offered_ns[direction] ? nic->offered_ns[direction] : f->offered_ns;
	}
}

static bool is_counted(const struct snapshot_flow *f)
{
	return f->offered_ns && f->sent.at_ns;
}

/* Of the first of its vNICs that is divided in that direction. */
static uint32_t key_of(const struct snapshot *s, const struct snapshot_device *d, enum direction direction)
{
	uint32_t key = 0;

	for (size_t i = 0; i < d->n_nics && !key; i++)
		key = snapshot_nic_key(&s->nics.list[d->first_nic + i], direction);
	return key;
}

/* Packets, of classes: the kernel may count fewer than there were. */
static int count_packets(struct daemon *d, struct snapshot *s)
{
	_cleanup_free_ struct sent_reading *r = calloc(N_DIRECTIONS * s->n_devices + 1, sizeof(*r));
	_cleanup_free_ uint64_t *packets = calloc(N_DIRECTIONS * s->n_devices + 1, sizeof(*packets));
	size_t n = 0;

	if (!r || !packets)
		return -ENOMEM;
	for (size_t i = 0; i < N_DIRECTIONS * s->n_devices; i++) {
		const struct snapshot_device *v = &s->devices[i / N_DIRECTIONS];
		const struct snapshot_flow *f = &v->flow[i % N_DIRECTIONS];

		if (is_counted(f))
			r[n++] = (struct sent_reading){ .key = key_of(s, v, i % N_DIRECTIONS),
							.class_bytes = f->sent.bytes,
							.class_packets = f->sent.packets,
							.waiting_bytes = f->sent.waiting_bytes,
							.dropped_packets = f->dropped_packets + f->burst_dropped,
							.offered_bytes = f->offered.bytes,
							.offered_packets = f->offered.packets };
	}
	(void)sentcount_update(&d->sentcount, r, n, packets);
	n = 0;
	for (size_t i = 0; i < N_DIRECTIONS * s->n_devices; i++) {
		struct snapshot_flow *f = &s->devices[i / N_DIRECTIONS].flow[i % N_DIRECTIONS];

		if (is_counted(f))
			f->sent.packets = packets[n++];
	}
	return 0;
}

/* Errors are parts of sums over the devices that there are two readings of. */
static void fill_errors(struct snapshot *s, struct snapshot_uplink *u, enum direction direction)
{
	struct snapshot_device *device = s->devices + u->first_device;
	struct snapshot_flow *sum = &u->flow[direction];
	uint64_t entitled = 0;

	for (size_t i = 0; i < u->n_devices; i++) {
		const struct snapshot_flow *f = &device[i].flow[direction];

		snapshot_flow_add(sum, f);
		entitled += f->sent.known ? f->entitled.bytes_ps : 0;
	}
	for (size_t i = 0; i < u->n_devices; i++) {
		struct snapshot_flow *f = &device[i].flow[direction];

		if (f->sent.known && !s->cpu) /* with CPU slots the entitlements are not of packets */
			f->error_pp = percent(f->sent.delivered.bytes_ps, sum->sent.delivered.bytes_ps) -
				      percent(f->entitled.bytes_ps, entitled);
	}
}

static int fill_advice(struct daemon *d, struct snapshot *s)
{
	const struct portwatch_input in = { .rtnl = d->plane.rtnl,
					    .plan = &d->plan,
					    .have = &d->plane.have,
					    .host = &d->host };
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

static void fill_uplink(const struct daemon *d, const struct readings *r, uint32_t node, const struct snapshot *s,
			size_t networks, struct snapshot_uplink *out)
{
	const struct node *uplink = &d->plan.model.nodes[node];

	memcpy(out->name, uplink->name, sizeof(out->name));
	out->present = d->plan.bindings[node].bound;
	out->of_link = uplink->of_link;
	for (enum direction k = 0; k < N_DIRECTIONS; k++)
		snapshot_flow_make(d, r, node, k, &out->flow[k]);
	repairs_sum(&d->repairs, out->name, clock_now_ns(), &out->repaired);
	out->first_device = s->n_devices;
	out->first_network = networks;
}

static int fill_tree(struct daemon *d, const struct readings *r, struct snapshot *s)
{
	const struct model *m = &d->plan.model;
	struct snapshot_uplink *u = NULL;
	size_t networks = 0;
	int err = 0;

	for (uint32_t i = 0; i < m->n_nodes && err >= 0; i++) {
		if (m->nodes[i].kind == NODE_UPLINK) {
			u = &s->uplinks[s->n_uplinks++];
			fill_uplink(d, r, i, s, networks, u);
		} else if (u && m->nodes[i].kind == NODE_NETWORK) {
			networks++;
			u->n_networks++;
		} else if (u && m->nodes[i].kind == NODE_DEVICE) {
			err = fill_device(d, r, i, s, &s->devices[s->n_devices++]);
			u->n_devices++;
		}
	}
	for (size_t i = 0; i < N_DIRECTIONS * s->n_uplinks; i++)
		fill_errors(s, &s->uplinks[i / N_DIRECTIONS], i % N_DIRECTIONS);
	return err;
}

static int fill(struct daemon *d, const struct readings *r, struct snapshot *s)
{
	const struct model *m = &d->plan.model;
	int err = snapshot_nics_init(&s->nics, d);

	if (err >= 0)
		err = snapshot_networks_make(d, r, &s->networks);
	s->uplinks = calloc(m->n_nodes + 1, sizeof(*s->uplinks));
	s->devices = calloc(m->n_nodes + 1, sizeof(*s->devices));
	if (err < 0 || !s->uplinks || !s->devices)
		return -ENOMEM;
	err = fill_tree(d, r, s);
	if (err >= 0)
		err = fill_advice(d, s);
	if (err >= 0)
		err = snapshot_nics_read(&s->nics, d);
	for (size_t i = 0; i < N_DIRECTIONS * s->n_devices; i++)
		sum_offered(s, &d->plane, &s->devices[i / N_DIRECTIONS], i % N_DIRECTIONS);
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
	memcpy(s.not_file, d->not_file, sizeof(s.not_file));
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
