// SPDX-License-Identifier: GPL-2.0-or-later
#include "reconcile.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/event.h"
#include "base/log.h"
#include "changes.h"
#include "daemon/state/events.h"
#include "daemon/state/state.h"
#include "datapath/absent.h"
#include "datapath/apply.h"
#include "datapath/containers.h"
#include "datapath/egresses.h"
#include "datapath/holds.h"
#include "datapath/hurdles.h"
#include "datapath/inventory.h"
#include "datapath/look.h"
#include "datapath/shared.h"
#include "refusal.h"
#include "vms.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char too_many[] = "with what patterns and others stand for, an uplink has more than 32000 devices and networks";

#define COMPLAINT_NS (60 * NSEC_PER_SEC)

/* --- planning ----------------------------------------------------------------------------------- */

/*
 * The vNICs that are bound now, of which there need not be classes (CPU slots); at the start those that an
 * earlier divvyd left filters on.
 */
static int bound_now(const struct daemon *d, struct bound_vnic **list, size_t *n)
{
	return d->plan.bindings ? plan_bound(&d->plan, list, n) : plan_bound_there(&d->plane.have, list, n);
}

static bool wants_tcx(const struct model *m)
{
	for (size_t i = 0; i < m->n_nodes; i++)
		if (m->nodes[i].kind == NODE_DEVICE && m->nodes[i].hook == PLACE_TCX)
			return true;
	return false;
}

/* It may cost a look at every process: for the model that runs, reconcile_look() sees to it. */
static int read_containers(struct daemon *d, const struct model *m)
{
	bool runs = m == &d->plan.written;
	int err = runs && !d->containers_stale ? 0 : containers_read(d->plane.rtnl, m, &d->host);

	if (err >= 0)
		d->containers_stale = !runs;
	return err;
}

static int make_plan(struct daemon *d, const struct model *m, const struct classids *classids,
		     struct plan *out)
{
	_cleanup_free_ struct bound_vnic *bound = NULL;
	_cleanup_(hurdle_list_freep) struct hurdle_list hurdles = { 0 };
	_cleanup_free_ struct plan_hold *holds = NULL;
	_cleanup_free_ uint32_t *shared = NULL;
	_cleanup_free_ struct egress *egress = NULL;
	struct plan_input in = { .host = &d->host,
				 .have = &d->plane.have,
				 .hurdles = &hurdles,
				 .classids = classids,
				 .sizing = &sizing_host_default,
				 .fq_codel = d->plane.fq_codel,
				 .burst_limit = burstwatch_in_force(&d->plane),
				 .tcx = classifier_id(d->plane.classifier, CLASSIFIER_DIVERT) != 0 };
	int err = bound_now(d, &bound, &in.n_bound);

	if (err < 0)
		return err;
	in.bound = bound;
	err = read_containers(d, m);
	if (err >= 0)
		err = portspeed_read(&d->speeds, m, &d->host);
	in.speeds = d->speeds.list;
	in.n_speeds = d->speeds.n;
	if (err >= 0)
		err = hurdles_read(&d->host, &hurdles);
	if (err >= 0)
		err = holds_read(&d->host, &d->plane.have, &d->plane.settle, clock_now_ns(), &holds,
				 &in.n_holds);
	in.holds = holds;
	if (err >= 0 && wants_tcx(m))
		err = shared_read(&d->plane, &d->host, &d->others, &shared, &in.n_shared);
	in.shared = shared;
	if (err >= 0 && plan_wants_egress(m, &d->host))
		err = egresses_read(d->plane.rtnl, &d->plane.hooks, &egress, &in.n_egress);
	in.egress = egress;
	if (err >= 0)
		err = plan_make(m, &in, out);
	if (err < 0)
		return err;
	err = demandloop_prepare(d->demandloop, out);
	if (err < 0)
		plan_free(out);
	return err;
}

