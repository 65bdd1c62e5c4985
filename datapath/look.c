// SPDX-License-Identifier: GPL-2.0-or-later
#include "look.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/event.h"
#include "diff.h"

#include <errno.h>
#include <stdlib.h>

/* A script that removes all filters of a large host: some names, and how many more. */
#define LINES_MAX 10

/* Notes of one look. */
struct notes {
	const struct look *look;
	const struct tree *before; /* as it was believed to be */
	const struct tree *seen;
	uint64_t now_ns;
	bool *anew;   /* by uplink of the running tree: all of it is made anew; owned */
	size_t lines; /* due */
};

/* What is removed from a vNIC comes back after a pause only (settle.h), and not at all if the vNIC goes meanwhile. */
static const char *remedy(enum repair what)
{
	return what == REPAIR_FILTER_REMOVED ? "it is put back, unless the vNIC goes" : "put right";
}

/* about: the uplink, or a device and its nic. */
static void note(struct notes *n, const struct event *about, enum repair what, enum direction direction)
{
	const char *name = about->device ? about->device : about->uplink, *nic = about->nic ? about->nic : "";
	int count = repairs_note(n->look->repairs, name, what, direction, n->now_ns);
	const struct event e = { .kind = EVENT_REPAIRED,
				 .priority = LOG_WARNING,
				 .device = about->device,
				 .uplink = about->uplink,
				 .nic = nic[0] ? nic : NULL,
				 .direction = direction_names[direction],
				 .fields = { { "what", repair_text(what), 0 }, { "count", NULL, count } } };

	if (count <= 0 || n->lines++ >= LINES_MAX)
		return;
	if (count == 1)
		event_tell(&e, "%s%s: %s%s%s by another program; %s", name, direction_note(direction), repair_text(what),
			   nic[0] ? " on " : "", nic, remedy(what));
	else
		event_tell(&e, "%s%s: %s%s%s by another program %d times since the latest line; put right each time", name,
			   direction_note(direction), repair_text(what), nic[0] ? " on " : "", nic, count);
}

static void note_uplink(struct notes *n, const struct change *c, enum repair what)
{
	const struct tree_uplink *u = &n->look->running->tree.uplinks[c->uplink];

	note(n, &(struct event){ .uplink = u->name }, what, u->direction);
}

/* binding: of the vNIC, or the device's first. */
static void note_device(struct notes *n, uint32_t binding, enum repair what, enum direction direction)
{
	const struct plan *running = n->look->running;
	uint32_t node = running->bindings[binding].node;
	char name[MODEL_FULL_NAME_SIZE];

	model_full_name(&running->model, node, name);
	note(n,
	     &(struct event){ .uplink = running->model.nodes[model_uplink_of(&running->model, node)].name,
			      .device = name,
			      .nic = running->bindings[binding].nic },
	     what, direction);
	if (what == REPAIR_FILTER_REMOVED)
		(void)repairs_removed(n->look->repairs, running->bindings[binding].ifindex);
}

static void note_class(struct notes *n, const struct change *c, enum repair what)
{
	const struct tree_uplink *u = &n->look->running->tree.uplinks[c->uplink];
	const struct tree_class *class = &u->classes[c->item];
	const struct model *m = &n->look->running->model;

	if (n->anew[c->uplink])
		return;
	if (class->node != NODE_NONE && m->nodes[class->node].kind == NODE_DEVICE)
		note_device(n, class->node, what, u->direction);
	else
		note_uplink(n, c, what);
}

/* A vNIC whose IFB went has to get its filter anew, too: that is no other fault. */
static void note_filter(struct notes *n, const struct change *c, enum repair what)
{
	const struct tree_vnic *v = &n->look->running->tree.vnics[c->item];

	if (!n->anew[c->uplink])
		note_device(n, v->binding, what, v->direction);
}

static enum repair reattach_repair(const struct notes *n, const struct change *c)
{
	const struct tree_vnic *want = &n->look->running->tree.vnics[c->item];
	unsigned int missing = want->hooks & ~tree_same_vnic(n->seen, want)->hooks;

	return missing & HOOK_TCX    ? REPAIR_PROGRAM_REMOVED :
	       missing & (HOOK_FILTER | HOOK_EGRESS) ? REPAIR_FILTER_REMOVED :
				       REPAIR_FILTER_CHANGED;
}

static bool was_there(const struct notes *n, const struct change *c)
{
	const struct tree *want = &n->look->running->tree;
	const struct tree_uplink *u = &want->uplinks[c->uplink];

	if (c->kind >= CHANGE_ATTACH || c->kind == CHANGE_MAP)
		return tree_same_vnic(n->before, &want->vnics[c->item]);
	return tree_uplink(n->before, u->name, u->direction);
}

