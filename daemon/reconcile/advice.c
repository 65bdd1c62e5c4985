// SPDX-License-Identifier: GPL-2.0-or-later
#include "advice.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/event.h"
#include "kernel/net/port.h"
#include "plan/claims.h"
#include "plan/mistakes.h"
#include "plan/ports.h"
#include "plan/stacked.h"

#include <string.h>

/* More lines than this at once are one. */
#define UNCLAIMED_LINES_MAX 10

/* --- the capacity against the port's speed -------------------------------------------------------------- */

uint64_t advice_speed(const struct daemon *d, const char *interface)
{
	const char *name = "";

	for (size_t i = 0; i < d->host.n_links; i++)
		if (strcmp(d->host.links[i].name, interface) == 0)
			return portspeed_of(&d->host, &d->host.links[i], false, &name);
	return 0;
}

static int check_speed(const struct daemon *d, const struct plan *p, size_t node, struct warning_list *out)
{
	const struct binding *b = &p->bindings[node];
	const struct link *l = b->bound ? host_link(&d->host, b->ifindex) : NULL;
	uint64_t capacity = rate_bits(p->model.nodes[node].limit), speed;
	const char *name = "";

	speed = l ? portspeed_of(&d->host, l, p->model.nodes[node].of_link.ppm, &name) : 0;
	if (!speed || capacity <= speed)
		return 0;
	return warning_add(
		out, "speed", l->name,
		"the capacity of %s, %.6g Mbit/s, is above the speed of %s, %.6g Mbit/s: shares do not hold",
		l->name, (double)capacity / 1e6, name, (double)speed / 1e6);
}

/* What the interface itself tells; 0: nothing. */
static uint64_t told_speed(const struct link *l)
{
	uint64_t bits_ps;

	return port_has_speed(l) && port_speed(l->name, &bits_ps) >= 0 ? bits_ps : 0;
}

/* --- all ------------------------------------------------------------------------------------------------ */

/* hook: tcx on a kernel without it. */
static int check_tcx(const struct daemon *d, const struct plan *p, struct warning_list *out)
{
	for (size_t i = 0; i < p->model.n_nodes && !classifier_id(d->plane.classifier, CLASSIFIER_DIVERT); i++)
		if (p->model.nodes[i].kind == NODE_DEVICE && p->model.nodes[i].hook == PLACE_TCX &&
		    p->model.schedule.resource == RESOURCE_DEVICE)
			return warning_add(
				out, "tcx", "",
				"hook: tcx needs a kernel from 6.6 on: these devices are divided as with hook: last");
	return 0;
}

int advice_of_plan(const struct daemon *d, const struct plan *p, struct warning_list *out)
{
	int err;

	if (!p->bindings)
		return 0;
	err = mistakes_find(p, &d->host, out);
	for (size_t i = 0; i < p->model.n_nodes && err >= 0; i++)
		if (p->model.nodes[i].kind == NODE_UPLINK && p->model.schedule.resource == RESOURCE_DEVICE)
			err = check_speed(d, p, i, out);
	if (err >= 0 && p->model.schedule.resource == RESOURCE_DEVICE)
		err = stacked_find(p, &d->host, told_speed, out);
	return err < 0 ? err : check_tcx(d, p, out);
}

/* Processes that divvyd may not look into: VMs are missing, and no other line would say why. */
static int add_sight(const struct daemon *d, struct warning_list *out)
{
	char text[SIGHT_TEXT_SIZE];

	if (d->vms_error)
		return warning_add(out, "vms", "", "cannot look for VMs (%s): none that comes or goes now is noticed",
				   strerror(-d->vms_error));
	return d->host.sight.limit ? warning_add(out, "sight", "", "%s", sight_text(&d->host.sight, text)) : 0;
}

/* The kernel tells of no such program, and lets none be removed but by its owner. */
static int check_ifbs(const struct daemon *d, struct warning_list *out)
{
	char text[EARLY_TEXT_SIZE];
	int err = 0;

	for (size_t i = 0; i < d->plane.have.n_uplinks && err >= 0; i++) {
		const struct tree_uplink *u = &d->plane.have.uplinks[i];
		const struct link *l = host_link(&d->host, u->ifb);

		others_early_egress(u->ifb, text);
		if (text[0])
			err = warning_add(
				out, "ifb", l ? l->name : u->name,
				"%s at %s, divvy's own, comes before what is scheduled there: packets that it drops or redirects no device gets",
				text, l ? l->name : u->name);
	}
	return err;
}

