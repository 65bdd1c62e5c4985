// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Verbs of the control protocol (doc/divvy-protocol.7):
 *	apply    {text, dry_run}    replace the running specification
 *	set      {shares: {name: weight}, nodes: {name: {key: text}}, schedule: {key: text}, dry_run}
 *	release  {all: true} or {device: name}
 *	status   {}                 status.h
 *	discover {spec}             status.h; with spec true {text}: a specification of what is there
 *	show     {}                 {text}: the running specification
 *	slots    {since_ns}         CPU scheduling: each VM's latest turns
 */
#include "verbs.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/event.h"
#include "base/printable.h"
#include "daemon/reconcile/advice.h"
#include "daemon/reconcile/reconcile.h"
#include "daemon/reconcile/vms.h"
#include "daemon/snapshot/snapshot.h"
#include "daemon/snapshot/status.h"
#include "daemon/state/state.h"
#include "daemon/state/systemfile.h"
#include "datapath/dryrun.h"
#include "drafted.h"
#include "plan/near.h"
#include "setting.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void fail(struct reply *reply, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void fail(struct reply *reply, const char *fmt, ...)
{
	struct spec_error err = { 0 };
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err.text, sizeof(err.text), fmt, ap);
	va_end(ap);
	reply_error(reply, &err);
}

/* result: taken; NULL: out of memory. */
static void answer(struct reply *reply, json_t *result)
{
	if (result)
		reply_result(reply, result);
	else
		fail(reply, "out of memory");
}

/*
 * What a change made is in force; where it could not be saved, a warning says so. result: taken; it has a list
 * "warnings"; NULL: out of memory.
 */
static void answer_change(const struct daemon *d, struct reply *reply, json_t *result)
{
	char why[DAEMON_WHY_SIZE]; /* it names a directory, which may be called anything */

	if (d->unsaved[0])
		json_array_append_new(json_object_get(result, "warnings"),
				      json_sprintf("in force, but would not survive a restart of divvyd: %s",
						   printable(d->unsaved, strlen(d->unsaved), why, sizeof(why))));
	answer(reply, result);
}

/* A change that was asked for is not made. */
static void refuse(struct daemon *d, const char *verb, struct reply *reply, const struct spec_error *err)
{
	asked_refused(&d->asked_for, verb, err, clock_now_ns());
	reply_error(reply, err);
}

/* True: answered, for what runs is not known, and so cannot be changed or shown. */
static bool refused_as_found(const struct daemon *d, struct reply *reply)
{
	if (d->as_found)
		fail(reply, "what runs is not known, for the state was lost (divvy status): use divvy apply "
			    "FILE, or divvy release --all");
	return d->as_found;
}

/* --- changes ------------------------------------------------------------------------------------ */

/* Make m the running model as `apply` and `set` do: kept over a restart. False: answered, with the reason. */
static bool run_model(struct daemon *d, const struct model *m, const char *verb, struct reply *reply)
{
	struct spec_error err;

	if (reconcile_switch(d, m, &err) < 0) {
		refuse(d, verb, reply, &err);
		return false;
	}
	d->origin = ORIGIN_APPLIED;
	d->state_lost[0] = '\0';
	d->not_file[0] = '\0';
	d->file_hash = systemfile_hash(d->options.config);
	d->file.valid = false;
	(void)state_save(d); /* the answer says so */
	return true;
}

static void dry_run(struct daemon *d, const struct model *m, struct reply *reply)
{
	const struct dryrun with = {
		.plane = &d->plane, .host = &d->host, .backpressure = &d->backpressure, .running = &d->plan
	};
	_cleanup_(warning_list_freep) struct warning_list warnings = { 0 };
	struct plan p = { 0 };
	struct spec_error err;

	if (reconcile_try(d, m, &p, &err) < 0) {
		reply_error(reply, &err);
		return;
	}
	answer(reply, dryrun_json(&with, &p, advice_of_plan(d, &p, &warnings) < 0 ? NULL : advice_json(&warnings)));
	plan_free(&p);
}

