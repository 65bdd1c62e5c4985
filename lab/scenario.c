/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "scenario.h"

#include "core/cleanup.h"
#include "cpu.h"
#include "scenario_file.h"
#include "spec/units.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* --- names ----------------------------------------------------------------------------------------- */

static const char *const scheduler_names[] = {
	[SCHEDULER_NONE] = "none",
	[SCHEDULER_ADMINISTRATOR] = "administrator",
	[SCHEDULER_DIVVY] = "divvy",
	[SCHEDULER_CPU] = "cpu",
};

static const char *const action_names[] = {
	[ACTION_AUTO] = "auto",
	[ACTION_APPLY] = "apply",
	[ACTION_SET] = "set",
	[ACTION_RELEASE] = "release",
};

static const char *const backpressure_names[] = { "auto", "on", "off" };

const char *scheduler_name(enum scheduler_kind kind)
{
	return scheduler_names[kind];
}

const char *action_name(enum phase_action action)
{
	return action_names[action];
}

static int lookup(const char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return (int)i;
	return -EINVAL;
}
#define LOOKUP(names, name) lookup(names, ARRAY_SIZE(names), name)

/* --- from the file to the scenario ---------------------------------------------------------------- */

static int convert_rate(const char *what, const char *text, struct rate *out, struct errtext *e)
{
	char err[UNITS_ERR_SIZE];
	int r = units_parse_rate(text, out, err);

	return r < 0 ? errtext_set(e, r, "%s: %s", what, err) : 0;
}

static int convert_vm(struct raw_vm *raw, struct scenario_vm *vm, struct errtext *e)
{
	const char *traffic = raw->traffic ? raw->traffic : "none";
	struct rate rate;
	int r;

	vm->sends = strcmp(traffic, "none") != 0;
	vm->ping = raw->ping;
	vm->traffic.size = raw->size;
	vm->traffic.streams = raw->streams;
	if (vm->sends && traffic_kind_from_name(traffic, &vm->traffic.kind) < 0)
		return errtext_set(e, -EINVAL, "vm %s: unknown traffic \"%s\"", raw->name, traffic);
	if (raw->nic && vm_nic_from_name(raw->nic, &vm->nic) < 0)
		return errtext_set(e, -EINVAL, "vm %s: unknown nic \"%s\"", raw->name, raw->nic);
	if (raw->rate) {
		r = convert_rate("rate", raw->rate, &rate, e);
		if (r < 0)
			return r;
		vm->traffic.rate_bps = rate_bits(rate);
	}
	vm->name = TAKE_PTR(raw->name);
	return 0;
}

static int convert_shares(const struct raw_phase *raw, size_t n_vms, struct scenario_phase *p, struct errtext *e)
{
	p->has_shares = raw->shares.n > 0;
	if (p->has_shares && raw->shares.n != n_vms)
		return errtext_set(e, -EINVAL, "phase %s: %zu shares for %zu VMs", raw->name, raw->shares.n, n_vms);
	for (size_t i = 0; i < n_vms; i++) {
		p->shares[i].weight = p->has_shares ? ((const uint32_t *)raw->shares.items)[i] : 1;
		if (p->shares[i].weight < 1 || p->shares[i].weight > SHARE_MAX)
			return errtext_set(e, -EINVAL, "phase %s: a share is 1..%u", raw->name, SHARE_MAX);
	}
	return 0;
}

static int convert_phase(struct raw_phase *raw, size_t n_vms, struct scenario_phase *p, struct errtext *e)
{
	int scheduler = LOOKUP(scheduler_names, raw->scheduler);
	int action = raw->action ? LOOKUP(action_names, raw->action) : ACTION_AUTO;
	int r;

	if (scheduler < 0)
		return errtext_set(e, -EINVAL, "phase %s: unknown scheduler \"%s\"", raw->name, raw->scheduler);
	if (action < 0)
		return errtext_set(e, -EINVAL, "phase %s: unknown action \"%s\"", raw->name, raw->action);
	if (raw->backpressure && LOOKUP(backpressure_names, raw->backpressure) < 0)
		return errtext_set(e, -EINVAL, "phase %s: backpressure is auto, on or off", raw->name);
	if (scheduler == SCHEDULER_NONE && (action == ACTION_APPLY || action == ACTION_SET))
		return errtext_set(e, -EINVAL, "phase %s: without a scheduler there is nothing to %s", raw->name,
				   raw->action);
	if (scheduler != SCHEDULER_NONE && action == ACTION_RELEASE)
		return errtext_set(e, -EINVAL, "phase %s: after a release the scheduler is none", raw->name);
	if (raw->seconds < SCENARIO_SECONDS_MIN || raw->seconds > SCENARIO_SECONDS_MAX)
		return errtext_set(e, -EINVAL, "phase %s: seconds are %u..%u", raw->name, SCENARIO_SECONDS_MIN,
				   SCENARIO_SECONDS_MAX);
	r = convert_shares(raw, n_vms, p, e);
	if (r < 0)
		return r;
	p->scheduler = (enum scheduler_kind)scheduler;
	p->action = (enum phase_action)action;
	p->seconds = raw->seconds;
	p->idle = raw->idle;
	p->name = TAKE_PTR(raw->name);
	p->backpressure = TAKE_PTR(raw->backpressure);
	p->schedule = TAKE_PTR(raw->schedule);
	return 0;
}