static void note_change(struct notes *n, const struct change *c)
{
	switch (c->kind) {
	case CHANGE_MAKE_IFB:
		n->anew[c->uplink] = true;
		note_uplink(n, c, REPAIR_IFB_REMOVED);
		break;
	case CHANGE_MAKE_ROOT:
		n->anew[c->uplink] = true;
		note_uplink(n, c, REPAIR_ROOT);
		break;
	case CHANGE_SET_LINK:
		note_uplink(n, c, REPAIR_IFB_CHANGED);
		break;
	case CHANGE_ADD_CLASS:
		note_class(n, c, REPAIR_CLASS_REMOVED);
		break;
	case CHANGE_SET_CLASS:
		note_class(n, c, REPAIR_CLASS_CHANGED);
		break;
	case CHANGE_SET_QUEUE:
		if (!c->fresh)
			note_class(n, c, REPAIR_QUEUE);
		break;
	case CHANGE_CLASSIFY:
		if (!n->anew[c->uplink])
			note_uplink(n, c, REPAIR_CLASSIFIER);
		break;
	case CHANGE_ATTACH:
		note_filter(n, c,
			    n->look->running->tree.vnics[c->item].hooks & HOOK_TCX ? REPAIR_PROGRAM_REMOVED :
										   REPAIR_FILTER_REMOVED);
		break;
	case CHANGE_REATTACH:
		note_filter(n, c, reattach_repair(n, c));
		break;
	case CHANGE_MAP:
	case CHANGE_DETACH:
	case CHANGE_DRAIN_CLASS:
	case CHANGE_DRAIN_IFB:
		break;
	}
}

/* Something of divvy's that does not belong to what runs, and does not go by itself yet. */
static bool is_left_over(const struct tree *seen, const struct change *c)
{
	const struct tree_uplink *u = &seen->uplinks[c->uplink];

	return c->kind == CHANGE_DETACH || (c->kind == CHANGE_DRAIN_CLASS && !u->classes[c->item].drains) ||
	       (c->kind == CHANGE_DRAIN_IFB && !u->drains);
}

/*
 * What is in the running tree and was not there before is not others' doing: a vNIC that takes no filter, an
 * uplink that is away.
 */
static int compare(const struct look *look, const struct tree *seen)
{
	struct notes n = {
		.look = look, .before = &look->plane->have, .seen = seen, .now_ns = clock_now_ns()
	};
	struct diff diff;
	int differ = 0, err = diff_trees(seen, &look->running->tree, &diff);

	if (err < 0)
		return err;
	n.anew = calloc(look->running->tree.n_uplinks + 1, sizeof(*n.anew));
	for (size_t i = 0; i < diff.n && n.anew; i++) {
		const struct change *c = &diff.list[i];

		differ += is_left_over(seen, c);
		if (c->kind >= CHANGE_DETACH || !was_there(&n, c))
			continue;
		differ++;
		/* The event is still under way, and a manager's next command: who attaches now hinders it. */
		if (c->kind == CHANGE_ATTACH && look->running->tree.vnics[c->item].hooks & (HOOK_FILTER | HOOK_EGRESS))
			settle_note(&look->plane->settle, look->running->tree.vnics[c->item].ifindex, n.now_ns,
				    look->running->tree.vnics[c->item].hooks & HOOK_FILTER ? SETTLE_REMOVED :
											     SETTLE_OTHER);
		if (!look->plane->half_done)
			note_change(&n, c);
	}
	if (n.lines > LINES_MAX)
		event_tell(&(struct event){ .kind = EVENT_REPAIRED,
					    .priority = LOG_WARNING,
					    .fields = { { "count", NULL, (int64_t)(n.lines - LINES_MAX) } } },
			   "... and %zu more (divvy status)", n.lines - LINES_MAX);
	diff_free(&diff);
	err = n.anew ? differ : -ENOMEM;
	free(n.anew);
	return err;
}

/* Compare and take what was seen, whatever comes of it. */
static int take(const struct look *l, struct tree *seen)
{
	/* Without bindings divvyd starts, and nothing runs yet. */
	int differ = l->running->bindings ? compare(l, seen) : 0;

	if (differ >= 0)
		dataplane_take(l->plane, seen);
	tree_free(seen);
	return differ;
}

int look(const struct look *l, const uint32_t *ifindex, size_t n)
{
	struct tree seen;
	int err = dataplane_look(l->plane, ifindex, n, &seen);

	return err < 0 ? err : take(l, &seen);
}

int look_turn(const struct look *l, const struct host *h)
{
	struct tree seen;
	int err = dataplane_look_turn(l->plane, h, &seen);

	return err < 0 ? err : take(l, &seen);
}

void look_filter_gone(const struct look *l, uint32_t ifindex)
{
	struct notes n = { .look = l, .now_ns = clock_now_ns() };
	const struct tree_vnic *v = tree_vnic(&l->running->tree, ifindex, DIRECTION_TX);

	if (v)
		note_device(&n, v->binding, REPAIR_FILTER_REMOVED, v->direction);
}
