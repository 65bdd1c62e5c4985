// SPDX-License-Identifier: GPL-2.0-or-later
#include "sample.h"

#include "base/cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void uplink_free(struct sampler_uplink *u)
{
	free(u->last.classes);
	free(u->now.classes);
}

void sampler_free(struct sampler *s)
{
	for (size_t i = 0; i < s->n; i++)
		uplink_free(&s->uplinks[i]);
	free(s->uplinks);
	*s = (struct sampler){ 0 };
}

static struct sampler_uplink *find(const struct sampler *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->uplinks[i].name, name) == 0)
			return &s->uplinks[i];
	return NULL;
}

static struct sampler_uplink *find_or_add(struct sampler *s, const char *name)
{
	struct sampler_uplink *u = find(s, name);
	struct sampler_uplink *bigger;

	if (u)
		return u;
	bigger = reallocarray(s->uplinks, s->n + 1, sizeof(*bigger));
	if (!bigger)
		return NULL;
	s->uplinks = bigger;
	bigger[s->n] = (struct sampler_uplink){ 0 };
	snprintf(bigger[s->n].name, sizeof(bigger[s->n].name), "%s", name);
	return &bigger[s->n++];
}

static void forget_removed(struct sampler *s, const struct dataplane *p)
{
	for (size_t i = s->n; i-- > 0;) {
		if (tree_uplink_named(&p->have, s->uplinks[i].name))
			continue;
		uplink_free(&s->uplinks[i]);
		s->uplinks[i] = s->uplinks[--s->n];
	}
}

static int read_uplink(struct sampler_uplink *u, struct rtnl *r, uint32_t ifb, uint64_t now_ns)
{
	_cleanup_free_ struct htb_stats *stats = NULL;
	struct sample fresh = { .at_ns = now_ns };
	int err = htb_list(r, ifb, NULL, &stats, &fresh.n);

	if (err < 0)
		return err;
	fresh.classes = calloc(fresh.n + 1, sizeof(*fresh.classes));
	if (!fresh.classes)
		return -ENOMEM;
	for (size_t i = 0; i < fresh.n; i++)
		fresh.classes[i] = (struct sample_class){ .minor = stats[i].minor,
							  .bytes = stats[i].bytes,
							  .packets = stats[i].packets,
							  .backlog_packets = stats[i].backlog_packets };
	free(u->last.classes);
	u->last = u->now;
	u->now = fresh;
	return 0;
}

int sampler_read(struct sampler *s, struct dataplane *p, uint64_t now_ns)
{
	forget_removed(s, p);
	for (size_t i = 0; i < p->have.n_uplinks; i++) {
		struct sampler_uplink *u = find_or_add(s, p->have.uplinks[i].name);
		int err = u ? read_uplink(u, p->rtnl, p->have.uplinks[i].ifb, now_ns) : -ENOMEM;

		if (err < 0)
			return err;
	}
	return 0;
}

static int compare_minor(const void *key, const void *c)
{
	return (int)*(const uint16_t *)key - (int)((const struct sample_class *)c)->minor;
}

static const struct sample_class *class_of(const struct sample *s, uint16_t minor)
{
	return s->n ? bsearch(&minor, s->classes, s->n, sizeof(*s->classes), compare_minor) : NULL;
}

void sampler_rate(const struct sampler *s, const char *uplink, uint16_t minor, struct sampler_rate *out)
{
	const struct sampler_uplink *u = find(s, uplink);
	const struct sample_class *now, *last;

	*out = (struct sampler_rate){ 0 };
	now = u ? class_of(&u->now, minor) : NULL;
	if (!now)
		return;
	out->bytes = now->bytes;
	out->packets = now->packets;
	out->backlogged = now->backlog_packets > 0;
	last = class_of(&u->last, minor);
	/* A class of that minor that was deleted and made again starts from 0. */
	if (!last || last->bytes > now->bytes || u->now.at_ns <= u->last.at_ns)
		return;
	out->window_ns = u->now.at_ns - u->last.at_ns;
	out->delivered.bytes_ps = (uint64_t)((unsigned __int128)(now->bytes - last->bytes) * NSEC_PER_SEC /
					     out->window_ns);
	out->backlogged |= last->backlog_packets > 0;
}
