/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "scenario.h"

#include "core/cleanup.h"
#include "spec/units.h"

#include <cyaml/cyaml.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* --- the file as it is written ------------------------------------------------------------------ */

struct raw_vm {
	char *name, *traffic, *rate, *nic;
	uint32_t size, streams;
	bool ping;
};

struct raw_phase {
	char *name, *scheduler, *action, *backpressure, *schedule;
	uint32_t *shares;
	uint32_t n_shares;
	uint32_t seconds;
	bool idle;
};

struct raw {
	char *name, *title, *wire, *capacity, *topology;
	uint32_t repeat;
	struct raw_vm *vms;
	uint32_t n_vms;
	struct raw_phase *phases;
	uint32_t n_phases;
};

#define TEXT(type, field, flags) CYAML_FIELD_STRING_PTR(#field, CYAML_FLAG_POINTER | (flags), type, field, 1, 200)
#define NUMBER(type, field) CYAML_FIELD_UINT(#field, CYAML_FLAG_OPTIONAL, type, field)
#define FLAG(type, field) CYAML_FIELD_BOOL(#field, CYAML_FLAG_OPTIONAL, type, field)
#define OPT CYAML_FLAG_OPTIONAL

static const cyaml_schema_field_t vm_fields[] = {
	TEXT(struct raw_vm, name, 0),
	TEXT(struct raw_vm, traffic, OPT),
	TEXT(struct raw_vm, rate, OPT),
	TEXT(struct raw_vm, nic, OPT),
	NUMBER(struct raw_vm, size),
	NUMBER(struct raw_vm, streams),
	FLAG(struct raw_vm, ping),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t vm_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_vm, vm_fields),
};

static const cyaml_schema_value_t share_schema = {
	CYAML_VALUE_UINT(CYAML_FLAG_DEFAULT, uint32_t),
};

static const cyaml_schema_field_t phase_fields[] = {
	TEXT(struct raw_phase, name, 0),
	TEXT(struct raw_phase, scheduler, 0),
	TEXT(struct raw_phase, action, OPT),
	TEXT(struct raw_phase, backpressure, OPT),
	TEXT(struct raw_phase, schedule, OPT),
	CYAML_FIELD_SEQUENCE_COUNT("shares", CYAML_FLAG_POINTER | OPT, struct raw_phase, shares, n_shares,
				   &share_schema, 1, TOPO_VMS_MAX),
	CYAML_FIELD_UINT("seconds", CYAML_FLAG_DEFAULT, struct raw_phase, seconds),
	FLAG(struct raw_phase, idle),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t phase_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct raw_phase, phase_fields),
};

static const cyaml_schema_field_t raw_fields[] = {
	TEXT(struct raw, name, 0),
	TEXT(struct raw, title, 0),
	TEXT(struct raw, wire, 0),
	TEXT(struct raw, capacity, OPT),
	TEXT(struct raw, topology, OPT),
	NUMBER(struct raw, repeat),
	CYAML_FIELD_SEQUENCE_COUNT("vms", CYAML_FLAG_POINTER, struct raw, vms, n_vms, &vm_schema, 1,
				   TOPO_VMS_MAX),
	CYAML_FIELD_SEQUENCE_COUNT("phases", CYAML_FLAG_POINTER, struct raw, phases, n_phases, &phase_schema, 1,
				   100),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t raw_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct raw, raw_fields),
};

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
	p->has_shares = raw->n_shares > 0;
	if (p->has_shares && raw->n_shares != n_vms)
		return errtext_set(e, -EINVAL, "phase %s: %u shares for %zu VMs", raw->name, raw->n_shares, n_vms);
	for (size_t i = 0; i < n_vms; i++) {
		p->shares[i].weight = p->has_shares ? raw->shares[i] : 1;
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

static int convert(struct raw *raw, struct scenario *s, struct errtext *e)
{
	int r;

	r = convert_rate("wire", raw->wire, &s->wire, e);
	if (r < 0)
		return r;
	s->capacity = s->wire;
	if (raw->capacity) {
		r = convert_rate("capacity", raw->capacity, &s->capacity, e);
		if (r < 0)
			return r;
	}
	if (raw->topology && topo_kind_from_name(raw->topology, &s->topology) < 0)
		return errtext_set(e, -EINVAL, "unknown topology \"%s\"", raw->topology);
	s->repeat = raw->repeat ? raw->repeat : 1;

	s->vms = calloc(raw->n_vms, sizeof(*s->vms));
	s->phases = calloc(raw->n_phases, sizeof(*s->phases));
	if (!s->vms || !s->phases)
		return errtext_set(e, -ENOMEM, "out of memory");
	for (s->n_vms = 0; s->n_vms < raw->n_vms; s->n_vms++) {
		r = convert_vm(&raw->vms[s->n_vms], &s->vms[s->n_vms], e);
		if (r < 0)
			return r;
		s->tcp |= s->vms[s->n_vms].sends && s->vms[s->n_vms].traffic.kind == TRAFFIC_TCP;
	}
	for (s->n_phases = 0; s->n_phases < raw->n_phases; s->n_phases++) {
		r = convert_phase(&raw->phases[s->n_phases], s->n_vms, &s->phases[s->n_phases], e);
		if (r < 0)
			return r;
	}
	s->name = TAKE_PTR(raw->name);
	s->title = TAKE_PTR(raw->title);
	return 0;
}

/* --- libcyaml ------------------------------------------------------------------------------------- */

/* Its messages come in parts: what, then a trace of where; the first is kept. */
static void keep_first(cyaml_log_t level, void *ctx, const char *fmt, va_list args)
{
	struct errtext *e = ctx;

	if (level < CYAML_LOG_ERROR || e->text[0])
		return;
	vsnprintf(e->text, sizeof(e->text), fmt, args);
	e->text[strcspn(e->text, "\n")] = 0;
}

int scenario_load(const char *path, struct scenario **ret, struct errtext *e)
{
	struct errtext what = {};
	const cyaml_config_t config = {
		.log_fn = keep_first,
		.log_ctx = &what,
		.log_level = CYAML_LOG_ERROR,
		.mem_fn = cyaml_mem,
	};
	_cleanup_(scenario_freep) struct scenario *s = NULL;
	struct raw *raw = NULL;
	struct errtext why;
	int r;

	if (access(path, R_OK) < 0)
		return errtext_set(e, -errno, "%s: %s", path, strerror(errno));
	cyaml_err_t err = cyaml_load_file(path, &config, &raw_schema, (cyaml_data_t **)&raw, NULL);
	if (err != CYAML_OK)
		return errtext_set(e, -EINVAL, "%s: %s", path, what.text[0] ? what.text : cyaml_strerror(err));

	s = calloc(1, sizeof(*s));
	r = s ? convert(raw, s, &why) : errtext_set(&why, -ENOMEM, "out of memory");
	cyaml_free(&config, &raw_schema, raw, 0);
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

unsigned scenario_seconds(const struct scenario *s)
{
	unsigned sum = 0;

	for (size_t i = 0; i < s->n_phases; i++)
		sum += s->phases[i].seconds;
	return sum * s->repeat;
}