int advice_now(const struct daemon *d, struct warning_list *out)
{
	int err = add_sight(d, out);

	if (err >= 0)
		err = advice_of_plan(d, &d->plan, out);
	if (err >= 0)
		err = check_ifbs(d, out);

	if (err >= 0 && d->plan.model.schedule.resource == RESOURCE_DEVICE)
		err = portwatch_warn(&d->portwatch, &d->plan, clock_now_ns(), out);
	if (err >= 0 && d->plan.model.schedule.resource == RESOURCE_DEVICE)
		err = portspeed_warn(&d->speeds, &d->plan.written, out);
	return err < 0 ? err : burstwatch_warn(&d->burstwatch, &d->plan, clock_now_ns(), out);
}

json_t *advice_json(const struct warning_list *l)
{
	json_t *list = json_array();

	for (size_t i = 0; i < l->n; i++)
		json_array_append_new(list, json_string(l->list[i].text));
	return list;
}

json_t *advice_new_json(const struct daemon *d, const struct warning_list *l)
{
	json_t *list = json_array();

	for (size_t i = 0; i < l->n; i++)
		if (!warning_find(&d->told, l->list[i].key))
			json_array_append_new(list, json_string(l->list[i].text));
	return list;
}

/* --- the log -------------------------------------------------------------------------------------------- */

static int find_unclaimed(const struct daemon *d, struct warning_list *out)
{
	_cleanup_(claims_free) struct claims c = { 0 };
	_cleanup_free_ const struct vmm_nic **list = NULL;
	size_t n = 0;
	int err = claims_make(&d->plan, &d->host, &c);

	if (err >= 0)
		err = claims_unclaimed(&c, &list, &n);
	if (err >= 0 && n > UNCLAIMED_LINES_MAX)
		return warning_add(
			out, "unclaimed", "",
			"%zu vNICs of VMs are claimed by no device, and their packets are not divided (divvy status names them)",
			n);
	for (size_t i = 0; i < n && err >= 0; i++)
		err = warning_add(out, "unclaimed", list[i]->tap,
				  "%s of VM %s (%s) is claimed by no device: its packets are not divided",
				  list[i]->tap, list[i]->vm[0] ? list[i]->vm : list[i]->vmm,
				  list[i]->mac[0] ? list[i]->mac : "MAC unknown");
	return err;
}

/* What was told of before and still is; a VM that starts changes nothing of it. */
static int keep_unclaimed(const struct daemon *d, struct warning_list *out)
{
	int err = 0;

	for (size_t i = 0; i < d->told.n && err >= 0; i++)
		if (strncmp(d->told.list[i].key, "unclaimed", strlen("unclaimed")) == 0)
			err = warning_add(out, "unclaimed", d->told.list[i].key + strlen("unclaimed "), "%s",
					  d->told.list[i].text);
	return err;
}

void advice_log(struct daemon *d, bool settled)
{
	_cleanup_(warning_list_freep) struct warning_list now = { 0 };
	const struct portwatch_input in = {
		.rtnl = d->plane.rtnl, .plan = &d->plan, .have = &d->plane.have, .host = &d->host
	};
	int err;

	if (d->plan.bindings && d->plan.model.schedule.resource == RESOURCE_DEVICE)
		(void)portwatch_read(&d->portwatch, &in, clock_now_ns());
	burstwatch_read(&d->burstwatch, &d->plane, clock_now_ns());
	err = advice_now(d, &now);
	if (err >= 0 && d->plan.bindings)
		err = settled ? find_unclaimed(d, &now) : keep_unclaimed(d, &now);
	if (err < 0)
		return;
	for (size_t i = 0; i < now.n; i++)
		if (!warning_find(&d->told, now.list[i].key))
			event_tell(&(struct event){ .kind = EVENT_WARNING, .priority = LOG_WARNING }, "%s",
				   now.list[i].text);
	warning_list_free(&d->told);
	d->told = now;
	now = (struct warning_list){ 0 };
}