static bool asks_dry_run(const json_t *args)
{
	return json_is_true(json_object_get(args, "dry_run"));
}

/* What is found counts: later looks at /proc are compared with this one. */
static void look_at_vms(struct daemon *d)
{
	if (reconcile_look(d, true))
		reconcile_host(d);
}

/* How many devices of the running model are bound although their VMs are in no CPU slots. */
static size_t count_apart(struct daemon *d)
{
	_cleanup_free_ struct slots_vm_status *vms = NULL;
	struct slots_status all;
	size_t n = 0, apart = 0;

	if (!d->slots || slots_snapshot(d->slots, &all, &vms, &n) < 0)
		return 0;
	for (size_t i = 0; i < d->plan.model.n_nodes; i++) {
		const struct binding *b = &d->plan.bindings[i];
		const struct slots_vm_status *vm = slots_vm_status_find(vms, n, b->pid);

		if (d->plan.model.nodes[i].kind == NODE_DEVICE && b->bound)
			apart += !b->pid || !vm || !vm->takes_part;
	}
	return apart;
}

static void verb_apply(struct daemon *d, const json_t *args, struct reply *reply)
{
	const char *text = json_string_value(json_object_get(args, "text"));
	_cleanup_(warning_list_freep) struct warning_list warnings = { 0 };
	_cleanup_(model_free) struct model m;
	struct spec_error err;
	size_t devices, bound;
	char what[80];

	model_init(&m);
	if (!text) {
		fail(reply, "apply: expected {\"text\": the specification}");
		return;
	}
	if (spec_parse(text, strlen(text), &m, &err) < 0) {
		refuse(d, "apply", reply, &err);
		return;
	}
	/* Tens of milliseconds where there are a thousand processes: once here, not with every set. */
	look_at_vms(d);
	if (asks_dry_run(args)) {
		dry_run(d, &m, reply);
		return;
	}
	d->plane.stale = true; /* applying the same text again repairs */
	if (!run_model(d, &m, "apply", reply))
		return;
	plan_count(&d->plan, &devices, &bound);
	snprintf(what, sizeof(what), "%zu devices, %zu bound", devices, bound);
	asked_done("apply", NULL, NULL, NULL, what);
	(void)advice_now(d, &warnings);
	answer_change(d, reply,
		      json_pack("{s:I,s:I,s:I,s:o}", "devices", (json_int_t)devices, "bound", (json_int_t)bound,
				"apart", (json_int_t)count_apart(d), "warnings", advice_json(&warnings)));
}

static void verb_set(struct daemon *d, const json_t *args, struct reply *reply)
{
	_cleanup_(warning_list_freep) struct warning_list warnings = { 0 };
	_cleanup_(model_free) struct model m;
	struct spec_error err = { 0 };

	model_init(&m);
	if (refused_as_found(d, reply))
		return;
	if (model_copy(&m, &d->plan.written) < 0) {
		fail(reply, "out of memory");
		return;
	}
	if (setting_change(&d->plan, args, &m, &err) < 0) {
		refuse(d, "set", reply, &err);
		return;
	}
	if (asks_dry_run(args)) {
		dry_run(d, &m, reply);
		return;
	}
	if (!run_model(d, &m, "set", reply))
		return;
	setting_tell(&d->plan, args);
	(void)advice_now(d, &warnings);
	answer_change(d, reply, json_pack("{s:o}", "warnings", advice_new_json(d, &warnings)));
}