/* What a scheduler is told of a wire without a limit; more than any guest sends. */
static const struct rate unlimited_capacity = { 10000000000 / 8 };

static int convert(struct raw *raw, struct scenario *s, struct errtext *e)
{
	int r;

	if (strcmp(raw->wire, "none") != 0) {
		r = convert_rate("wire", raw->wire, &s->wire, e);
		if (r < 0)
			return r;
	}
	s->capacity = scenario_unlimited(s) ? unlimited_capacity : s->wire;
	if (raw->capacity) {
		r = convert_rate("capacity", raw->capacity, &s->capacity, e);
		if (r < 0)
			return r;
	}
	if (raw->topology && topo_kind_from_name(raw->topology, &s->topology) < 0)
		return errtext_set(e, -EINVAL, "unknown topology \"%s\"", raw->topology);
	s->repeat = raw->repeat ? raw->repeat : 1;
	s->queue = raw->queue;

	struct raw_vm *vms = raw->vms.items;
	struct raw_phase *phases = raw->phases.items;

	if (raw->vms.n > TOPO_VMS_MAX)
		return errtext_set(e, -EINVAL, "%zu VMs, at most %d", raw->vms.n, TOPO_VMS_MAX);
	s->vms = calloc(raw->vms.n, sizeof(*s->vms));
	s->phases = calloc(raw->phases.n, sizeof(*s->phases));
	if (!s->vms || !s->phases)
		return errtext_set(e, -ENOMEM, "out of memory");
	for (s->n_vms = 0; s->n_vms < raw->vms.n; s->n_vms++) {
		r = convert_vm(&vms[s->n_vms], &s->vms[s->n_vms], e);
		if (r < 0)
			return r;
		s->tcp |= s->vms[s->n_vms].sends && s->vms[s->n_vms].traffic.kind == TRAFFIC_TCP;
	}
	for (s->n_phases = 0; s->n_phases < raw->phases.n; s->n_phases++) {
		r = convert_phase(&phases[s->n_phases], s->n_vms, &s->phases[s->n_phases], e);
		if (r < 0)
			return r;
	}
	s->name = TAKE_PTR(raw->name);
	s->title = TAKE_PTR(raw->title);
	return 0;
}

int scenario_load(const char *path, struct scenario **ret, struct errtext *e)
{
	_cleanup_(scenario_freep) struct scenario *s = NULL;
	_cleanup_(raw_free) struct raw raw = {};
	struct errtext why;
	int r;

	r = raw_load(path, &raw, e);
	if (r < 0)
		return r;
	s = calloc(1, sizeof(*s));
	r = s ? convert(&raw, s, &why) : errtext_set(&why, -ENOMEM, "out of memory");
	if (r < 0)
		return errtext_set(e, r, "%s: %.400s", path, why.text);
	*ret = TAKE_PTR(s);
	return 0;
}

struct scenario *scenario_free(struct scenario *s)
{
	if (!s)
		return NULL;
	for (size_t i = 0; i < s->n_vms; i++)
		free(s->vms[i].name);
	for (size_t i = 0; i < s->n_phases; i++) {
		free(s->phases[i].name);
		free(s->phases[i].backpressure);
		free(s->phases[i].schedule);
	}
	free(s->vms);
	free(s->phases);
	free(s->name);
	free(s->title);
	free(s);
	return NULL;
}

void scenario_freep(struct scenario **s)
{
	scenario_free(*s);
}

int scenario_set_seconds(struct scenario *s, unsigned seconds)
{
	if (seconds < SCENARIO_SECONDS_MIN || seconds > SCENARIO_SECONDS_MAX)
		return -EINVAL;
	for (size_t i = 0; i < s->n_phases; i++)
		s->phases[i].seconds = seconds;
	return 0;
}

int scenario_set_schedule(struct scenario *s, const char *over, struct errtext *e)
{
	for (size_t i = 0; i < s->n_phases; i++) {
		char *text;
		int r;

		if (s->phases[i].scheduler != SCHEDULER_CPU)
			continue;
		r = schedule_override(s->phases[i].schedule, over, &text);
		if (r < 0)
			return errtext_set(e, r, "schedule: \"%.200s\": expected \"key: value, key: value\"", over);
		free(s->phases[i].schedule);
		s->phases[i].schedule = text;
	}
	return 0;
}

unsigned scenario_seconds(const struct scenario *s)
{
	unsigned sum = 0;

	for (size_t i = 0; i < s->n_phases; i++)
		sum += s->phases[i].seconds;
	return sum * s->repeat;
}
