// SPDX-License-Identifier: GPL-2.0-or-later
#include "status.h"

#include "base/cleanup.h"

#define STATUS_VERSION 1

static double ms(uint64_t ns)
{
	return (double)ns / NSEC_PER_MSEC;
}

static json_t *vm_json(const struct binding *b)
{
	if (!b->pid)
		return json_null();
	return json_pack("{s:s,s:I,s:s}", "name", b->vm, "pid", (json_int_t)b->pid, "vmm", b->vmm);
}

static json_t *others_json(const struct snapshot *s, const struct snapshot_device *d)
{
	json_t *list = json_array();

	for (size_t i = 0; i < d->n_others; i++)
		json_array_append_new(list, json_string(s->others[d->first_other + i]));
	return list;
}

/* A VM's part in the CPU slots; null where there is none. */
static json_t *slots_vm_json(const struct snapshot_device *d)
{
	const struct rounds_vm *a = &d->slots.account;

	if (!d->in_slots)
		return json_null();
	return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:f,s:I,s:f,s:b,s:b}",
			 "credit_ns", (json_int_t)a->credit_ns,
			 "slots", (json_int_t)a->slots,
			 "slots_run", (json_int_t)a->slots_run,
			 "slots_run_total", (json_int_t)a->slots_run_total,
			 "entitled_ns", (json_int_t)a->entitled_ns,
			 "used_ns", (json_int_t)a->used_ns,
			 "error_pp", d->slots_error_pp,
			 "pauses", (json_int_t)d->slots.pauses,
			 "longest_pause_ms", ms(d->slots.longest_pause_ns),
			 "raised", a->raised,
			 "running", a->running);
}

/* What was measured over a window is null as long as there is no window. */
static json_t *delivered_json(const struct snapshot_device *d)
{
	return d->binding.bound && !d->sent.known ? json_null() :
						    json_integer((json_int_t)rate_bits(d->sent.delivered));
}

static json_t *error_json(const struct snapshot_device *d)
{
	return d->binding.bound && !d->sent.known ? json_null() : json_real(d->error_pp);
}

static json_t *device_json(const struct snapshot *s, const struct snapshot_device *d)
{
	static const char *const backpressure[] = { [SNAPSHOT_ON] = "on",
						    [SNAPSHOT_OFF] = "off",
						    [SNAPSHOT_UNAVAILABLE] = "unavailable" };

	return json_pack("{s:s,s:s,s:o,s:s,s:I,s:I,s:o,s:o,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:s,s:I,s:s,s:o,s:o}",
			 "name", d->name,
			 "nic", d->binding.nic,
			 "vm", vm_json(&d->binding),
			 "state", d->binding.bound ? "bound" : "waiting",
			 "share", (json_int_t)d->share.weight,
			 "entitled_bps", (json_int_t)rate_bits(d->entitled),
			 "delivered_bps", delivered_json(d),
			 "error_pp", error_json(d),
			 "window_ms", (json_int_t)(d->sent.window_ns / NSEC_PER_MSEC),
			 "sent_bytes", (json_int_t)d->sent.bytes,
			 "sent_packets", (json_int_t)d->sent.packets,
			 "sent_ns", (json_int_t)d->sent.at_ns,
			 "offered_bytes", (json_int_t)d->offered.bytes,
			 "offered_packets", (json_int_t)d->offered.packets,
			 "offered_ns", (json_int_t)d->offered_ns,
			 "dropped_packets", (json_int_t)d->dropped_packets,
			 "dropped_ns", (json_int_t)d->dropped_ns,
			 "backpressure", backpressure[d->backpressure],
			 "sndbuf_bytes", (json_int_t)d->sndbuf,
			 "why", d->why,
			 "others", others_json(s, d),
			 "cpu", slots_vm_json(d));
}

