/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "scenario.h"

#include "base/cleanup.h"
#include "scenario_file.h"
#include "schedule.h"
#include "spec/units.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* --- names ----------------------------------------------------------------------------------------- */

static const char *const scheduler_names[] = {
	[SCHEDULER_NONE] = "none",
#define NAME(kind, name, object) [SCHEDULER_##kind] = (name),
	SCHEDULER_TABLE(NAME)
#undef NAME
};

static const char *const action_names[] = {
	[ACTION_AUTO] = "auto",
	[ACTION_APPLY] = "apply",
	[ACTION_SET] = "set",
	[ACTION_RELEASE] = "release",
};

/* In the order of the report. */
static const char *const sections[] = { "figures", "promises", "peers", "video", "guests" };

const char *scheduler_name(enum scheduler_kind kind)
{
	return scheduler_names[kind];
}

static int lookup(const char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return (int)i;
	return -EINVAL;
}

int scheduler_from_name(const char *name)
{
	return lookup(scheduler_names, ARRAY_SIZE(scheduler_names), name);
}

int action_from_name(const char *name)
{
	return lookup(action_names, ARRAY_SIZE(action_names), name);
}

int scenario_section(const char *name)
{
	return lookup(sections, ARRAY_SIZE(sections), name);
}

/* --- from the file to the scenario ---------------------------------------------------------------- */

static int convert_rate(const char *what, const char *text, struct rate *out, struct errtext *e)
{
	char err[UNITS_ERR_SIZE];
	int r = units_parse_rate(text, out, err);

	return r < 0 ? errtext_set(e, r, "%s: %s", what, err) : 0;
}

static int convert_vm(struct raw_vm *raw, struct scenario_vm *vm, struct errtext *e)
{
	const char *traffic = raw->traffic ? raw->traffic : raw->receives ? raw->receives : "none";
	struct rate rate;
	int r;

	vm->sends = strcmp(traffic, "none") != 0;
	vm->receives = vm->traffic.from_server = !raw->traffic && raw->receives;
	vm->ping = raw->ping;
	vm->traffic.size = raw->size;
	vm->traffic.streams = raw->streams;
	if (vm->sends && traffic_kind_from_name(traffic, &vm->traffic.kind) < 0)
		return errtext_set(e, -EINVAL, "vm %s: unknown traffic \"%s\"", raw->name, traffic);
	if (vm->receives && !traffic_may_receive(vm->traffic.kind))
		return errtext_set(e, -EINVAL, "vm %s: receives: expected udp or tcp, not \"%s\"", raw->name, traffic);
	if (raw->nic && vm_nic_from_name(raw->nic, &vm->nic) < 0)
		return errtext_set(e, -EINVAL, "vm %s: unknown nic \"%s\"", raw->name, raw->nic);
	if (raw->kind && vm_kind_from_name(raw->kind, &vm->kind) < 0)
		return errtext_set(e, -EINVAL, "vm %s: unknown kind \"%s\"", raw->name, raw->kind);
	if (raw->qdisc && vm_qdisc_from_name(raw->qdisc, &vm->qdisc) < 0)
		return errtext_set(e, -EINVAL, "vm %s: unknown qdisc \"%s\": expected pfifo_fast or fq_codel",
				   raw->name, raw->qdisc);
	if (raw->qdisc && vm_port(vm->kind) == TOPO_VETH)
		return errtext_set(e, -EINVAL, "vm %s: a container has a veth, no qdisc", raw->name);
	if (raw->nic && vm_port(vm->kind) == TOPO_VETH)
		return errtext_set(e, -EINVAL, "vm %s: a container has a veth, no nic", raw->name);
	if (raw->rate) {
		r = convert_rate("rate", raw->rate, &rate, e);
		if (r < 0)
			return r;
		vm->traffic.rate_bps = rate_bits(rate);
	}
	vm->name = TAKE_PTR(raw->name);
	return 0;
}

