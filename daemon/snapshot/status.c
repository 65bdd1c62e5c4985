// SPDX-License-Identifier: GPL-2.0-or-later
#include "status.h"

#include "base/cleanup.h"
#include "base/printable.h"
#include "plan/claims.h"
#include "proto/jsontext.h"
#include "spec/units.h"
#include "status_flow.h"

#include <stdio.h>
#include <string.h>

#define STATUS_VERSION 1

static double ms(uint64_t ns)
{
	return (double)ns / NSEC_PER_MSEC;
}

static void put_vm(struct jsontext *j, const struct binding *b)
{
	if (!b->pid) {
		jsontext_null(j, "vm");
		return;
	}
	jsontext_open(j, "vm", '{');
	jsontext_string(j, "name", b->vm);
	jsontext_int(j, "pid", b->pid);
	jsontext_string(j, "vmm", b->vmm);
	jsontext_close(j, '}');
}

/* Whether vhost-net serves the NIC's rings; null: not known, or there is no VM. */
static void put_vhost(struct jsontext *j, enum vmm_vhost vhost)
{
	if (vhost == VMM_VHOST_UNKNOWN)
		jsontext_null(j, "vhost");
	else
		jsontext_bool(j, "vhost", vhost == VMM_VHOST_YES);
}

static void put_lines(struct jsontext *j, const char *key, const struct snapshot *s, size_t first, size_t n)
{
	jsontext_open(j, key, '[');
	for (size_t i = 0; i < n; i++)
		jsontext_string(j, NULL, s->nics.lines[first + i]);
	jsontext_close(j, ']');
}

/* A VM's part in the CPU slots; null where there is none. */
static void put_slots_vm(struct jsontext *j, const struct snapshot_device *d)
{
	const struct rounds_vm *a = &d->slots.account;

	if (!d->in_slots) {
		jsontext_null(j, "cpu");
		return;
	}
	jsontext_open(j, "cpu", '{');
	jsontext_int(j, "credit_ns", a->credit_ns);
	jsontext_int(j, "slots", a->slots);
	jsontext_int(j, "slots_run", a->slots_run);
	jsontext_int(j, "slots_run_total", (int64_t)a->slots_run_total);
	jsontext_int(j, "entitled_ns", (int64_t)a->entitled_ns);
	jsontext_int(j, "used_ns", (int64_t)a->used_ns);
	jsontext_real(j, "error_pp", d->slots_error_pp);
	jsontext_int(j, "pauses", (int64_t)d->slots.pauses);
	jsontext_real(j, "longest_pause_ms", ms(d->slots.longest_pause_ns));
	jsontext_int(j, "unpaused_workers", d->slots.unpaused_workers);
	jsontext_int(j, "unpaused_ns", (int64_t)d->slots.unpaused_ns);
	jsontext_bool(j, "raised", a->raised);
	jsontext_bool(j, "running", a->running);
	jsontext_close(j, '}');
}

/* What other programs removed or changed, and divvyd put right. */
static void put_repaired(struct jsontext *j, const struct repairs_sum *r)
{
	jsontext_open(j, "repaired", '{');
	jsontext_int(j, "last_minute", r->last_minute);
	jsontext_int(j, "total", (int64_t)r->total);
	jsontext_string(j, "what", r->text);
	jsontext_close(j, '}');
}

/* What others have on a vNIC, and how that and divvy meet. */
static void put_meets(struct jsontext *j, const struct snapshot *s, const struct snapshot_nic *n)
{
	static const char *const hook[] = {
		[0] = "", [HOOK_FILTER] = "filter", [HOOK_TCX] = "tcx", [HOOK_FILTER | HOOK_TCX] = "both",
		[HOOK_EGRESS] = "egress",
	};

	jsontext_string(j, "hook", hook[n->hooks]);
	jsontext_string(j, "passed_by", n->binding->passed_by);
	put_lines(j, "others", s, n->first_other, n->n_others);
	put_lines(j, "filters_passed_by", s, n->first_passed, n->n_passed);
	status_undivided(j, &n->undivided);
}

static void put_nic(struct jsontext *j, const struct snapshot *s, const struct snapshot_nic *n)
{
	jsontext_open(j, NULL, '{');
	jsontext_string(j, "nic", n->binding->nic);
	jsontext_bool(j, "bound", n->binding->bound);
	jsontext_bool(j, "held_back", n->backpressure == SNAPSHOT_ON);
	jsontext_int(j, "offered_bytes", (int64_t)n->offered[DIRECTION_TX].bytes);
	jsontext_int(j, "offered_packets", (int64_t)n->offered[DIRECTION_TX].packets);
	jsontext_int(j, "sndbuf_bytes", n->sndbuf);
	jsontext_string(j, "why", n->why);
	put_meets(j, s, n);
	jsontext_close(j, '}');
}

