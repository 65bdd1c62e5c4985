// SPDX-License-Identifier: GPL-2.0-or-later
#include "reconcile.h"

#include "base/cleanup.h"
#include "slots/slots.h"
#include "loop.h"
#include "kernel/net/nft.h"
#include "base/log.h"
#include "datapath/observe.h"
#include "state.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* A model with all that follows from it; switched as one. */
struct plan {
	struct model model;
	struct binding *bindings;
	uint16_t *minors;
	struct tree want;
};

static void plan_free(struct plan *p)
{
	model_free(&p->model);
	free(p->bindings);
	free(p->minors);
	tree_free(&p->want);
}

/* A class that is in the kernel and belongs to nobody in the running model: it drains. */
static bool minor_busy(const char *uplink, uint16_t minor, void *arg)
{
	struct daemon *d = arg;
	const struct tree_uplink *u = tree_uplink_named(&d->plane.have, uplink);

	return u && tree_class(u, minor);
}

/*
 * A packet that divvy redirects passes no nft netdev ingress chain (nor does it after re-injection): binding
 * would silently switch off a firewall. Only vNICs that are new are looked at.
 */
static void respect_nft(struct daemon *d, const struct node *node, struct binding *b)
{
	char chain[64];

	if (!b->bound || node->force || tree_vnic(&d->plane.have, b->ifindex))
		return;
	if (nft_ingress_chain(b->nic, chain, sizeof(chain)) < 0 || !chain[0])
		return;
	b->bound = false;
	snprintf(b->why, sizeof(b->why),
		 "nft chain %s hooks %s at ingress and would be passed by: remove it, or set force: true",
		 chain, b->nic);
}

/*
 * The vNICs that are bound now, of which there need not be classes (CPU scheduling); at a start those that
 * the last divvyd left filters on.
 */
static int bound_now(const struct daemon *d, struct tree *out)
{
	size_t n = d->bindings ? d->model.n_nodes : d->plane.have.n_vnics;
	struct tree_vnic *v = calloc(n + 1, sizeof(*v));

	if (!v)
		return -ENOMEM;
	*out = (struct tree){ .vnics = v };
	for (size_t i = 0; i < n; i++) {
		if (!d->bindings)
			v[out->n_vnics++] = d->plane.have.vnics[i];
		else if (d->bindings[i].bound)
			v[out->n_vnics++].ifindex = d->bindings[i].ifindex;
	}
	tree_sort_vnics(v, out->n_vnics);
	return 0;
}

static int bind_all(struct daemon *d, struct plan *p)
{
	_cleanup_(tree_freep) struct tree bound = { 0 };
	_cleanup_(binder_freep) struct binder *binder = NULL;

	if (bound_now(d, &bound) >= 0)
		binder = binder_new(&d->host, &bound);
	if (!binder)
		return -ENOMEM;
	for (size_t i = 0; i < p->model.n_nodes; i++) {
		if (p->model.nodes[i].kind != NODE_DEVICE)
			continue;
		binder_bind(binder, &p->model.nodes[i], &p->bindings[i]);
		/* CPU slots leave packets where they are. */
		if (p->model.schedule.resource != RESOURCE_CPU)
			respect_nft(d, &p->model.nodes[i], &p->bindings[i]);
	}
	return 0;
}

/* Two selectors that name one vNIC can only be told apart on the host: the second one waits. */
static int refuse_shared_nics(struct plan *p)
{
	_cleanup_free_ struct tree_vnic *seen = calloc(p->model.n_nodes + 1, sizeof(*seen));
	size_t n = 0;

	if (!seen)
		return -ENOMEM;
	for (size_t i = 0; i < p->model.n_nodes; i++)
		if (p->model.nodes[i].kind == NODE_DEVICE && p->bindings[i].bound)
			seen[n++] =
				(struct tree_vnic){ .ifindex = p->bindings[i].ifindex, .node = (uint32_t)i };
	tree_sort_vnics(seen, n);
	for (size_t i = 1; i < n; i++) {
		struct binding *second = &p->bindings[seen[i].node];

		if (seen[i].ifindex != seen[i - 1].ifindex)
			continue;
		second->bound = false;
		snprintf(second->why, sizeof(second->why), "%s is claimed by device %.63s already",
			 second->nic, p->model.nodes[seen[i - 1].node].name);
	}
	return 0;
}

static int plan_make(struct daemon *d, struct plan *p)
{
	size_t n = p->model.n_nodes + 1;
	int err;

	free(p->bindings);
	p->bindings = calloc(n, sizeof(*p->bindings));
	if (!p->bindings)
		return -ENOMEM;
	if (!p->minors) {
		p->minors = calloc(n, sizeof(*p->minors));
		if (!p->minors)
			return -ENOMEM;
		err = minors_assign(&d->minors_table, &p->model, minor_busy, d, p->minors);
		if (err < 0)
			return err;
	}
	err = bind_all(d, p);
	if (err >= 0)
		err = refuse_shared_nics(p);
	if (err < 0)
		return err;
	tree_free(&p->want);
	/* Where the CPU is scheduled, packets are left alone. */
	if (p->model.schedule.resource == RESOURCE_CPU)
		return 0;
	return tree_build(&p->model, p->bindings, p->minors, &sizing_host_default, d->plane.fq_codel,
			  &p->want);
}