/* The model without node skip, and without what stands empty then. */
static int model_without(const struct model *m, uint32_t skip, struct model *out)
{
	_cleanup_free_ uint32_t *devices = calloc(m->n_nodes + 1, sizeof(*devices));
	_cleanup_free_ int64_t *now = calloc(m->n_nodes + 1, sizeof(*now));

	if (!devices || !now)
		return -ENOMEM;
	for (uint32_t i = 0; i < m->n_nodes; i++)
		if ((m->nodes[i].kind == NODE_DEVICE || m->nodes[i].others) && i != skip)
			for (uint32_t up = i; up != NODE_NONE; up = m->nodes[up].parent)
				devices[up]++;
	model_init(out);
	out->schedule = m->schedule;
	for (uint32_t i = 0; i < m->n_nodes; i++) {
		struct node node = m->nodes[i];

		if (!devices[i])
			continue;
		if (node.parent != NODE_NONE)
			node.parent = (uint32_t)now[node.parent];
		now[i] = model_add(out, &node);
		if (now[i] < 0) {
			model_free(out);
			return (int)now[i];
		}
	}
	return 0;
}

/* A release whose answer waits for the last packet. */
struct released {
	struct daemon *d;
	struct reply *reply;
};

/* Send buffers that could not be given back yet. NULL: out of memory. */
static json_t *release_warnings(const struct backpressure *b)
{
	json_t *list = json_array();

	for (size_t i = 0; i < b->n; i++)
		if (b->held[i].returning)
			json_array_append_new(list, json_sprintf("%s: queues that the VM does not use now get their send buffers "
								 "back when it uses them, while divvyd runs",
								 b->held[i].nic));
	return list;
}

static void on_drained(int err, void *arg)
{
	struct released *r = arg;

	if (err < 0)
		fail(r->reply, "divvyd stops while packets still wait");
	else
		answer_change(r->d, r->reply,
			      json_pack("{s:o}", "warnings", release_warnings(&r->d->backpressure)));
	free(r);
}

/* 0, or -EINVAL with *err filled. */
static int model_to_release(const struct daemon *d, const json_t *args, struct model *out, struct spec_error *err)
{
	const char *device = json_string_value(json_object_get(args, "device"));
	char full[MODEL_FULL_NAME_SIZE];
	const char *of;
	int64_t i;

	if (!device && json_is_true(json_object_get(args, "all")))
		return 0;
	if (!device) {
		snprintf(err->text, sizeof(err->text), "release: expected a device's name, or all");
		return -EINVAL;
	}
	i = model_find(&d->plan.written, device);
	of = i == -ENOENT ? setting_matched(&d->plan, device) : NULL;
	if (of)
		snprintf(err->text, sizeof(err->text),
			 "\"%.80s\" is one of what fits \"%.63s\": release that, or make its pattern narrower", device,
			 of);
	else if (i == -ENOTUNIQ)
		snprintf(err->text, sizeof(err->text),
			 "that name is there several times: write network/name, or uplink/name");
	else if (i < 0 && near_node(&d->plan.written, device, full))
		snprintf(err->text, sizeof(err->text), "no device \"%.80s\"; did you mean \"%s\"?", device, full);
	else if (i < 0 || (d->plan.written.nodes[i].kind != NODE_DEVICE && !d->plan.written.nodes[i].others))
		snprintf(err->text, sizeof(err->text),
			 "no device \"%.80s\" in the running specification (divvy status)", device);
	else if (model_without(&d->plan.written, (uint32_t)i, out) < 0)
		snprintf(err->text, sizeof(err->text), "out of memory");
	else
		return 0;
	return -EINVAL;
}