/* Those that are known on this host. */
static void put_nics(struct jsontext *j, const struct snapshot *s, const struct snapshot_device *d)
{
	jsontext_open(j, "nics", '[');
	for (size_t i = 0; i < d->n_nics; i++)
		if (s->nics.list[d->first_nic + i].binding->nic[0])
			put_nic(j, s, &s->nics.list[d->first_nic + i]);
	jsontext_close(j, ']');
}

static const struct snapshot_undivided *first_undivided(const struct snapshot *s, const struct snapshot_device *d)
{
	for (size_t i = 0; i < d->n_nics; i++)
		if (s->nics.list[d->first_nic + i].undivided.is)
			return &s->nics.list[d->first_nic + i].undivided;
	return &s->nics.list[d->first_nic].undivided;
}

/* What counts since it began. */
static void put_counters(struct jsontext *j, const struct snapshot *s, const struct snapshot_device *d)
{
	status_flow_counters(j, &d->flow[DIRECTION_TX]);
	jsontext_int(j, "sndbuf_bytes", s->nics.list[d->first_nic].sndbuf);
	put_repaired(j, &d->repaired);
}

/* What is said of each vNIC. */
static void put_rest(struct jsontext *j, const struct snapshot *s, const struct snapshot_device *d)
{
	const struct snapshot_nic *first = &s->nics.list[d->first_nic];

	put_vhost(j, d->binding->vhost);
	put_meets(j, s, first);
	put_nics(j, s, d);
}

/* first_device: the first device of the uplink that the network counts among its sums */
static void put_network(struct jsontext *j, const struct snapshot_network *n, size_t first_device)
{
	jsontext_open(j, NULL, '{');
	jsontext_string(j, "name", n->name);
	status_flow_terms(j, &n->flow[DIRECTION_TX]);
	status_flow_rates(j, &n->flow[DIRECTION_TX]);
	status_flow_promise(j, &n->flow[DIRECTION_TX]);
	status_flow_rx(j, &n->flow[DIRECTION_RX], NULL, false);
	jsontext_int(j, "first_device", (int64_t)(n->first_device - first_device));
	jsontext_int(j, "n_devices", (int64_t)n->n_devices);
	jsontext_close(j, '}');
}

static void put_networks(struct jsontext *j, const struct snapshot *s, const struct snapshot_uplink *u)
{
	jsontext_open(j, "networks", '[');
	for (size_t i = 0; i < u->n_networks; i++)
		put_network(j, &s->networks.list[u->first_network + i], u->first_device);
	jsontext_close(j, ']');
}

static void put_device(struct jsontext *j, const struct snapshot *s, const struct snapshot_device *d,
		       enum status_detail detail)
{
	static const char *const backpressure[] = { [SNAPSHOT_ON] = "on",
						    [SNAPSHOT_OFF] = "off",
						    [SNAPSHOT_UNAVAILABLE] = "unavailable" };
	const struct snapshot_flow *tx = &d->flow[DIRECTION_TX];

	jsontext_open(j, NULL, '{');
	jsontext_string(j, "name", d->name);
	jsontext_string(j, "of", d->of);
	jsontext_string(j, "nic", d->binding->nic);
	put_vm(j, d->binding);
	jsontext_string(j, "state", d->binding->bound ? "bound" : "waiting");
	status_flow_terms(j, tx);
	status_flow_rates(j, tx);
	status_flow_error(j, tx, s->cpu);
	status_flow_promise(j, tx);
	status_flow_drops(j, tx);
	jsontext_string(j, "backpressure", backpressure[d->backpressure]);
	jsontext_string(j, "why", d->why);
	status_flow_rx(j, &d->flow[DIRECTION_RX], d, detail != STATUS_BRIEF);
	if (detail != STATUS_BRIEF)
		put_counters(j, s, d);
	if (detail != STATUS_WHOLE)
		status_undivided(j, first_undivided(s, d));
	else
		put_rest(j, s, d);
	put_slots_vm(j, d);
	jsontext_close(j, '}');
}

/* What its devices have together in one direction. */
static void put_capacity(struct jsontext *j, const struct snapshot_flow *f)
{
	jsontext_int(j, "capacity_bps", (int64_t)rate_bits(f->limit));
	if (f->sent.known)
		jsontext_int(j, "delivered_bps", (int64_t)rate_bits(f->sent.delivered));
	else
		jsontext_null(j, "delivered_bps");
}

