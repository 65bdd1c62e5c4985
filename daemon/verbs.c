// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Verbs of the control protocol (doc/divvy-protocol.7):
 *	apply    {text}             replace the running specification
 *	set      {shares: {name: weight}, schedule: {key: text}}
 *	release  {all: true} or {device: name}
 *	status   {}                 status.h
 *	discover {}                 status.h
 *	show     {}                 {text}: the running specification
 *	slots    {since_ns}         CPU scheduling: each VM's latest turns
 */
#include "verbs.h"

#include "base/cleanup.h"
#include "slots/slots.h"
#include "loop.h"
#include "base/log.h"
#include "reconcile.h"
#include "state.h"
#include "status.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static enum verb_outcome fail(struct spec_error *err, const char *text)
{
	err->line = err->column = 0;
	snprintf(err->text, sizeof(err->text), "%s", text);
	return VERB_FAILED;
}

/* Make m (taken) the running model as `apply` and `set` do: kept over a restart. */
static enum verb_outcome run_model(struct daemon *d, struct model *m, struct spec_error *err)
{
	int r = reconcile_switch(d, m, err);

	model_free(m);
	if (r < 0)
		return VERB_FAILED;
	d->origin = ORIGIN_APPLIED;
	d->file_hash = state_file_hash(d->options.config);
	state_save(d);
	return VERB_DONE;
}

/* What is found counts: later looks at /proc are compared with this one. */
static void look_at_vms(struct daemon *d)
{
	bool changed = false;

	if (host_read_vms(&d->host, &changed) >= 0 && changed)
		reconcile_host(d);
}

/* Devices that are bound, and yet their VM is in no CPU slots. */
static size_t stand_apart(struct daemon *d)
{
	_cleanup_free_ struct slots_vm_status *vms = NULL;
	struct slots_status all;
	size_t n = 0, apart = 0;

	if (!d->cpu || slots_snapshot(d->cpu, &all, &vms, &n) < 0)
		return 0;
	for (size_t i = 0; i < d->model.n_nodes; i++) {
		const struct slots_vm_status *s = slots_vm_status_find(vms, n, d->bindings[i].pid);

		apart += d->bindings[i].bound && !(s && s->takes_part);
	}
	return apart;
}

static enum verb_outcome verb_apply(struct daemon *d, const json_t *args, json_t **result,
				    struct spec_error *err)
{
	const char *text = json_string_value(json_object_get(args, "text"));
	size_t devices = 0, bound = 0, apart;
	struct model m;

	if (!text)
		return fail(err, "apply: expected {\"text\": the specification}");
	if (spec_parse(text, strlen(text), &m, err) < 0)
		return VERB_FAILED;
	/* Tens of milliseconds where there are a thousand processes: once here, not with every set. */
	look_at_vms(d);
	if (run_model(d, &m, err) == VERB_FAILED)
		return VERB_FAILED;
	for (size_t i = 0; i < d->model.n_nodes; i++) {
		devices += d->model.nodes[i].kind == NODE_DEVICE;
		bound += d->model.nodes[i].kind == NODE_DEVICE && d->bindings[i].bound;
	}
	apart = stand_apart(d);
	log_info("apply: %zu devices, %zu bound", devices, bound);
	*result = json_pack("{s:I,s:I,s:I}", "devices", (json_int_t)devices, "bound", (json_int_t)bound,
			    "apart", (json_int_t)apart);
	return VERB_DONE;
}

static enum verb_outcome set_share(struct model *m, const char *name, const json_t *value,
				   struct spec_error *err)
{
	json_int_t weight = json_integer_value(value);
	int64_t i = model_find(m, name);

	if (i < 0 || m->nodes[i].kind == NODE_UPLINK) {
		snprintf(err->text, sizeof(err->text),
			 i == -ENOTUNIQ ? "\"%.80s\" is there several times: write network/name, or uplink/name" :
			 spec_is_schedule_key(name) ?
			 "no device or network \"%1$.80s\"; a key of schedule is written schedule.%1$.80s=VALUE" :
			 "no device or network \"%.80s\" in the running specification (divvy status)",
			 name);
		return VERB_FAILED;
	}
	if (!json_is_integer(value) || weight < 1 || weight > SHARE_MAX) {
		snprintf(err->text, sizeof(err->text),
			 "%.80s: share out of range, expected a whole number from 1 to %u", name, SHARE_MAX);
		return VERB_FAILED;
	}
	m->nodes[i].share.weight = (uint32_t)weight;
	return VERB_DONE;
}

static enum verb_outcome set_schedule(struct model *m, json_t *keys, struct spec_error *err)
{
	const char *key;
	json_t *value;

	json_object_foreach(keys, key, value) {
		const char *text = json_string_value(value);

		if (spec_set_schedule(&m->schedule, key, text ? text : "", err) < 0)
			return VERB_FAILED;
	}
	return VERB_DONE;
}

static void log_set(json_t *shares, json_t *schedule)
{
	const char *name;
	json_t *value;

	json_object_foreach(shares, name, value)
		log_info("set: %s=%lld", name, (long long)json_integer_value(value));
	json_object_foreach(schedule, name, value)
		log_info("set: schedule.%s=%s", name, json_string_value(value));
}