/* What a scheduler is told of a wire without a limit; more than any guest sends. */
static const struct rate unlimited_capacity = { 10000000000 / 8 };

void scenario_set_wire(struct scenario *s, struct rate wire)
{
	s->wire = wire;
	if (scenario_unlimited(s))
		s->capacity = unlimited_capacity;
	else if (s->capacity_pm)
		s->capacity.bytes_ps = wire.bytes_ps * s->capacity_pm / 1000;
}

/* "99.5%" */
static bool parse_percent(const char *text, unsigned *permille)
{
	double v;
	int n = 0;

	if (sscanf(text, "%lf%%%n", &v, &n) != 1 || n == 0 || text[n] || v < 1 || v > 100)
		return false;
	*permille = (unsigned)lround(v * 10);
	return true;
}

static int convert_wire(const struct raw *raw, struct scenario *s, struct errtext *e)
{
	struct rate wire = {};
	int r;

	s->half_demand = strcmp(raw->wire, "half of demand") == 0;
	if (!s->half_demand && strcmp(raw->wire, "none") != 0) {
		r = convert_rate("wire", raw->wire, &wire, e);
		if (r < 0)
			return r;
	}
	s->capacity_pm = 1000;
	if (raw->capacity && !parse_percent(raw->capacity, &s->capacity_pm)) {
		r = convert_rate("capacity", raw->capacity, &s->capacity, e);
		if (r < 0)
			return r;
		s->capacity_pm = 0;
	}
	if (s->half_demand && !s->capacity_pm)
		return errtext_set(e, -EINVAL,
				   "capacity: expected a percentage of the wire, which is not known before");
	scenario_set_wire(s, wire);
	return 0;
}

static int convert_evaluation(struct raw *raw, struct scenario *s, struct errtext *e)
{
	if (raw->section && scenario_section(raw->section) < 0)
		return errtext_set(e, -EINVAL,
				   "unknown section \"%s\": expected figures, promises, peers, video or guests",
				   raw->section);
	if (raw->figures.n >= SCENARIO_FIGURES_MAX)
		return errtext_set(e, -EINVAL, "more than %d figures", SCENARIO_FIGURES_MAX - 1);
	for (size_t i = 0; i < raw->figures.n; i++)
		s->figures[i] = ((const uint32_t *)raw->figures.items)[i];
	if (raw->quick && (raw->quick < SCENARIO_SECONDS_MIN || raw->quick > SCENARIO_SECONDS_MAX))
		return errtext_set(e, -EINVAL, "quick: seconds are %u..%u", SCENARIO_SECONDS_MIN,
				   SCENARIO_SECONDS_MAX);
	s->quick = raw->quick;
	s->section = TAKE_PTR(raw->section);
	return 0;
}

/* One more of s->vms: VM `of`, or what it receives beside what it sends. */
static int add_vm(struct raw_vm *raw, struct scenario *s, size_t of, struct errtext *e)
{
	struct scenario_vm *vm = &s->vms[s->n_vms];
	int r = 0;

	if (s->n_vms == TOPO_VMS_MAX)
		r = errtext_set(e, -EINVAL, "more than %d VMs, those that receive beside what they send counted twice",
				TOPO_VMS_MAX);
	if (r == 0)
		r = convert_vm(raw, vm, e);
	if (r < 0)
		return r;
	vm->of = of;
	s->n_vms++;
	s->tcp |= vm->sends && vm->traffic.kind == TRAFFIC_TCP;
	s->rx |= vm->receives;
	return 0;
}

static int add_receiver(const struct raw_vm *vm, struct scenario *s, size_t of, struct errtext *e)
{
	struct raw_vm raw = { .receives = vm->receives, .rate = vm->rate, .size = vm->size, .streams = vm->streams };
	int r;

	if (asprintf(&raw.name, "%s-rx", s->vms[of].name) < 0)
		return errtext_set(e, -ENOMEM, "out of memory");
	r = add_vm(&raw, s, of, e);
	free(raw.name); /* NULL if it was taken over */
	return r;
}