static int check_schedule(struct daemon *d, const struct plan *p, struct spec_error *err)
{
	char why[SLOTS_WHY_SIZE];
	int r = slots_prepare(&d->cpu, &p->model.schedule, d->options.runtime, why);

	if (r < 0) {
		err->line = p->model.schedule.line;
		snprintf(err->text, sizeof(err->text), "schedule: %s", why);
	}
	return r;
}

/* What apply refuses although the text is right: it cannot be meant on this host. */
static int check_host(struct daemon *d, const struct plan *p, struct spec_error *err)
{
	for (size_t i = 0; i < p->model.n_nodes; i++) {
		const struct node *node = &p->model.nodes[i];

		if (node->kind == NODE_UPLINK && !host_link_named(&d->host, node->name)) {
			err->line = node->line;
			snprintf(err->text, sizeof(err->text),
				 "unknown uplink \"%s\": expected the name of a network interface of this host (ip link)",
				 node->name);
			return -ENODEV;
		}
		if (node->kind == NODE_DEVICE && !p->bindings[i].bound &&
		    strncmp(p->bindings[i].why, "nft ", 4) == 0) {
			err->line = node->line;
			snprintf(err->text, sizeof(err->text), "device \"%s\": %s", node->name,
				 p->bindings[i].why);
			return -EBUSY;
		}
	}
	return check_schedule(d, p, err);
}

/* The rest of the plan goes on without this vNIC. */
static void leave_out(struct plan *p, const struct dataplane_missed *missed)
{
	struct tree_vnic *v = tree_vnic(&p->want, missed->ifindex);
	struct binding *b = &p->bindings[v->node];
	const struct rtnl_failure *f = &missed->failure;

	v->sndbuf = 0; /* what is not scheduled is not held back */
	b->bound = false;
	if (f->error == -ENODEV)
		snprintf(b->why, sizeof(b->why), "interface %s vanished", b->nic);
	else
		snprintf(b->why, sizeof(b->why), "cannot attach to %s: %s%s%s", b->nic, strerror(-f->error),
			 f->text[0] ? ": " : "", f->text);
}

static int plan_apply(struct daemon *d, struct plan *p, char *errtext, size_t size)
{
	_cleanup_free_ struct dataplane_missed *missed = calloc(p->want.n_vnics + 1, sizeof(*missed));
	size_t n_missed = 0;
	int err = missed ? 0 : -ENOMEM;

	for (int attempt = 0; attempt < 2; attempt++) {
		if (err >= 0 && d->plane.stale)
			err = dataplane_observe(&d->plane);
		if (err >= 0)
			err = dataplane_apply(&d->plane, &d->host, &p->want, missed, &n_missed, errtext,
					      size);
		/* What was believed to be there may not have been: look, and try once more. */
		if (err >= 0 || err == -ENOMEM)
			break;
		if (attempt == 0)
			err = 0;
	}
	for (size_t i = 0; i < n_missed; i++)
		leave_out(p, &missed[i]);
	if (err < 0 && d->plane.stale)
		dataplane_observe(&d->plane);
	return err;
}

static void plan_run(struct daemon *d, struct plan *p)
{
	struct plan old = {
		.model = d->model, .bindings = d->bindings, .minors = d->minors, .want = d->want
	};

	d->model = p->model;
	d->bindings = p->bindings;
	d->minors = p->minors;
	d->want = p->want;
	d->unreconciled = false;
	plan_free(&old);
	*p = (struct plan){ 0 };
	backpressure_apply(&d->backpressure, &d->want, d->bindings, false);
	slots_apply(&d->cpu, &d->model, d->bindings);
	events_drain_soon(d);
}

int reconcile_switch(struct daemon *d, struct model *m, struct spec_error *err)
{
	_cleanup_(plan_free) struct plan p = { 0 };
	char errtext[200] = "out of memory";
	void *minors_before;
	bool undo = false;
	int r;

	*err = (struct spec_error){ 0 };
	if (d->plane.stale && (r = dataplane_observe(&d->plane)) < 0) {
		snprintf(err->text, sizeof(err->text), "cannot read the kernel's state: %s", strerror(-r));
		return r;
	}
	minors_before = minors_keep(&d->minors_table);
	r = model_copy(&p.model, m);
	if (r >= 0)
		r = plan_make(d, &p);
	if (r >= 0)
		r = check_host(d, &p, err);
	if (r >= 0) {
		r = plan_apply(d, &p, errtext, sizeof(errtext));
		undo = r < 0;
	}
	if (r < 0) {
		minors_restore(&d->minors_table, minors_before);
		if (!err->text[0])
			snprintf(err->text, sizeof(err->text), "%s", errtext);
		if (undo) {
			log_error("change failed, going back to the former shares: %s", errtext);
			reconcile_host(d);
		}
		return r;
	}
	minors_drop(minors_before);
	d->not_cpu[0] = '\0';
	plan_run(d, &p);
	model_free(m);
	return 0;
}

