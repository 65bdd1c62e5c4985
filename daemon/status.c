// SPDX-License-Identifier: GPL-2.0-or-later
#include "status.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "core/entitle.h"
#include "slots/slots.h"
#include "loop.h"
#include "kernel/net/filter.h"
#include "kernel/net/qdisc.h"
#include "state.h"

#include <linux/pkt_sched.h>
#include <stdio.h>
#include <string.h>

#define STATUS_VERSION 1

/* Rates of one status, per node. */
struct view {
	struct sampler_rate *sampled;
	struct rate *entitled;
	struct qdisc *qdiscs; /* of the whole host */
	size_t n_qdiscs;
	struct slots_status slots; /* where CPUs are scheduled */
	struct slots_vm_status *vms;
	size_t n_vms;
};

static void view_free(struct view *v)
{
	free(v->sampled);
	free(v->entitled);
	free(v->qdiscs);
	free(v->vms);
}

/*
 * Entitlement now: a device that has packets waiting could take any rate; one that has none got all
 * it asked for, so what it got is its demand.
 */
static int view_make(struct daemon *d, struct view *v)
{
	_cleanup_free_ struct rate *demand = calloc(d->model.n_nodes + 1, sizeof(*demand));
	uint32_t uplink = 0;

	v->sampled = calloc(d->model.n_nodes + 1, sizeof(*v->sampled));
	v->entitled = calloc(d->model.n_nodes + 1, sizeof(*v->entitled));
	if (!demand || !v->sampled || !v->entitled)
		return -1;
	for (uint32_t i = 0; i < d->model.n_nodes; i++) {
		const struct node *node = &d->model.nodes[i];

		if (node->kind == NODE_UPLINK)
			uplink = i;
		if (node->kind != NODE_DEVICE || !d->bindings[i].bound)
			continue;
		sampler_rate(&d->sampler, d->model.nodes[uplink].name, d->minors[i], &v->sampled[i]);
		demand[i] = v->sampled[i].backlogged ? RATE_UNLIMITED : v->sampled[i].delivered;
	}
	qdisc_list(d->plane.rtnl, 0, &v->qdiscs, &v->n_qdiscs);
	if (d->cpu && slots_snapshot(d->cpu, &v->slots, &v->vms, &v->n_vms) < 0)
		return -1;
	return entitle(&d->model, demand, v->entitled);
}

/* Qdiscs and filters of others on a vNIC: they stay in force, and the operator should know. */
static json_t *others_json(struct daemon *d, const struct view *v, uint32_t ifindex)
{
	json_t *list = json_array();
	_cleanup_free_ struct filter *f = NULL;
	char text[64];
	size_t n = 0;

	for (size_t i = 0; i < v->n_qdiscs; i++) {
		const struct qdisc *q = &v->qdiscs[i];
		const struct hook *hook = hooks_find(&d->plane.hooks, ifindex);

		/* Handle 0: the kernel's own default. */
		if (q->ifindex != ifindex || q->handle == 0 ||
		    (q->parent == TC_H_INGRESS && hook && hook->ours))
			continue;
		snprintf(text, sizeof(text), "qdisc %s", q->kind);
		json_array_append_new(list, json_string(text));
	}
	if (filter_list_all(d->plane.rtnl, ifindex, &f, &n) < 0)
		n = 0;
	for (size_t i = 0; i < n; i++) {
		if (f[i].ours)
			continue;
		snprintf(text, sizeof(text), "filter %s pref %u", f[i].kind, f[i].pref);
		json_array_append_new(list, json_string(text));
	}
	return list;
}

static json_t *vm_json(const struct binding *b)
{
	if (!b->pid)
		return json_null();
	return json_pack("{s:s,s:I,s:s}", "name", b->vm, "pid", (json_int_t)b->pid, "vmm", b->vmm);
}

