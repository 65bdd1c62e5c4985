// SPDX-License-Identifier: GPL-2.0-or-later
#include "sample.h"

#include "base/cleanup.h"
#include "base/nsec.h"
#include "kernel/net/htb.h"
#include "kernel/net/qdisc.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* A window is at least this long where readings allow it: packets come in bursts of up to 20 ms. */
#define WINDOW_NS (500 * NSEC_PER_MSEC)
/* Of readings closer together than this the later is kept, so that SAMPLE_READINGS of them span a window. */
#define SPACING_NS (WINDOW_NS / 2)

static void uplink_free(struct sample_uplink *u)
{
	for (size_t i = 0; i < u->n_readings; i++)
		free(u->reading[i].classes);
	u->n_readings = 0;
}

void sampler_free(struct sampler *s)
{
	for (size_t i = 0; i < s->n; i++)
		uplink_free(&s->uplinks[i]);
	free(s->uplinks);
	*s = (struct sampler){ 0 };
}

static int compare_uplink(const void *a, const void *b)
{
	const struct sample_uplink *x = a, *y = b;
	int r = strcmp(x->name, y->name);

	return r ? r : (x->direction > y->direction) - (x->direction < y->direction);
}

static struct sample_uplink *find(const struct sampler *s, const char *name, enum direction direction)
{
	struct sample_uplink key = { .direction = direction };

	if (!s->n || strlen(name) >= sizeof(key.name))
		return NULL;
	strcpy(key.name, name);
	return bsearch(&key, s->uplinks, s->n, sizeof(key), compare_uplink);
}

const struct sample_uplink *sampler_uplink(const struct sampler *s, const char *name, enum direction direction)
{
	return find(s, name, direction);
}

/* The uplinks of the tree, in its order, with the readings that there are of them. */
static int follow_tree(struct sampler *s, const struct tree *have)
{
	struct sample_uplink *now = calloc(have->n_uplinks + 1, sizeof(*now));

	if (!now)
		return -ENOMEM;
	for (size_t i = 0; i < have->n_uplinks; i++) {
		struct sample_uplink *was = find(s, have->uplinks[i].name, have->uplinks[i].direction);

		if (was) {
			now[i] = *was;
			was->n_readings = 0;
		} else {
			snprintf(now[i].name, sizeof(now[i].name), "%s", have->uplinks[i].name);
			now[i].direction = have->uplinks[i].direction;
		}
	}
	for (size_t i = 0; i < s->n; i++)
		uplink_free(&s->uplinks[i]);
	free(s->uplinks);
	s->uplinks = now;
	s->n = have->n_uplinks;
	return 0;
}

/* Takes fresh. True: it stands beside the latest one before it; false: in its place. */
static bool push(struct sample_uplink *u, struct sample_reading fresh)
{
	bool replace = u->n_readings > 1 && u->reading[0].at_ns - u->reading[1].at_ns < SPACING_NS;

	if (replace) {
		free(u->reading[0].classes);
	} else {
		if (u->n_readings == SAMPLE_READINGS)
			free(u->reading[--u->n_readings].classes);
		memmove(&u->reading[1], &u->reading[0], u->n_readings * sizeof(fresh));
		u->n_readings++;
	}
	u->reading[0] = fresh;
	return !replace;
}

static int compare_minor(const void *key, const void *c)
{
	return (int)*(const uint16_t *)key - (int)((const struct sample_class *)c)->minor;
}

static const struct sample_class *class_of(const struct sample_reading *r, uint16_t minor)
{
	return r->n ? bsearch(&minor, r->classes, r->n, sizeof(*r->classes), compare_minor) : NULL;
}

/* Whether the reading has the classes that the kernel has now: it has not where one was added or is gone. */
static bool has_classes(const struct sample_reading *r, const struct tree_uplink *have)
{
	if (!r->n || r->n != have->n_classes)
		return false;
	for (size_t i = 0; i < r->n; i++) /* both by minor */
		if (r->classes[i].minor != have->classes[i].htb.minor)
			return false;
	return true;
}

/*
 * The latest reading is the present one, too, if the root has sent and dropped nothing since then and nothing waits: one
 * question, not a dump of all classes.
 */
static bool rests(const struct sample_uplink *u, const struct sample_root *now, const struct tree_uplink *have)
{
	return u->n_readings && u->root.known && now->known && u->root.ifb == now->ifb && u->root.bytes == now->bytes &&
	       u->root.drops == now->drops && !u->root.waiting && !now->waiting && has_classes(&u->reading[0], have);
}

