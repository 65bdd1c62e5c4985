// SPDX-License-Identifier: GPL-2.0-or-later
#include "divided.h"

#include "base/clock.h"
#include "base/event.h"

#include <string.h>

/* A vNIC that changes all the time has two lines a minute in the log. */
#define TELL_AGAIN_NS (60 * NSEC_PER_SEC)

static enum direction direction_of(const struct undivided_vnic *v)
{
	return v->key & DIVVY_RX ? DIRECTION_RX : DIRECTION_TX;
}

/* Said of what it receives. */
static const char *which(const struct undivided_vnic *v)
{
	return v->key & DIVVY_RX ? " (rx)" : "";
}

/* e: what it is about. */
static void tell_begin(const struct divided_input *in, const struct undivided_vnic *v, const struct tree_vnic *there,
		       struct event *e)
{
	const struct lookout_input what = { .plane = in->plane, .host = in->host };
	char first[OTHERS_TEXT_SIZE], text[LOOKOUT_TEXT_SIZE];
	const char *hint;

	lookout_first(v, &what, in->others, first);
	hint = lookout_hint(v, first, there->place);
	e->kind = EVENT_NOT_DIVIDED;
	e->priority = LOG_WARNING;
	e->fields[0] = (struct event_field){ "by", first, 0 };
	e->fields[1] = (struct event_field){ "percent", NULL, v->kept_permille / 10 };
	e->fields[2] = (struct event_field){ "hint", hint, 0 };
	event_tell(e, "%s%s: %s of %s%s%s", e->device, which(v), lookout_text(v, first, text), e->nic, hint[0] ? "; " : "",
		   hint);
}

static void tell_end(const struct undivided_vnic *v, struct event *e)
{
	e->kind = EVENT_DIVIDED;
	e->priority = LOG_NOTICE;
	event_tell(e, "%s%s: the packets of %s are divided again", e->device, which(v), e->nic);
}

/* A look under way. */
struct divided {
	const struct divided_input *in;
	bool *tcx;
};

static void on_change(struct undivided_vnic *v, enum undivided_change change, void *arg)
{
	const struct divided *look = arg;
	const struct divided_input *in = look->in;
	const struct tree_vnic *there = tree_vnic(&in->plane->have, v->key & ~DIVVY_RX, direction_of(v));
	char name[MODEL_FULL_NAME_SIZE];
	uint64_t now = clock_now_ns();
	const struct link *l = host_link(in->host, v->key & ~DIVVY_RX);
	const struct model *m = &in->running->model;
	struct event e = { .device = name, .nic = l ? l->name : "a vNIC", .direction = direction_names[direction_of(v)] };

	if (!there || there->node >= m->n_nodes)
		return;
	if (change == UNDIVIDED_BEGAN && there->hooks & HOOK_TCX)
		*look->tcx = true;
	model_full_name(m, there->node, name);
	e.uplink = m->nodes[model_uplink_of(m, there->node)].name;
	/* The filter that keeps the packets may be so new that it was not read yet: the line is to name it. */
	if (others_read(in->others, &(struct others_source){ in->plane->rtnl, in->host }, there->ifindex) < 0)
		others_read_early(in->others, in->host, there->ifindex);
	if (change == UNDIVIDED_BEGAN && (!v->told_ns || now - v->told_ns >= TELL_AGAIN_NS)) {
		tell_begin(in, v, there, &e);
		v->told = true;
		v->told_ns = now;
	} else if (change == UNDIVIDED_ENDED && v->told) {
		tell_end(v, &e);
		v->told = false;
	}
}

uint64_t divided_look(struct undivided *u, const struct divided_input *in, bool *tcx)
{
	const struct lookout_input what = { .plane = in->plane, .host = in->host, .softnet = in->softnet };
	struct divided look = { .in = in, .tcx = tcx };

	/* What fails is tried again at the next look. */
	(void)lookout_look(u, &what, clock_now_ns(), on_change, &look);
	return undivided_period(u);
}