/* "on", "off" or "unavailable", and why it is not on. */
static const char *backpressure_text(struct daemon *d, uint32_t i, char *why, size_t size)
{
	const struct binding *b = &d->bindings[i];
	const struct held *h = b->bound ? backpressure_of(&d->backpressure, b->ifindex) : NULL;

	snprintf(why, size, "%s", b->why);
	if (b->bound && b->backpressure) {
		if (h && h->error == 0)
			return "on";
		snprintf(why, size, "cannot set the send buffer of %s: %s", b->nic,
			 h ? strerror(-h->error) : "not tried yet");
		return "unavailable";
	}
	return d->model.nodes[i].backpressure == BACKPRESSURE_OFF ? "off" : "unavailable";
}

static double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0.0;
}

/* Parts of less than a slot say nothing: whose timer ticked how often. */
static double cpu_error(const struct daemon *d, const struct rounds_vm *a, const struct slots_status *all)
{
	if (all->used_total_ns < d->model.schedule.slot_ns)
		return 0.0;
	return percent(a->used_ns, all->used_total_ns) - percent(a->entitled_ns, all->entitled_total_ns);
}

/* A VM's part in CPU scheduling, null where there is none; *why is overwritten where it cannot take part. */
static json_t *cpu_vm_json(struct daemon *d, const struct view *v, const struct binding *b, char *why,
			   size_t size)
{
	const struct slots_vm_status *s = slots_vm_status_find(v->vms, v->n_vms, b->pid);
	const struct rounds_vm *a;

	if (!d->cpu || !b->bound)
		return json_null();
	if (!s) {
		if (b->pid && !vmm_is_known(b->vmm))
			snprintf(why, size,
				 "%s (process %d) behind %s is no VMM that divvy knows: it is not paused",
				 b->vmm, b->pid, b->nic);
		else
			snprintf(why, size, "no VM's process behind %s: there is nothing to pause", b->nic);
		return json_null();
	}
	snprintf(why, size, "%s", s->why);
	if (!s->takes_part)
		return json_null();
	a = &s->account;
	return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:f,s:I,s:f,s:b,s:b}",
			 "credit_ns", (json_int_t)a->credit_ns,
			 "slots", (json_int_t)a->slots,
			 "slots_run", (json_int_t)a->slots_run,
			 "slots_run_total", (json_int_t)a->slots_run_total,
			 "entitled_ns", (json_int_t)a->entitled_ns,
			 "used_ns", (json_int_t)a->used_ns,
			 "error_pp", cpu_error(d, a, &v->slots),
			 "pauses", (json_int_t)s->pauses,
			 "longest_pause_ms", (double)s->longest_pause_ns / NSEC_PER_MSEC,
			 "raised", a->raised,
			 "running", a->running);
}

/*
 * What its queue dropped. Not the class's count: HTB sees only what is dropped on the way into the leaf
 * (htb_enqueue(), net/sched/sch_htb.c), and CoDel drops on the way out.
 */
static uint64_t dropped(const struct daemon *d, const struct view *v, const struct binding *b)
{
	const struct tree *have = &d->plane.have;
	const struct tree_vnic *vnic = b->bound ? tree_vnic(have, b->ifindex) : NULL;

	if (!vnic || vnic->uplink >= have->n_uplinks)
		return 0;
	for (size_t i = 0; i < v->n_qdiscs; i++)
		if (v->qdiscs[i].ifindex == have->uplinks[vnic->uplink].ifb &&
		    v->qdiscs[i].parent == TREE_CLASSID(vnic->minor))
			return v->qdiscs[i].drops;
	return 0;
}

