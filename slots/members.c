// SPDX-License-Identifier: GPL-2.0-or-later
#include "members.h"

#include "base/cleanup.h"
#include "core/entitle.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct part part_of(struct rate entitled, struct rate capacity)
{
	uint64_t part = (entitled.bytes_ps * PART_MAX + capacity.bytes_ps / 2) / capacity.bytes_ps;

	return (struct part){ part ? (uint32_t)part : 1 };
}

static struct part part_sum(struct part a, struct part b)
{
	uint32_t sum = a.ppm + b.ppm;

	return (struct part){ sum < PART_MAX ? sum : PART_MAX };
}

/* By name, too, for a VM with several devices is called after the first. */
static int compare(const void *a, const void *b)
{
	const struct member *x = a, *y = b;

	if (x->pid != y->pid)
		return x->pid > y->pid ? 1 : -1;
	if (x->start_time != y->start_time)
		/* The one that lives, then one that had its pid. */
		return x->start_time < y->start_time ? 1 : -1;
	return strcmp(x->name, y->name);
}

/* One member for each VM. Returns how many are left. */
static size_t merge(struct member *m, size_t n)
{
	size_t kept = 0;

	qsort(m, n, sizeof(*m), compare);
	for (size_t i = 0; i < n; i++) {
		if (kept && m[kept - 1].pid == m[i].pid && m[kept - 1].start_time != m[i].start_time)
			continue;
		if (kept && m[kept - 1].pid == m[i].pid) {
			m[kept - 1].part = part_sum(m[kept - 1].part, m[i].part);
			m[kept - 1].vhost |= m[i].vhost;
		} else {
			m[kept++] = m[i];
		}
	}
	return kept;
}

static bool has_vm(const struct binding *b)
{
	return b->bound && b->pid && b->vmm_known;
}

static struct member member_of(const struct node *node, const struct binding *b, struct part part)
{
	struct member m = { .pid = b->pid,
			    .start_time = b->start_time,
			    .part = part,
			    .vhost = b->vhost != VMM_VHOST_NO };

	snprintf(m.name, sizeof(m.name), "%s", b->vm[0] ? b->vm : node->name);
	return m;
}

int members_find(const struct model *m, const struct binding *bindings, struct member **list, size_t *n)
{
	_cleanup_free_ struct rate *demand = calloc(m->n_nodes + 1, sizeof(*demand));
	_cleanup_free_ struct rate *entitled = calloc(m->n_nodes + 1, sizeof(*entitled));
	_cleanup_free_ struct member *out = calloc(m->n_nodes + 1, sizeof(*out));
	struct rate capacity = RATE_ZERO;
	size_t found = 0;
	int err;

	if (!demand || !entitled || !out)
		return -ENOMEM;
	for (size_t i = 0; i < m->n_nodes; i++)
		if (m->nodes[i].kind == NODE_DEVICE && has_vm(&bindings[i]))
			demand[i] = RATE_UNLIMITED;
	err = entitle(m, demand, entitled);
	if (err < 0)
		return err;
	for (size_t i = 0; i < m->n_nodes; i++) {
		if (m->nodes[i].kind == NODE_UPLINK)
			capacity = m->nodes[i].limit;
		if (demand[i].bytes_ps)
			out[found++] = member_of(&m->nodes[i], &bindings[i], part_of(entitled[i], capacity));
	}
	*n = merge(out, found);
	*list = TAKE_PTR(out);
	return 0;
}