static int copy_reading(const struct sample_reading *from, uint64_t now_ns, struct sample_reading *out)
{
	*out = (struct sample_reading){ .at_ns = now_ns, .n = from->n, .classes = calloc(from->n + 1, sizeof(*out->classes)) };
	if (!out->classes)
		return -ENOMEM;
	memcpy(out->classes, from->classes, from->n * sizeof(*from->classes));
	return 0;
}

static struct sample_root read_root(struct rtnl *r, uint32_t ifb)
{
	struct qdisc q;

	if (qdisc_root(r, ifb, &q) < 0)
		return (struct sample_root){ 0 };
	return (struct sample_root){
		.known = true, .ifb = ifb, .bytes = q.bytes, .drops = q.drops, .waiting = q.backlog_packets
	};
}

/* The root first: what is sent meanwhile is found at the next reading. 1: the classes were read; else 0 or negative errno. */
static int read_uplink(struct sample_uplink *u, struct rtnl *r, const struct tree_uplink *have, uint64_t now_ns)
{
	_cleanup_free_ struct htb_stats *stats = NULL;
	struct sample_reading fresh = { .at_ns = now_ns };
	struct sample_root root = read_root(r, have->ifb);
	int err = 0;

	if (rests(u, &root, have)) {
		if (u->rested) {
			u->reading[0].at_ns = now_ns;
			return 0;
		}
		err = copy_reading(&u->reading[0], now_ns, &fresh);
		if (err >= 0)
			u->rested = push(u, fresh);
		return err;
	}
	err = htb_list(r, have->ifb, NULL, &stats, &fresh.n);
	if (err < 0)
		return err;
	fresh.classes = calloc(fresh.n + 1, sizeof(*fresh.classes));
	if (!fresh.classes)
		return -ENOMEM;
	for (size_t i = 0; i < fresh.n; i++)
		fresh.classes[i] = (struct sample_class){ .minor = stats[i].minor,
							  .bytes = stats[i].bytes,
							  .packets = stats[i].packets,
							  .backlog_packets = stats[i].backlog_packets,
							  .dropped_packets = stats[i].drops,
							  .backlog_bytes = stats[i].backlog_bytes };
	push(u, fresh);
	u->root = root;
	u->rested = false;
	return 1;
}

uint64_t sampler_latest_ns(const struct sampler *s)
{
	return s->latest_ns;
}

int sampler_read(struct sampler *s, struct dataplane *p, uint64_t now_ns)
{
	int err = follow_tree(s, &p->have), moved = 0;

	for (size_t i = 0; i < s->n && err >= 0; i++) {
		err = read_uplink(&s->uplinks[i], p->rtnl, &p->have.uplinks[i], now_ns);
		moved |= err > 0;
	}
	if (err < 0)
		return err;
	s->latest_ns = now_ns;
	return moved;
}

/* The latest reading that makes a whole window with the first; else the oldest one that has the class. */
static const struct sample_class *window_start(const struct sample_uplink *u, uint16_t minor,
					       uint64_t *start_ns)
{
	const struct sample_class *c = NULL;

	for (size_t i = 1; i < u->n_readings; i++) {
		const struct sample_class *there = class_of(&u->reading[i], minor);

		if (!there)
			break;
		c = there;
		*start_ns = u->reading[i].at_ns;
		if (u->reading[0].at_ns - *start_ns >= WINDOW_NS)
			break;
	}
	return c;
}

void sample_rate(const struct sample_uplink *u, uint16_t minor, struct sample_rate *out)
{
	const struct sample_class *now, *start;
	uint64_t start_ns = 0;

	*out = (struct sample_rate){ 0 };
	now = u && u->n_readings ? class_of(&u->reading[0], minor) : NULL;
	if (!now)
		return;
	out->bytes = now->bytes;
	out->packets = now->packets;
	out->dropped_packets = now->dropped_packets;
	out->waiting_bytes = now->backlog_bytes;
	out->at_ns = u->reading[0].at_ns;
	out->backlogged = now->backlog_packets > 0;
	start = window_start(u, minor, &start_ns);
	/* A class of that minor that was deleted and made again starts from 0. */
	if (!start || start->bytes > now->bytes || out->at_ns <= start_ns)
		return;
	out->known = true;
	out->window_ns = out->at_ns - start_ns;
	out->delivered.bytes_ps = (uint64_t)((unsigned __int128)(now->bytes - start->bytes) * NSEC_PER_SEC /
					     out->window_ns);
	out->backlogged |= start->backlog_packets > 0;
}