static json_t *device_json(struct daemon *d, const struct view *v, uint32_t i, uint64_t delivered,
			   uint64_t entitled)
{
	const struct node *node = &d->model.nodes[i];
	const struct binding *b = &d->bindings[i];
	const struct sampler_rate *s = &v->sampled[i];
	const struct held *h = b->bound ? backpressure_of(&d->backpressure, b->ifindex) : NULL;
	struct divvy_counters offered = { 0 };
	char name[MODEL_FULL_NAME_SIZE], why[SLOTS_WHY_SIZE];
	const char *bp = backpressure_text(d, i, why, sizeof(why));
	json_t *cpu = cpu_vm_json(d, v, b, why, sizeof(why));

	if (b->bound)
		classifier_read(d->plane.classifier, b->ifindex, &offered);
	return json_pack("{s:s,s:s,s:o,s:s,s:I,s:I,s:I,s:f,s:I,s:I,s:I,s:I,s:I,s:I,s:s,s:I,s:s,s:o,s:o}",
			 "name", model_full_name(&d->model, i, name),
			 "nic", b->nic,
			 "vm", vm_json(b),
			 "state", b->bound ? "bound" : "waiting",
			 "share", (json_int_t)node->share.weight,
			 "entitled_bps", (json_int_t)rate_bits(v->entitled[i]),
			 "delivered_bps", (json_int_t)rate_bits(s->delivered),
			 "error_pp", percent(s->delivered.bytes_ps, delivered) -
				     percent(v->entitled[i].bytes_ps, entitled),
			 "window_ms", (json_int_t)(s->window_ns / NSEC_PER_MSEC),
			 "sent_bytes", (json_int_t)s->bytes,
			 "sent_packets", (json_int_t)s->packets,
			 "offered_bytes", (json_int_t)offered.bytes,
			 "offered_packets", (json_int_t)offered.packets,
			 "dropped_packets", (json_int_t)dropped(d, v, b),
			 "backpressure", bp,
			 "sndbuf_bytes", (json_int_t)(h && !h->error ? h->now : 0),
			 "why", why,
			 "others", b->bound ? others_json(d, v, b->ifindex) : json_array(),
			 "cpu", cpu);
}

static json_t *uplink_json(struct daemon *d, const struct view *v, uint32_t first, uint32_t next)
{
	const struct node *node = &d->model.nodes[first];
	json_t *devices = json_array();
	uint64_t delivered = 0, entitled = 0;

	for (uint32_t i = first + 1; i < next; i++)
		if (d->model.nodes[i].kind == NODE_DEVICE) {
			delivered += v->sampled[i].delivered.bytes_ps;
			entitled += v->entitled[i].bytes_ps;
		}
	for (uint32_t i = first + 1; i < next; i++)
		if (d->model.nodes[i].kind == NODE_DEVICE)
			json_array_append_new(devices, device_json(d, v, i, delivered, entitled));
	return json_pack("{s:s,s:b,s:I,s:I,s:o}",
			 "name", node->name,
			 "present", host_link_named(&d->host, node->name) != NULL,
			 "capacity_bps", (json_int_t)rate_bits(node->limit),
			 "delivered_bps", (json_int_t)(delivered * 8),
			 "devices", devices);
}

/* How the CPU is scheduled; null where devices are. */
static json_t *cpu_json(struct daemon *d, const struct view *v)
{
	const struct schedule *s = &d->model.schedule;
	const struct slots_status *c = &v->slots;
	json_t *j;

	if (!d->cpu)
		return json_null();
	j = json_pack("{s:s,s:f,s:i,s:i,s:s,s:f,s:b,s:b}",
		      "policy", s->policy,
		      "slot_ms", (double)s->slot_ns / NSEC_PER_MSEC,
		      "slots", (int)s->slots,
		      "lanes", (int)s->lanes,
		      "gate", gate_names[s->gate],
		      "burst_ms", (double)s->burst_ns / NSEC_PER_MSEC,
		      "strict", s->strict,
		      "spread", s->spread);
	json_object_update_new(j, json_pack("{s:I,s:f,s:I,s:I,s:I,s:f,s:I,s:b}",
					    "decisions", (json_int_t)c->decisions,
					    "late_max_ms", (double)c->late_max_ns / NSEC_PER_MSEC,
					    "late_slots", (json_int_t)c->late_slots,
					    "early_slots", (json_int_t)c->early_slots,
					    "skipped_slots", (json_int_t)c->skipped_slots,
					    "switch_ms", (double)c->switch_ns / NSEC_PER_MSEC,
					    "scheduler_cpu_ns", (json_int_t)c->scheduler_cpu_ns,
					    "realtime", c->realtime));
	return j;
}