/* The answer comes when what was released has drained. */
static void verb_release(struct daemon *d, const json_t *args, struct reply *reply)
{
	const char *device = json_string_value(json_object_get(args, "device"));
	_cleanup_(model_free) struct model m;
	char full[MODEL_FULL_NAME_SIZE] = "";
	struct spec_error err = { 0 };
	struct released *r;
	int64_t i;

	model_init(&m);
	if (device && refused_as_found(d, reply))
		return;
	if (model_to_release(d, args, &m, &err) < 0) {
		refuse(d, "release", reply, &err);
		return;
	}
	i = device ? model_find(&d->plan.written, device) : -ENOENT;
	if (i >= 0)
		model_full_name(&d->plan.written, (uint32_t)i, full);
	if (!run_model(d, &m, "release", reply))
		return;
	asked_done("release", device ? full : NULL, NULL, NULL, device ? full : "all");
	r = malloc(sizeof(*r));
	if (r)
		*r = (struct released){ .d = d, .reply = reply };
	if (r && drain_wait(&d->drain, on_drained, r) >= 0)
		return;
	free(r);
	fail(reply, "out of memory");
}

/* --- questions ---------------------------------------------------------------------------------- */

static void verb_status(struct daemon *d, const json_t *args, struct reply *reply)
{
	struct snapshot s = { 0 };
	enum status_detail detail = json_is_true(json_object_get(args, "counters")) ? STATUS_COUNTERS :
				    json_is_true(json_object_get(args, "brief"))    ? STATUS_BRIEF :
										      STATUS_WHOLE;

	if (snapshot_take(d, &s) < 0) {
		fail(reply, "out of memory");
		return;
	}
	reply_text(reply, status_text(&s, d->options.config, detail));
	snapshot_free(&s);
}

static void verb_discover(struct daemon *d, const json_t *args, struct reply *reply)
{
	_cleanup_free_ char *text = NULL;
	struct spec_error err;

	look_at_vms(d);
	if (!json_is_true(json_object_get(args, "spec"))) {
		answer(reply, status_discover_json(d));
		return;
	}
	text = drafted_text(d, &err);
	if (text)
		answer(reply, json_pack("{s:s}", "text", text));
	else
		reply_error(reply, &err);
}

static void verb_show(struct daemon *d, const json_t *args, struct reply *reply)
{
	_cleanup_free_ char *text = d->plan.written.n_nodes ? spec_format(&d->plan.written) : strdup("");

	(void)args;
	if (refused_as_found(d, reply))
		return;
	answer(reply, text ? json_pack("{s:s}", "text", text) : NULL);
}

static void verb_slots(struct daemon *d, const json_t *args, struct reply *reply)
{
	json_int_t since = json_integer_value(json_object_get(args, "since_ns"));

	if (d->slots)
		answer(reply, status_slots_json(d, since > 0 ? (uint64_t)since : 0));
	else
		fail(reply, "the CPU is not scheduled (schedule: {resource: cpu})");
}

/* The answer is followed by events: peer.h sends them. */
static void verb_watch(struct daemon *d, const json_t *args, struct reply *reply)
{
	json_t *kinds = json_array();

	(void)d, (void)args;
	for (size_t i = 0; i < N_EVENT_KINDS; i++)
		json_array_append_new(kinds, json_string(event_names[i]));
	reply_follow(reply, json_pack("{s:o}", "events", kinds));
}

static const struct verb {
	const char *name;
	void (*run)(struct daemon *d, const json_t *args, struct reply *reply);
	bool changes; /* what runs; also with dry_run */
} verbs[] = {
	{ "apply", verb_apply, true },	      { "set", verb_set, true },     { "release", verb_release, true },
	{ "status", verb_status, false },     { "show", verb_show, false },  { "slots", verb_slots, false },
	{ "discover", verb_discover, false }, { "watch", verb_watch, false },
};

void verbs_run(struct daemon *d, const char *name, const json_t *args, bool may_change, struct reply *reply)
{
	d->took_memory = true;
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		if (strcmp(verbs[i].name, name) != 0)
			continue;
		if (verbs[i].changes && !may_change)
			refuse(d, name, reply,
			       &(struct spec_error){ .text = "permission denied: members of divvyd's --read-group may "
							     "ask, and change nothing" });
		else
			verbs[i].run(d, args, reply);
		return;
	}
	fail(reply, "unknown verb \"%.31s\": is the client newer than this divvyd?", name);
}