/* null where what they receive is left alone. */
static void put_uplink_rx(struct jsontext *j, const struct snapshot_flow *f)
{
	if (!f->wanted) {
		jsontext_null(j, "rx");
		return;
	}
	jsontext_open(j, "rx", '{');
	put_capacity(j, f);
	jsontext_close(j, '}');
}

static void put_uplink(struct jsontext *j, const struct snapshot *s, const struct snapshot_uplink *u,
		       enum status_detail detail)
{
	char of_link[UNITS_OF_LINK_SIZE];

	jsontext_open(j, NULL, '{');
	jsontext_string(j, "name", u->name);
	jsontext_bool(j, "present", u->present);
	put_capacity(j, &u->flow[DIRECTION_TX]);
	if (u->of_link.ppm)
		jsontext_string(j, "capacity", units_format_of_link(u->of_link, of_link));
	else
		jsontext_null(j, "capacity");
	put_uplink_rx(j, &u->flow[DIRECTION_RX]);
	put_repaired(j, &u->repaired);
	put_networks(j, s, u);
	jsontext_open(j, "devices", '[');
	for (size_t i = 0; i < u->n_devices; i++)
		put_device(j, s, &s->devices[u->first_device + i], detail);
	jsontext_close(j, ']');
	jsontext_close(j, '}');
}

/* How the CPU is scheduled; null where devices are. */
static void put_schedule(struct jsontext *j, const struct snapshot *snapshot)
{
	const struct schedule *s = &snapshot->schedule;
	const struct slots_status *c = &snapshot->slots;

	if (!snapshot->cpu) {
		jsontext_null(j, "schedule");
		return;
	}
	jsontext_open(j, "schedule", '{');
	jsontext_string(j, "policy", s->policy);
	jsontext_real(j, "slot_ms", ms(s->slot_ns));
	jsontext_int(j, "slots", s->slots);
	jsontext_int(j, "lanes", s->lanes);
	jsontext_string(j, "gate", gate_names[s->gate]);
	jsontext_real(j, "burst_ms", ms(s->burst_ns));
	jsontext_bool(j, "strict", s->strict);
	jsontext_bool(j, "spread", s->spread);
	jsontext_int(j, "decisions", (int64_t)c->decisions);
	jsontext_real(j, "late_max_ms", ms(c->late_max_ns));
	jsontext_int(j, "late_slots", (int64_t)c->late_slots);
	jsontext_int(j, "early_slots", (int64_t)c->early_slots);
	jsontext_int(j, "skipped_slots", (int64_t)c->skipped_slots);
	jsontext_real(j, "switch_ms", ms(c->switch_ns));
	jsontext_int(j, "scheduler_cpu_ns", (int64_t)c->scheduler_cpu_ns);
	jsontext_bool(j, "realtime", c->realtime);
	jsontext_close(j, '}');
}

static void put_unclaimed(struct jsontext *j, const struct snapshot *s)
{
	jsontext_open(j, "unclaimed", '[');
	for (size_t i = 0; i < s->n_unclaimed; i++) {
		const struct vmm_nic *nic = &s->unclaimed[i];

		jsontext_open(j, NULL, '{');
		jsontext_string(j, "nic", nic->tap);
		jsontext_string(j, "vm", nic->vm);
		jsontext_string(j, "vmm", nic->vmm);
		jsontext_int(j, "pid", nic->pid);
		jsontext_string(j, "mac", nic->mac);
		jsontext_close(j, '}');
	}
	jsontext_close(j, ']');
}

static void put_warnings(struct jsontext *j, const struct warning_list *l)
{
	jsontext_open(j, "warnings", '[');
	for (size_t i = 0; i < l->n; i++)
		jsontext_string(j, NULL, l->list[i].text);
	jsontext_close(j, ']');
}