static int convert_vms(struct raw *raw, struct scenario *s, struct errtext *e)
{
	struct raw_vm *vms = raw->vms.items;
	int r = 0;

	s->vms = calloc(2 * raw->vms.n, sizeof(*s->vms));
	if (!s->vms)
		return errtext_set(e, -ENOMEM, "out of memory");
	for (size_t i = 0; r == 0 && i < raw->vms.n; i++)
		r = add_vm(&vms[i], s, i, e);
	s->n_guests = s->n_vms;
	for (size_t i = 0; r == 0 && i < raw->vms.n; i++)
		if (vms[i].traffic && vms[i].receives)
			r = add_receiver(&vms[i], s, i, e);
	if (r == 0 && s->rx && s->half_demand)
		return errtext_set(e, -EINVAL, "wire: half of what guests send says nothing of what they receive");
	return r;
}

static int convert(struct raw *raw, struct scenario *s, struct errtext *e)
{
	int r = convert_wire(raw, s, e);

	if (r < 0)
		return r;
	if (raw->topology && topo_kind_from_name(raw->topology, &s->topology) < 0)
		return errtext_set(e, -EINVAL, "unknown topology \"%s\"", raw->topology);
	s->repeat = raw->repeat ? raw->repeat : 1;
	s->queue = raw->queue;
	s->pin = raw->pin;
	s->pin_devices = raw->pin_devices;
	if (s->pin_devices && !s->pin)
		return errtext_set(e, -EINVAL, "pin_devices: says where the device threads are apart from the CPUs; "
					       "expected pin: beside it");
	r = convert_evaluation(raw, s, e);
	if (r == 0)
		r = convert_vms(raw, s, e);
	if (r == 0)
		r = convert_phases(raw, s, e);
	if (r < 0)
		return r;
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
	for (size_t i = 0; i < s->n_phases; i++)
		phase_free(&s->phases[i]);
	free(s->vms);
	free(s->phases);
	free(s->name);
	free(s->title);
	free(s->section);
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
	bool any = false;

	for (size_t i = 0; i < s->n_phases; i++) {
		char why[SCHEDULE_WHY_SIZE], *text;
		int r;

		if (s->phases[i].scheduler != SCHEDULER_CPU)
			continue;
		r = schedule_override(s->phases[i].schedule, over, &text);
		if (r < 0)
			return errtext_set(e, r, "schedule: \"%.200s\": expected \"key: value, key: value\"",
					   over);
		r = schedule_check(text, why);
		if (r < 0) {
			free(text);
			return errtext_set(e, r, "schedule: %s", why);
		}
		free(s->phases[i].schedule);
		s->phases[i].schedule = text;
		any = true;
	}
	return any ? 0 : errtext_set(e, -EINVAL, "schedule: %s has no phase with CPU slots", s->name);
}

unsigned scenario_seconds(const struct scenario *s)
{
	unsigned sum = 0;

	for (size_t i = 0; i < s->n_phases; i++)
		sum += s->phases[i].seconds;
	return sum * s->repeat;
}

int scenario_make_quick(struct scenario *s)
{
	size_t kept = 0;

	if (!s->quick)
		return -ENOENT;
	for (size_t i = 0; i < s->n_phases; i++) {
		if (s->phases[i].full)
			phase_free(&s->phases[i]);
		else
			s->phases[kept++] = s->phases[i];
	}
	s->n_phases = kept;
	s->repeat = 1;
	return kept ? scenario_set_seconds(s, s->quick) : -ENOENT;
}

bool scenario_sends(const struct scenario *s, const struct scenario_phase *p, size_t vm)
{
	return s->vms[vm].sends && !p->silent[vm] && !p->idle;
}