int reconcile_start(struct daemon *d, struct model *m)
{
	_cleanup_(plan_free) struct plan p = { .model = *m };
	char errtext[SLOTS_WHY_SIZE] = "out of memory";
	int r;

	model_init(m);
	r = dataplane_observe(&d->plane);
	if (r >= 0)
		r = plan_make(d, &p);
	if (r >= 0 && slots_prepare(&d->cpu, &p.model.schedule, d->options.runtime, errtext) < 0) {
		/* Better the network's default than no scheduling at all. */
		log_error("schedule: %s; scheduling devices instead", errtext);
		memcpy(d->not_cpu, errtext, sizeof(d->not_cpu));
		d->asked = p.model.schedule;
		p.model.schedule = schedule_default;
		r = plan_make(d, &p);
	}
	if (r >= 0)
		r = plan_apply(d, &p, errtext, sizeof(errtext));
	if (r < 0) {
		log_error("cannot bring the kernel to the specification: %s", errtext);
		return r;
	}
	plan_run(d, &p);
	return 0;
}

/* A line for each device that came or went. */
static void log_changes(const struct daemon *d, const struct binding *now)
{
	char name[MODEL_FULL_NAME_SIZE];

	for (size_t i = 0; i < d->model.n_nodes; i++) {
		const struct binding *b = &now[i], *was = &d->bindings[i];

		if (d->model.nodes[i].kind != NODE_DEVICE ||
		    (b->bound == was->bound && b->ifindex == was->ifindex))
			continue;
		model_full_name(&d->model, (uint32_t)i, name);
		if (b->bound)
			log_info("%s: bound to %s (ifindex %u)%s%s", name, b->nic, b->ifindex,
				 b->vm[0] ? ", VM " : "", b->vm);
		else
			log_info("%s: waiting: %s", name, b->why);
	}
}

void reconcile_host(struct daemon *d)
{
	_cleanup_(plan_free) struct plan p = { 0 };
	char errtext[200] = "out of memory";
	int r;

	if (!d->minors)
		return;
	r = model_copy(&p.model, &d->model);
	if (r >= 0) {
		p.minors = calloc(d->model.n_nodes + 1, sizeof(*p.minors));
		r = p.minors ? 0 : -ENOMEM;
	}
	if (r >= 0) {
		memcpy(p.minors, d->minors, d->model.n_nodes * sizeof(*p.minors));
		r = plan_make(d, &p);
	}
	if (r >= 0)
		r = plan_apply(d, &p, errtext, sizeof(errtext));
	if (r < 0) {
		if (!d->unreconciled)
			log_error("cannot bring the kernel to the specification (%s); will try again",
				  errtext);
		d->unreconciled = true;
		return;
	}
	log_changes(d, p.bindings);
	plan_run(d, &p);
	state_save(d);
}

/* Whether all that have says is seen, too. */
static bool still_there(const struct dataplane *p, const struct tree *seen)
{
	for (size_t i = 0; i < p->have.n_vnics; i++)
		if (!tree_vnic(seen, p->have.vnics[i].ifindex))
			return false;
	for (size_t i = 0; i < p->have.n_uplinks; i++) {
		const struct tree_uplink *u = tree_uplink_named(seen, p->have.uplinks[i].name);

		if (!u || u->n_classes != p->have.uplinks[i].n_classes)
			return false;
	}
	return true;
}

/* Whether a vNIC took no filter. What hindered it may have gone since: no event tells. */
static bool any_left_out(const struct daemon *d)
{
	for (size_t i = 0; i < d->want.n_vnics; i++)
		if (!tree_vnic(&d->plane.have, d->want.vnics[i].ifindex))
			return true;
	return false;
}

void reconcile_audit(struct daemon *d)
{
	_cleanup_(tree_freep) struct tree seen = { 0 };
	bool again = any_left_out(d);
	int n;

	if (observe(d->plane.rtnl, &seen) >= 0 && !still_there(&d->plane, &seen)) {
		log_warning("somebody removed kernel objects of divvy's; putting them back");
		d->plane.stale = true;
		again = true;
	}
	if (again)
		reconcile_host(d);
	n = backpressure_apply(&d->backpressure, &d->want, d->bindings, true);
	if (n)
		log_warning("backpressure changed on %d vNICs", n);
}

void reconcile_free(struct daemon *d)
{
	struct plan p = { .model = d->model, .bindings = d->bindings, .minors = d->minors, .want = d->want };

	plan_free(&p);
	d->bindings = NULL;
	d->minors = NULL;
	d->want = (struct tree){ 0 };
	model_init(&d->model);
}
