/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * summary.json. Units are in the names; null is "there is no such figure", as for shares of a wire that was
 * not loaded.
 */

#include "report.h"

#include "report_parts.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#define DIGITS 9 /* significant; more is noise */

static json_t *text(const char *s)
{
	return s && *s ? json_string(s) : json_null();
}

static json_t *gaps(bool there, const struct gaps *g)
{
	if (!there)
		return json_null();
	return json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:I,s:o}", "mean", summary_number(g->mean_ms), "sd",
			 summary_number(g->sd_ms), "sd_by_mean", summary_number(g->sd_ms / g->mean_ms), "p50",
			 summary_number(g->p50_ms), "p99", summary_number(g->p99_ms), "p99_by_p50",
			 summary_number(g->p99_ms / g->p50_ms), "p999", summary_number(g->p999_ms), "n", (json_int_t)g->n,
			 "left_out", summary_number(g->left_out));
}

static json_t *measures(const struct vm_result *v)
{
	json_t *o = json_object();

	for (size_t k = 0; k < measure_n_kinds; k++)
		json_object_set_new(o, measure_kinds[k].name, summary_number(v->measures[k]));
	return o;
}

static json_t *vm_object(const struct result *r, const struct phase_result *p, size_t i)
{
	const struct scenario_vm *vm = &r->scenario->vms[i];
	const struct vm_result *v = &p->vm[i];
	json_t *o = json_pack("{s:s,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "name", vm->name, "share",
			      p->phase->has_shares ? json_integer(p->phase->shares[i].weight) : json_null(),
			      "mbps", summary_number(v->mbps), "share_pct", summary_number(v->share_pct), "error_pp",
			      summary_number(v->error_pp), "loss_pct", summary_number(v->loss_pct), "ipd_ms",
			      gaps(v->has_gaps, &v->gaps), "cpu_cores", summary_number(v->cpu_cores), "cpu_per_mbit",
			      summary_number(v->cpu_per_mbit));

	json_object_set_new(o, "traffic",
			    vm->sends ? json_string(traffic_kind_name(vm->traffic.kind)) : json_null());
	json_object_set_new(o, "receives", json_boolean(vm->receives));
	json_object_set_new(o, "entitled_mbps", summary_number(v->entitled_mbps));
	json_object_set_new(o, "reserve_mbps", p->phase->has_reserves ?
				summary_number((double)p->phase->reserve[i].bytes_ps * 8e-6) : json_null());
	json_object_set_new(o, "entitlement_error_pp", summary_number(v->entitlement_error_pp));
	json_object_set_new(o, "sends", json_boolean(scenario_sends(r->scenario, p->phase, i)));
	json_object_set_new(o, "offered_mbps", summary_number(v->offered_mbps));
	json_object_set_new(o, "backlogged", json_boolean(v->backlogged));
	json_object_set_new(o, "ipd_inside_slots_ms", gaps(v->has_inside, &v->inside));
	json_object_set_new(o, "ipd_across_slots_ms", gaps(v->has_across, &v->across));
	json_object_set_new(o, "cpu", summary_cpu_vm(&v->cpu));
	json_object_set_new(o, "rtt_ms",
			    v->n_rtts ? json_pack("{s:o,s:o,s:I}", "p50", summary_number(v->rtt_p50_ms), "p99",
						  summary_number(v->rtt_p99_ms), "n", (json_int_t)v->n_rtts) :
					json_null());
	json_object_set_new(o, "video", summary_video(&v->video));
	json_object_set_new(o, "measures", measures(v));
	json_object_set_new(o, "queue_empty_pct", summary_number(v->empty_pct));
	json_object_set_new(o, "sndbuf_bytes", v->sndbuf > 0 ? json_integer(v->sndbuf) : json_null());
	json_object_set_new(o, "sndbuf_bound_ms", summary_number(v->bound_ms));
	return o;
}

/* What the report calls the measures of the table, and each VM's. */
static json_t *measure_heads(void)
{
	json_t *list = json_array();

	for (size_t k = 0; k < measure_n_kinds; k++)
		json_array_append_new(list, json_pack("{s:s,s:s,s:i}", "name", measure_kinds[k].name, "head",
						      measure_kinds[k].head, "digits", (int)measure_kinds[k].digits));
	return list;
}

static json_t *commands(const char *lines)
{
	json_t *list = json_array();

	for (const char *p = lines; p && *p;) {
		size_t n = strcspn(p, "\n");

		json_array_append_new(list, json_stringn(p, n));
		p += n + (p[n] == '\n');
	}
	return list;
}

/* A phase that could not be gone through has no figures. */
static json_t *skipped_object(const struct phase_result *p)
{
	json_t *o = json_pack("{s:s,s:s,s:s,s:i}", "name", p->phase->name, "scheduler",
			      scheduler_name(p->phase->scheduler), "skipped", p->skipped, "repetition",
			      (int)p->repetition);

	json_object_set_new(o, "under", text(p->phase->under));
	json_object_set_new(o, "step", text(p->phase->step));
	json_object_set_new(o, "vms", json_array());
	return o;
}