char *status_text(const struct snapshot *s, const char *config, enum status_detail detail)
{
	static const char *const origin[] = { [ORIGIN_NONE] = "none",
					      [ORIGIN_FILE] = "file",
					      [ORIGIN_APPLIED] = "applied" };
	struct jsontext j = { .no_nulls = detail == STATUS_COUNTERS };

	jsontext_open(&j, NULL, '{');
	jsontext_int(&j, "version", STATUS_VERSION);
	jsontext_int(&j, "monotonic_ns", (int64_t)s->at_ns);
	jsontext_string(&j, "resource", s->cpu ? "cpu" : "device");
	put_schedule(&j, s);
	jsontext_open(&j, "specification", '{');
	jsontext_string(&j, "from", origin[s->origin]);
	jsontext_string(&j, "file", config);
	jsontext_bool(&j, "differs_from_file", s->differs_from_file);
	jsontext_string(&j, "not_cpu", s->not_cpu);
	jsontext_string(&j, "not_file", s->not_file);
	jsontext_string(&j, "state_lost", s->state_lost);
	jsontext_bool(&j, "as_found", s->as_found);
	jsontext_string(&j, "unsaved", s->unsaved);
	jsontext_close(&j, '}');
	jsontext_open(&j, "uplinks", '[');
	for (size_t i = 0; i < s->n_uplinks; i++)
		put_uplink(&j, s, &s->uplinks[i], detail);
	jsontext_close(&j, ']');
	put_unclaimed(&j, s);
	put_warnings(&j, &s->warnings);
	jsontext_close(&j, '}');
	return jsontext_take(&j);
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

/* A tap that no process is known to have open. */
static void no_process(const struct daemon *d, const struct link *l, char *why, size_t size)
{
	if (!binding_is_live(l))
		snprintf(why, size, "no VM has it open");
	else if (d->host.sight.cause)
		snprintf(why, size, "divvyd may not look into the process that has it open: %s", d->host.sight.cause);
	else
		snprintf(why, size, "no process of this host was found that has it open");
}

/* Why no packet comes from it now; "": one may. A tap that is not open says so as the reason for no backpressure. */
static const char *idle(const struct link *l, const struct vmm_nic *nic)
{
	switch (binding_idle(l, nic)) {
	case REASON_DOWN:
		return "it is down";
	case REASON_NO_CARRIER:
		return l->kind == LINK_TUN ? "it has no carrier: its VM has taken it away" :
		       binding_is_lower(l) ? "its lower device is down or has no carrier" :
					     "its peer is down";
	default:
		return "";
	}
}

/* nic: the VM's side, or NULL; device: its name, or "". */
static json_t *nic_json(const struct daemon *d, const struct link *l, const struct vmm_nic *nic, const char *device)
{
	const char *unschedulable = binding_unschedulable(l);
	bool waits = !unschedulable && nic && nic->waits == VMM_WAITS_YES;
	char why[200] = "no send buffer on the host's side", name[4 * IFNAMSIZ], clean[200];
	json_t *vhost;

	if (unschedulable)
		snprintf(why, sizeof(why), "%s", unschedulable);
	else if (nic)
		snprintf(why, sizeof(why), "%s", nic->why);
	else if (binding_is_lower(l))
		snprintf(why, sizeof(why), "what is too much is dropped: a %s takes its packets before they can wait",
			 l->kind_name);
	else if (l->kind == LINK_TUN)
		no_process(d, l, why, sizeof(why));
	vhost = nic && nic->vhost != VMM_VHOST_UNKNOWN ? json_boolean(nic->vhost == VMM_VHOST_YES) : json_null();
	/* Jansson takes UTF-8 alone. The rest is constants, or was taken in by printable_name(). */
	printable(l->name, strlen(l->name), name, sizeof(name));
	printable(why, strlen(why), clean, sizeof(clean));
	return json_pack("{s:s,s:s,s:b,s:s,s:s,s:s,s:s,s:s,s:o,s:I,s:s,s:s,s:s,s:s}",
			 "nic", name,
			 "kind", l->kind == LINK_TUN && l->tap ? "tap" : l->kind_name,
			 "schedulable", !unschedulable,
			 "device", device,
			 "vm", nic ? nic->vm : "",
			 "vmid", nic ? nic->vmid : "",
			 "vmm", nic ? nic->vmm : "",
			 "model", nic ? nic->model : "",
			 "vhost", vhost,
			 "pid", (json_int_t)(nic ? nic->pid : 0),
			 "mac", nic ? nic->mac : "",
			 "backpressure", waits ? "possible" : "unavailable",
			 "why", clean,
			 "idle", unschedulable ? "" : idle(l, nic));
}

json_t *status_discover_json(const struct daemon *d)
{
	_cleanup_(claims_free) struct claims claims = { 0 };
	json_t *list = json_array(), *warnings = json_array();
	char text[SIGHT_TEXT_SIZE];

	if (d->host.sight.limit)
		json_array_append_new(warnings, json_string(sight_text(&d->host.sight, text)));
	if (d->plan.bindings)
		(void)claims_make(&d->plan, &d->host, &claims);
	for (size_t i = 0; i < d->host.n_links; i++) {
		const struct link *l = &d->host.links[i];
		uint32_t node = claims_find(&claims, l->name);
		char name[MODEL_FULL_NAME_SIZE] = "";

		if (!binding_is_shown(&d->host, l))
			continue;
		if (node != NODE_NONE)
			model_full_name(&d->plan.model, node, name);
		json_array_append_new(list, nic_json(d, l, host_nic(&d->host, l->name), name));
	}
	return json_pack("{s:i,s:o,s:o}", "version", STATUS_VERSION, "nics", list, "warnings", warnings);
}