static int refuse_schedule(const struct schedule *s, int r, const char *why, struct spec_error *err)
{
	if (r < 0) {
		err->line = s->line;
		snprintf(err->text, sizeof(err->text), "schedule: %s", why);
	}
	return r;
}

int reconcile_try(struct daemon *d, const struct model *m, struct plan *out, struct spec_error *err)
{
	struct plan p = { 0 };
	char why[SLOTS_WHY_SIZE];
	int r = 0;

	if (d->plane.stale) {
		r = look(&d->look, NULL, 0);
		d->unreconciled = true; /* what was found is not what runs: a try alone mends nothing */
	}
	*err = (struct spec_error){ 0 };
	if (r < 0) {
		snprintf(err->text, sizeof(err->text), "cannot read the kernel's state: %s", strerror(-r));
		return r;
	}
	r = make_plan(d, m, &d->plan.classids, &p);
	if (r < 0) {
		snprintf(err->text, sizeof(err->text), "%s",
			 r == -ENOSPC ? too_many : "out of memory");
		return r;
	}
	r = refusal_find(d, &p, err);
	if (r >= 0 && m->schedule.resource == RESOURCE_CPU)
		r = refuse_schedule(&m->schedule, slots_check(&m->schedule, why), why, err);
	if (r < 0)
		plan_free(&p);
	else
		*out = p;
	return r;
}

/* --- applying ----------------------------------------------------------------------------------- */

/* The rest of the plan goes on without these vNICs. */
static void leave_out(struct plan *p, const struct missed_list *missed)
{
	for (size_t i = 0; i < missed->n; i++) {
		const struct rtnl_failure *f = &missed->list[i].failure;
		char what[sizeof(f->text) + 64];

		snprintf(what, sizeof(what), "%s%s%s", strerror(-f->error), f->text[0] ? ": " : "", f->text);
		plan_leave_out(p, missed->list[i].key & ~DIVVY_RX,
			       missed->list[i].key & DIVVY_RX ? DIRECTION_RX : DIRECTION_TX,
			       f->error == -ENODEV ? REASON_VANISHED : REASON_NO_ATTACH, what, NULL);
	}
}

static int apply_plan(struct daemon *d, struct plan *p, char *errtext, size_t size)
{
	struct missed_list missed = { 0 };
	int err = 0;

	backpressure_lower(&d->backpressure, &p->tree, p->bindings);
	/* What was believed to be there may not have been: look, and try once more. */
	for (int attempt = 0; attempt < 2; attempt++) {
		missed_free(&missed);
		d->plane.others = d->events_socket && !rtnl_events_wait(d->events_socket) ? &d->others : NULL;
		err = d->plane.stale ? look(&d->look, NULL, 0) : 0;
		if (err < 0)
			snprintf(errtext, size, "cannot read the kernel's state: %s", strerror(-err));
		else
			err = apply(&d->plane, &d->host, &p->tree, &missed, errtext, size);
		if (err >= 0 || err == -ENOMEM)
			break;
	}
	leave_out(p, &missed);
	missed_free(&missed);
	if (err < 0 && d->plane.stale)
		dataplane_observe(&d->plane);
	/* What runs goes on: with its own send buffers, not with those of the plan that failed. */
	if (err < 0 && d->plan.bindings)
		backpressure_apply(&d->backpressure, &d->plan.tree, d->plan.bindings, false);
	return err;
}