static json_t *uplink_json(const struct snapshot *s, const struct snapshot_uplink *u)
{
	json_t *devices = json_array();

	for (size_t i = 0; i < u->n_devices; i++)
		json_array_append_new(devices, device_json(s, &s->devices[u->first_device + i]));
	return json_pack("{s:s,s:b,s:I,s:I,s:o}",
			 "name", u->name,
			 "present", u->present,
			 "capacity_bps", (json_int_t)rate_bits(u->capacity),
			 "delivered_bps", (json_int_t)rate_bits(u->delivered),
			 "devices", devices);
}

/* How the CPU is scheduled; null where devices are. */
static json_t *schedule_json(const struct snapshot *snapshot)
{
	const struct schedule *s = &snapshot->schedule;
	const struct slots_status *c = &snapshot->slots;
	json_t *j;

	if (!snapshot->cpu)
		return json_null();
	j = json_pack("{s:s,s:f,s:i,s:i,s:s,s:f,s:b,s:b}",
		      "policy", s->policy,
		      "slot_ms", ms(s->slot_ns),
		      "slots", (int)s->slots,
		      "lanes", (int)s->lanes,
		      "gate", gate_names[s->gate],
		      "burst_ms", ms(s->burst_ns),
		      "strict", s->strict,
		      "spread", s->spread);
	json_object_update_new(j, json_pack("{s:I,s:f,s:I,s:I,s:I,s:f,s:I,s:b}",
					    "decisions", (json_int_t)c->decisions,
					    "late_max_ms", ms(c->late_max_ns),
					    "late_slots", (json_int_t)c->late_slots,
					    "early_slots", (json_int_t)c->early_slots,
					    "skipped_slots", (json_int_t)c->skipped_slots,
					    "switch_ms", ms(c->switch_ns),
					    "scheduler_cpu_ns", (json_int_t)c->scheduler_cpu_ns,
					    "realtime", c->realtime));
	return j;
}

json_t *status_json(const struct snapshot *s, const char *config)
{
	static const char *const origin[] = { [ORIGIN_NONE] = "none",
					      [ORIGIN_FILE] = "file",
					      [ORIGIN_APPLIED] = "applied" };
	json_t *uplinks = json_array();

	for (size_t i = 0; i < s->n_uplinks; i++)
		json_array_append_new(uplinks, uplink_json(s, &s->uplinks[i]));
	return json_pack("{s:i,s:I,s:s,s:o,s:{s:s,s:s,s:b,s:s},s:o}",
			 "version", STATUS_VERSION,
			 "monotonic_ns", (json_int_t)s->at_ns,
			 "resource", s->cpu ? "cpu" : "device",
			 "schedule", schedule_json(s),
			 "specification",
				"from", origin[s->origin],
				"file", config,
				"differs_from_file", s->differs_from_file,
				"not_cpu", s->not_cpu,
			 "uplinks", uplinks);
}

json_t *status_slots_json(const struct daemon *d, uint64_t since_ns)
{
	_cleanup_free_ struct slots_turn *turns = NULL;
	json_t *list;
	size_t n = 0;

	if (slots_turns(d->slots, since_ns, &turns, &n) < 0)
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

json_t *status_discover_json(const struct daemon *d)
{
	json_t *list = json_array();

	for (size_t i = 0; i < d->host.n_links; i++) {
		const struct link *l = &d->host.links[i];
		const char *why = binding_unschedulable(l);
		const struct tree_vnic *v = tree_vnic(&d->plan.tree, l->ifindex);
		char name[MODEL_FULL_NAME_SIZE] = "";

		/* Hardware, bridges and the like are no vNICs: only what could be taken for one is told. */
		if (why && l->kind != LINK_MACVTAP && l->kind != LINK_TUN)
			continue;
		if (v)
			model_full_name(&d->plan.model, v->node, name);
		json_array_append_new(list, nic_json(l, host_nic(&d->host, l->name), why, name));
	}
	return json_pack("{s:i,s:o}", "version", STATUS_VERSION, "nics", list);
}