static json_t *phase_object(const struct result *r, const struct phase_result *p)
{
	json_t *shares = json_array(), *vms = json_array(), *o;
	json_t *status = p->status ? json_loads(p->status, 0, NULL) : NULL;

	for (size_t i = 0; i < r->scenario->n_vms; i++) {
		if (p->phase->has_shares)
			json_array_append_new(shares, json_integer(p->phase->shares[i].weight));
		json_array_append_new(vms, vm_object(r, p, i));
	}
	o = json_pack("{s:s,s:s,s:o,s:i,s:o,s:o,s:o,s:o,s:I}", "name", p->phase->name, "scheduler",
		      scheduler_name(p->phase->scheduler), "shares", shares, "seconds",
		      (int)p->phase->seconds, "vms", vms, "total_mbps", summary_number(p->total_mbps), "utilisation",
		      summary_number(p->utilisation), "jain", summary_number(p->jain), "queue_drops",
		      (json_int_t)p->queue_drops);
	json_object_set_new(o, "under", text(p->phase->under));
	json_object_set_new(o, "step", text(p->phase->step));
	json_object_set_new(o, "wire_utilisation", scenario_unlimited(r->scenario) || r->scenario->rx ? json_null() :
				summary_number(p->total_mbps / ((double)r->scenario->wire.bytes_ps * 8e-6)));
	json_object_set_new(o, "repetition", json_integer(p->repetition));
	json_object_set_new(o, "at_s", summary_number((double)(p->window.from_ns - r->start_ns) / 1e9));
	json_object_set_new(o, "wire_drops", json_integer((json_int_t)p->wire_drops));
	json_object_set_new(o, "idle", json_boolean(p->phase->idle));
	json_object_set_new(o, "backpressure", text(p->phase->backpressure));
	json_object_set_new(o, "schedule", text(p->phase->schedule));
	json_object_set_new(o, "changed", json_boolean(p->changed));
	json_object_set_new(o, "change_ms", p->changed ? summary_number((double)(p->acked_ns - p->asked_ns) / 1e6) :
							 json_null());
	json_object_set_new(o, "settled_ms", summary_number(p->settled_ms));
	json_object_set_new(o, "commands", commands(p->commands));
	json_object_set_new(o, "late_ms", summary_number(p->late_ms));
	json_object_set_new(o, "others_cores", summary_number(p->others_cores));
	json_object_set_new(o, "cpu", summary_cpu_phase(&p->cpu));
	json_object_set_new(o, "slot_grid_of", text(p->slots_of));
	json_object_set_new(o, "divvy_status", status ? status : json_null());
	return o;
}

static json_t *summary(const struct result *r)
{
	const struct scenario *s = r->scenario;
	json_t *phases = json_array(), *o;
	uint64_t rcvbuf_errors = 0;

	for (size_t k = 0; k < r->n_phases; k++)
		json_array_append_new(phases, r->phases[k].skipped[0] ? skipped_object(&r->phases[k]) :
									phase_object(r, &r->phases[k]));
	for (size_t i = 0; i < s->n_vms; i++)
		rcvbuf_errors += r->heard[i].rcvbuf_errors;
	o = json_pack("{s:i,s:s,s:s,s:o,s:o}", "version", 1, "scenario", s->name, "accel", r->accel,
		      "wire_mbps",
		      scenario_unlimited(s) ? json_null() : summary_number((double)s->wire.bytes_ps * 8e-6), "phases",
		      phases);
	json_object_set_new(o, "repetitions", json_integer(s->repeat));
	json_object_set_new(o, "measures", measure_heads());
	json_object_set_new(o, "compare", summary_compare(r));
	json_object_set_new(o, "title", text(s->title));
	json_object_set_new(o, "section", text(s->section));
	json_object_set_new(o, "half_demand", json_boolean(s->half_demand));
	json_object_set_new(o, "capacity_mbps", summary_number((double)s->capacity.bytes_ps * 8e-6));
	json_object_set_new(o, "topology", text(topo_kind_name(s->topology)));
	json_object_set_new(o, "pin", s->pin ? json_integer(s->pin) : json_null());
	json_object_set_new(o, "pin_devices", json_boolean(s->pin_devices));
	json_object_set_new(o, "loaded",
			    r->load_known && !scenario_unlimited(s) ? json_boolean(r->loaded) : json_null());
	json_object_set_new(o, "receiver_socket_drops", json_integer((json_int_t)rcvbuf_errors));
	json_object_set_new(o, "arrivals_lost", json_integer((json_int_t)r->arrivals_lost));
	json_object_set_new(o, "accel_why", text(r->accel_why));
	json_object_set_new(o, "kernel", text(r->host_kernel));
	json_object_set_new(o, "guest_kernel", text(r->guest_kernel));
	json_object_set_new(o, "machine", text(r->machine));
	json_object_set_new(o, "processors", json_integer(sysconf(_SC_NPROCESSORS_ONLN)));
	json_object_set_new(o, "date", text(r->date));
	json_object_set_new(o, "commit", text(r->commit));
	return o;
}

int summary_write(const struct result *r, const char *dir, struct errtext *e)
{
	json_t *o = summary(r);
	FILE *f;
	int err;

	if (!o)
		return errtext_set(e, -ENOMEM, "out of memory");
	err = report_open(&f, dir, "summary.json", e);
	if (err == 0) {
		json_dumpf(o, f, JSON_INDENT(1) | JSON_REAL_PRECISION(DIGITS));
		fputc('\n', f);
		err = report_close(f, dir, "summary.json", e);
	}
	json_decref(o);
	return err;
}