static enum verb_outcome verb_set(struct daemon *d, const json_t *args, json_t **result,
				  struct spec_error *err)
{
	json_t *shares = json_object_get(args, "shares"), *value;
	json_t *schedule = json_object_get(args, "schedule");
	_cleanup_(model_free) struct model m;
	struct model_error merr = { 0 };
	const char *name;

	(void)result;
	model_init(&m);
	if (json_object_size(shares) + json_object_size(schedule) == 0)
		return fail(err, "set: expected at least one NAME=SHARE");
	if (model_copy(&m, &d->model) < 0)
		return fail(err, "out of memory");
	json_object_foreach(shares, name, value)
		if (set_share(&m, name, value, err) == VERB_FAILED)
			return VERB_FAILED;
	if (model_validate(&m, &merr) < 0)
		return fail(err, merr.text);
	if (set_schedule(&m, schedule, err) == VERB_FAILED)
		return VERB_FAILED;
	if (run_model(d, &m, err) == VERB_FAILED)
		return VERB_FAILED;
	log_set(shares, schedule);
	return VERB_DONE;
}

/* The model without node skip, and without what stands empty then. */
static int model_without(const struct model *m, uint32_t skip, struct model *out)
{
	_cleanup_free_ uint32_t *devices = calloc(m->n_nodes + 1, sizeof(*devices));
	_cleanup_free_ int64_t *now = calloc(m->n_nodes + 1, sizeof(*now));

	if (!devices || !now)
		return -ENOMEM;
	for (uint32_t i = 0; i < m->n_nodes; i++)
		if (m->nodes[i].kind == NODE_DEVICE && i != skip)
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

static enum verb_outcome verb_release(struct daemon *d, const json_t *args, json_t **result,
				      struct spec_error *err)
{
	const char *device = json_string_value(json_object_get(args, "device"));
	struct model m;
	int64_t i;

	(void)result;
	model_init(&m);
	if (device) {
		i = model_find(&d->model, device);
		if (i == -ENOTUNIQ)
			return fail(err,
				    "that name is there several times: write network/name, or uplink/name");
		if (i < 0 || d->model.nodes[i].kind != NODE_DEVICE) {
			snprintf(err->text, sizeof(err->text),
				 "no device \"%.80s\" in the running specification (divvy status)", device);
			return VERB_FAILED;
		}
		if (model_without(&d->model, (uint32_t)i, &m) < 0)
			return fail(err, "out of memory");
	} else if (!json_is_true(json_object_get(args, "all"))) {
		return fail(err, "release: expected a device's name, or all");
	}
	if (run_model(d, &m, err) == VERB_FAILED)
		return VERB_FAILED;
	log_info("release: %s", device ? device : "all");
	return events_drained(d) ? VERB_DONE : VERB_DRAINS;
}

static enum verb_outcome verb_status(struct daemon *d, const json_t *args, json_t **result,
				     struct spec_error *err)
{
	(void)args;
	events_watched(d);
	*result = status_json(d);
	return *result ? VERB_DONE : fail(err, "out of memory");
}

static enum verb_outcome verb_discover(struct daemon *d, const json_t *args, json_t **result,
				       struct spec_error *err)
{
	(void)args;
	look_at_vms(d);
	*result = status_discover_json(d);
	return *result ? VERB_DONE : fail(err, "out of memory");
}

static enum verb_outcome verb_show(struct daemon *d, const json_t *args, json_t **result,
				   struct spec_error *err)
{
	_cleanup_free_ char *text = d->model.n_nodes ? spec_format(&d->model) : strdup("");

	(void)args;
	*result = text ? json_pack("{s:s}", "text", text) : NULL;
	return *result ? VERB_DONE : fail(err, "out of memory");
}

static enum verb_outcome verb_slots(struct daemon *d, const json_t *args, json_t **result,
				    struct spec_error *err)
{
	json_int_t since = json_integer_value(json_object_get(args, "since_ns"));

	*result = status_slots_json(d, since > 0 ? (uint64_t)since : 0);
	return *result ? VERB_DONE : fail(err, "the CPU is not scheduled (schedule: {resource: cpu})");
}

static const struct verb {
	const char *name;
	enum verb_outcome (*run)(struct daemon *, const json_t *, json_t **, struct spec_error *);
} verbs[] = {
	{ "apply", verb_apply },     { "set", verb_set },	    { "release", verb_release },
	{ "status", verb_status },   { "discover", verb_discover }, { "show", verb_show },
	{ "slots", verb_slots },
};

enum verb_outcome verbs_run(struct daemon *d, const char *name, const json_t *args, json_t **result,
			    struct spec_error *err)
{
	*err = (struct spec_error){ 0 };
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		if (strcmp(verbs[i].name, name) == 0)
			return verbs[i].run(d, args, result, err);
	snprintf(err->text, sizeof(err->text),
		 "unknown verb \"%.31s\": is the client newer than this divvyd?", name);
	return VERB_FAILED;
}