json_t *status_slots_json(struct daemon *d, uint64_t since_ns)
{
	_cleanup_free_ struct slots_turn *turns = NULL;
	json_t *list;
	size_t n = 0;

	if (!d->cpu || slots_turns(d->cpu, since_ns, &turns, &n) < 0)
		return NULL;
	list = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_pack("{s:I,s:I,s:I,s:I}",
						      "pid", (json_int_t)turns[i].pid,
						      "start_ns", (json_int_t)turns[i].start_ns,
						      "end_ns", (json_int_t)turns[i].end_ns,
						      "used_ns", (json_int_t)turns[i].used_ns));
	return json_pack("{s:i,s:o}", "version", STATUS_VERSION, "turns", list);
}

json_t *status_json(struct daemon *d)
{
	static const char *const origin[] = { [ORIGIN_NONE] = "none",
					      [ORIGIN_FILE] = "file",
					      [ORIGIN_APPLIED] = "applied" };
	_cleanup_(view_free) struct view v = { 0 };
	json_t *uplinks;

	if (view_make(d, &v) < 0)
		return NULL;
	uplinks = json_array();
	for (uint32_t first = 0, next; first < d->model.n_nodes; first = next) {
		for (next = first + 1; next < d->model.n_nodes && d->model.nodes[next].kind != NODE_UPLINK;
		     next++)
			;
		json_array_append_new(uplinks, uplink_json(d, &v, first, next));
	}
	return json_pack("{s:i,s:I,s:s,s:o,s:{s:s,s:s,s:b,s:s},s:o}",
			 "version", STATUS_VERSION,
			 "monotonic_ns", (json_int_t)clock_now_ns(),
			 "resource", d->cpu ? "cpu" : "device",
			 "schedule", cpu_json(d, &v),
			 "specification",
				"from", origin[d->origin],
				"file", d->options.config,
				"differs_from_file", state_differs(d),
				"not_cpu", d->not_cpu,
			 "uplinks", uplinks);
}

/* nic: the VM's side, or NULL; unschedulable: why the link cannot be, or NULL; device: its name, or "". */
static json_t *nic_json(const struct link *l, const struct vmm_nic *nic, const char *unschedulable,
			const char *device)
{
	bool waits = !unschedulable && nic && nic->waits == VMM_WAITS_YES;
	const char *why = unschedulable ? unschedulable :
			  nic ? nic->why :
			  l->kind == LINK_TUN ? "no VM has it open" : "no send buffer on the host's side";

	return json_pack("{s:s,s:s,s:b,s:s,s:s,s:s,s:s,s:I,s:s,s:s,s:s}",
			 "nic", l->name,
			 "kind", l->kind == LINK_TUN && l->tap ? "tap" : l->kind_name,
			 "schedulable", !unschedulable,
			 "device", device,
			 "vm", nic ? nic->vm : "",
			 "vmm", nic ? nic->vmm : "",
			 "model", nic ? nic->model : "",
			 "pid", (json_int_t)(nic ? nic->pid : 0),
			 "mac", nic ? nic->mac : "",
			 "backpressure", waits ? "possible" : "unavailable",
			 "why", why);
}

json_t *status_discover_json(struct daemon *d)
{
	json_t *list = json_array();

	for (size_t i = 0; i < d->host.n_links; i++) {
		const struct link *l = &d->host.links[i];
		const char *why = binding_unschedulable(l);
		const struct vmm_nic *nic = host_nic(&d->host, l->name);
		const struct tree_vnic *v = tree_vnic(&d->want, l->ifindex);
		char name[MODEL_FULL_NAME_SIZE] = "";

		/* Hardware, bridges and the like are no vNICs: only what could be taken for one is told. */
		if (why && l->kind != LINK_MACVTAP && l->kind != LINK_TUN)
			continue;
		if (v)
			model_full_name(&d->model, v->node, name);
		json_array_append_new(list, nic_json(l, nic, why, name));
	}
	return json_pack("{s:i,s:o}", "version", STATUS_VERSION, "nics", list);
}
