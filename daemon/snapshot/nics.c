// SPDX-License-Identifier: GPL-2.0-or-later
#include "nics.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"

#include <errno.h>
#include <linux/pkt_sched.h>
#include <stdio.h>
#include <string.h>

uint32_t snapshot_nic_key(const struct snapshot_nic *nic, enum direction direction)
{
	const struct binding *b = nic->binding;

	if (direction == DIRECTION_RX)
		return b->bound && b->rx ? b->ifindex | DIVVY_RX : 0;
	return b->bound ? b->ifindex : 0;
}

int snapshot_nics_init(struct snapshot_nics *s, const struct daemon *d)
{
	*s = (struct snapshot_nics){ .list = calloc(d->plan.n_bindings + 1, sizeof(*s->list)) };
	return s->list ? 0 : -ENOMEM;
}

void snapshot_nics_free(struct snapshot_nics *s)
{
	free(s->list);
	free(s->lines);
	*s = (struct snapshot_nics){ 0 };
}

static int add_line(struct snapshot_nics *s, size_t *count, const char *text)
{
	int err = array_reserve(&s->lines, s->n_lines, sizeof(*s->lines));

	if (err < 0)
		return err;
	snprintf(s->lines[s->n_lines++], sizeof(*s->lines), "%s", text);
	(*count)++;
	return 0;
}

/* Filters behind divvy's: divided packets do not meet them. */
static int fill_passed(const struct others_vnic *filters, struct snapshot_nics *s, struct snapshot_nic *out)
{
	int err = 0;

	out->first_passed = s->n_lines;
	for (size_t i = 0; filters && i < filters->n && err >= 0; i++)
		if (filters->place[i] == OTHER_BEHIND)
			err = add_line(s, &out->n_passed, filters->text[i]);
	return err;
}

/* Qdiscs, programs and filters of others on a vNIC: they stay in force, and the operator should know. */
static int fill_others(struct daemon *d, struct snapshot_nics *s, struct snapshot_nic *out)
{
	uint32_t ifindex = out->binding->ifindex;
	const struct hook *hook = hooks_find(&d->plane.hooks, ifindex);
	const struct others_vnic *filters = others_of(&d->others, ifindex);
	const struct link *l = host_link(&d->host, ifindex);
	char text[OTHERS_TEXT_SIZE];
	size_t n = 0;
	const struct others_qdisc *q = others_qdiscs_of(&d->others, ifindex, &n);
	int err = 0;

	if (filters && l && filters->xdp != l->xdp)
		others_read_early(&d->others, &d->host, ifindex);
	out->first_other = s->n_lines;
	for (size_t i = 0; i < n && err >= 0; i++) {
		/* libvirt gives its taps a noqueue, which does nothing. */
		if (!strcmp(q[i].kind, "noqueue") || (q[i].parent == TC_H_INGRESS && hook && hook->ours))
			continue;
		snprintf(text, sizeof(text), "qdisc %s", q[i].kind);
		err = add_line(s, &out->n_others, text);
	}
	for (size_t i = 0; filters && i < filters->n_early && err >= 0; i++)
		err = add_line(s, &out->n_others, filters->early[i]);
	for (size_t i = 0; filters && i < filters->n && err >= 0; i++)
		err = add_line(s, &out->n_others, filters->text[i]);
	return err < 0 ? err : fill_passed(filters, s, out);
}

void snapshot_undivided(const struct daemon *d, uint32_t ifindex, enum direction direction, enum hook_place hook,
			struct snapshot_undivided *out)
{
	const struct lookout_input in = { .plane = &d->plane, .host = &d->host };
	const struct tree_vnic *there = tree_vnic(&d->plane.have, ifindex, direction);
	const struct undivided_vnic *v = there ? undivided_of(&d->undivided, dataplane_key(there)) : NULL;
	uint64_t now_ns = clock_now_ns();

	*out = (struct snapshot_undivided){ .is = v && v->undivided };
	if (!out->is)
		return;
	out->kept_permille = v->kept_permille;
	out->since_ns = v->since_ns;
	out->known = undivided_known(&d->undivided, v, now_ns);
	out->hint = "";
	if (!out->known) {
		lookout_unknown_text(v, now_ns, out->text);
		return;
	}
	lookout_first(v, &in, &d->others, out->by);
	lookout_text(v, out->by, out->text);
	out->hint = lookout_hint(v, out->by, hook);
}

static void fill_backpressure(const struct daemon *d, const struct node *node, struct snapshot_nic *out)
{
	const struct binding *b = out->binding;
	const struct held *h = b->bound ? backpressure_of(&d->backpressure, b->ifindex) : NULL;

	snprintf(out->why, sizeof(out->why), "%s", b->why.text);
	out->backpressure = node->backpressure == BACKPRESSURE_OFF ? SNAPSHOT_OFF : SNAPSHOT_UNAVAILABLE;
	if (!b->bound || !b->backpressure || d->slots) /* CPU slots hold no packet back */
		return;
	if (h && h->error == 0) {
		out->backpressure = SNAPSHOT_ON;
		out->sndbuf = h->now;
		return;
	}
	out->backpressure = SNAPSHOT_UNAVAILABLE;
	snprintf(out->why, sizeof(out->why), "cannot set the send buffer of %s: %s", b->nic,
		 h ? strerror(-h->error) : "not tried yet");
}

static int fill_nic(struct daemon *d, const struct node *node, struct snapshot_nics *s, struct snapshot_nic *out)
{
	const struct tree_vnic *v = out->binding->bound ? tree_vnic(&d->plane.have, out->binding->ifindex, DIRECTION_TX) : NULL;

	out->hooks = v ? v->hooks : 0;
	fill_backpressure(d, node, out);
	if (!out->binding->bound)
		return 0;
	snapshot_undivided(d, out->binding->ifindex, DIRECTION_TX, node->hook, &out->undivided);
	return fill_others(d, s, out);
}

int snapshot_nics_add(struct snapshot_nics *s, struct daemon *d, uint32_t node)
{
	uint32_t at = node;
	int err;

	do {
		struct snapshot_nic *nic = &s->list[s->n++];

		nic->binding = &d->plan.bindings[at];
		err = fill_nic(d, &d->plan.model.nodes[node], s, nic);
	} while (binding_next(d->plan.bindings, &at) && err >= 0);
	return err;
}

int snapshot_nics_read(struct snapshot_nics *s, const struct daemon *d)
{
	_cleanup_free_ uint32_t *keys = calloc(N_DIRECTIONS * s->n + 1, sizeof(*keys));
	_cleanup_free_ struct divvy_counters *c = calloc(N_DIRECTIONS * s->n + 1, sizeof(*c));
	uint64_t now = clock_now_ns();
	size_t n = 0;

	if (!keys || !c)
		return -ENOMEM;
	for (size_t i = 0; i < N_DIRECTIONS * s->n; i++)
		if (snapshot_nic_key(&s->list[i / N_DIRECTIONS], i % N_DIRECTIONS))
			keys[n++] = snapshot_nic_key(&s->list[i / N_DIRECTIONS], i % N_DIRECTIONS);
	if (classifier_read_many(d->plane.classifier, keys, n, c) < 0)
		return 0; /* offered_ns stays 0 */
	n = 0;
	for (size_t i = 0; i < N_DIRECTIONS * s->n; i++) {
		struct snapshot_nic *nic = &s->list[i / N_DIRECTIONS];

		if (!snapshot_nic_key(nic, i % N_DIRECTIONS))
			continue;
		nic->offered[i % N_DIRECTIONS] = c[n++];
		nic->offered_ns[i % N_DIRECTIONS] = now;
	}
	return 0;
}