/* Come back when the next vNIC that is held may be attached to. */
static void wait_for_held(struct daemon *d)
{
	uint64_t next = holds_next_ns(&d->plan.tree, &d->plane.have);

	sd_event_source_set_time(d->settle_timer, next / NSEC_PER_USEC + 1);
	sd_event_source_set_enabled(d->settle_timer, next ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
}

static void log_early(struct daemon *d)
{
	uint32_t ifindex;

	while ((ifindex = settle_next_early(&d->plane.settle))) {
		const struct link *l = host_link(&d->host, ifindex);

		log_notice("%s: its tc settings change without a pause; attached all the same",
			   l ? l->name : "a vNIC");
	}
}

/* The plan is in the kernel: it is what runs from now on. Takes it. */
static void run_plan(struct daemon *d, struct plan *p)
{
	struct plan old = d->plan;

	d->took_memory = true;
	d->plan = *p;
	d->plans++;
	*p = (struct plan){ 0 };
	demandloop_switch(d->demandloop);
	speedwatch_follow(d->speedwatch);
	if (d->plan.hurdles.error < 0 && old.hurdles.error >= 0)
		log_warning("cannot ask nft for hooks (%s): no further vNIC is bound until it answers",
			    strerror(-d->plan.hurdles.error));
	absent_log(&old, &d->plan);
	(void)promises_follow(&d->promises, &old, &d->plan);
	plan_free(&old);
	portspeed_keep(&d->speeds, &d->plan.written);
	d->unreconciled = d->complained = d->as_found = d->containers_stale = false;
	d->file.valid = false;
	backpressure_apply(&d->backpressure, &d->plan.tree, d->plan.bindings, false);
	others_follow(&d->others, &(struct others_source){ d->plane.rtnl, &d->host }, &d->plane.have, false);
	slots_apply(&d->slots, &d->plan.model, d->plan.bindings);
	drain_start(&d->drain);
	log_early(d);
	wait_for_held(d);
}

int reconcile_switch(struct daemon *d, const struct model *m, struct spec_error *err)
{
	struct plan p = { 0 };
	char text[SLOTS_WHY_SIZE] = "out of memory";
	int r = reconcile_try(d, m, &p, err);

	if (r < 0)
		return r;
	r = refuse_schedule(&m->schedule,
			    slots_prepare(&d->slots, &m->schedule, d->options.runtime, text), text, err);
	if (r >= 0) {
		r = apply_plan(d, &p, text, sizeof(text));
		if (r >= 0) {
			d->not_cpu[0] = '\0';
			if (events_watched(d->events))
				changes_tell(&d->plan, &p);
			run_plan(d, &p);
			promises_change(&d->promises, clock_now_ns());
			return 0;
		}
		snprintf(err->text, sizeof(err->text), "%s", text);
		log_error("change failed, going back to the former shares: %s", text);
		reconcile_host(d);
	}
	plan_free(&p);
	return r;
}

/* Devices that nft hinders, which an earlier divvyd may have had bound. */
static void log_hindered(const struct plan *p)
{
	char name[MODEL_FULL_NAME_SIZE];

	for (size_t i = 0; i < p->n_bindings; i++) {
		const struct binding *b = &p->bindings[i];

		if (p->model.nodes[b->node].kind != NODE_DEVICE || !refusal_hindered(b))
			continue;
		model_full_name(&p->model, b->node, name);
		event_tell(&(struct event){ .kind = EVENT_WAITING,
					    .priority = LOG_WARNING,
					    .device = name,
					    .uplink = p->model.nodes[model_uplink_of(&p->model, b->node)].name,
					    .nic = b->nic },
			   "%s: waiting: %s", name, b->why.text);
	}
}

int reconcile_start(struct daemon *d, const struct model *m, const struct classids *classids)
{
	struct plan p = { 0 };
	struct model devices = *m; /* borrows its nodes */
	char text[SLOTS_WHY_SIZE] = "out of memory";
	int r = d->plane.stale ? dataplane_observe(&d->plane) : 0;

	if (r >= 0 && slots_prepare(&d->slots, &m->schedule, d->options.runtime, text) < 0) {
		/* Better the network's default than no scheduling at all. */
		log_error("schedule: %s; scheduling devices instead", text);
		memcpy(d->not_cpu, text, sizeof(d->not_cpu));
		d->asked = m->schedule;
		devices.schedule = schedule_default;
	}
	if (r >= 0)
		r = make_plan(d, &devices, classids, &p);
	if (r >= 0)
		r = apply_plan(d, &p, text, sizeof(text));
	if (r < 0) {
		log_error("cannot bring the kernel to the specification: %s", text);
		plan_free(&p);
		return r;
	}
	run_plan(d, &p);
	log_hindered(&d->plan);
	return 0;
}

/* --- the host changes --------------------------------------------------------------------------- */

/* Once for each time that it fails, and once a minute where another program makes it fail over and over. */
static void complain(struct daemon *d, const char *errtext)
{
	uint64_t now = clock_now_ns();

	if (d->complained || (d->complaint_ns && now - d->complaint_ns < COMPLAINT_NS))
		return;
	log_error("cannot bring the kernel to the specification (%s); will try again", errtext);
	d->complained = true;
	d->complaint_ns = now;
}

void reconcile_host(struct daemon *d)
{
	struct plan p = { 0 };
	char errtext[200] = "out of memory";
	int r;

	if (!d->plan.bindings)
		return;
	/* What is gone from the kernel may be held now: the plan has to know it. */
	if (d->plane.stale)
		look(&d->look, NULL, 0);
	r = make_plan(d, &d->plan.written, &d->plan.classids, &p);
	if (r == -ENOSPC)
		snprintf(errtext, sizeof(errtext), "%s", too_many);
	if (r >= 0)
		r = apply_plan(d, &p, errtext, sizeof(errtext));
	if (r < 0) {
		complain(d, errtext);
		d->unreconciled = true;
		plan_free(&p);
		return;
	}
	changes_log(&d->plan, &p, &d->repairs);
	run_plan(d, &p);
	state_save(d);
}

bool reconcile_look(struct daemon *d, bool fresh)
{
	bool differs = vms_read(d, fresh) > 0;
	int r = containers_read(d->plane.rtnl, &d->plan.written, &d->host);

	d->containers_stale = r < 0;
	return r > 0 || differs;
}

void reconcile_held(struct daemon *d, bool host_changed)
{
	_cleanup_free_ struct plan_hold *holds = NULL;
	size_t n = 0;

	if (host_changed ||
	    holds_read(&d->host, &d->plane.have, &d->plane.settle, clock_now_ns(), &holds, &n) < 0 ||
	    !holds_last(&d->plan.tree, &d->plane.have, holds, n))
		reconcile_host(d);
	else
		wait_for_held(d);
}

/* --- the audit ---------------------------------------------------------------------------------- */

/* Whether a vNIC took no filter. What hindered it may have gone since: no event tells. */
static bool any_left_out(const struct daemon *d)
{
	for (size_t i = 0; i < d->plan.tree.n_vnics; i++)
		if (tree_vnic_lacks(&d->plan.tree.vnics[i],
				    tree_same_vnic(&d->plane.have, &d->plan.tree.vnics[i])))
			return true;
	return false;
}

bool reconcile_audit(struct daemon *d)
{
	bool again = any_left_out(d), waits = again || d->unsaved[0] || d->unrecovered || d->vms_error;
	int n;

	if (d->unsaved[0])
		(void)state_save(d);
	if (d->unrecovered && !d->slots)
		d->unrecovered = slots_recover(true) < 0;
	if (d->as_found)
		return waits;
	n = d->plane.stale ? look(&d->look, NULL, 0) : look_turn(&d->look, &d->host);
	others_read_turn_early(&d->others, &d->host);
	/* No event tells of tcx programs. */
	again = again || shared_changed(&d->plane, &d->host, &d->others, &d->plan.tree);
	if ((d->vms_error || inventory_vm_gone(&d->host)) && vms_read(d, true) > 0)
		again = true;
	if (containers_read(d->plane.rtnl, &d->plan.written, &d->host) > 0)
		again = true;
	if (n > 0 || again)
		reconcile_host(d);
	n = backpressure_apply(&d->backpressure, &d->plan.tree, d->plan.bindings, true);
	if (n)
		log_warning("backpressure changed on %d vNICs", n);
	return waits || n > 0 || again;
}
