/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "admission.h"

#include "base/cleanup.h"
#include "entitle.h"
#include "fault.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Less than this part of a level, for siblings without a reserve, is told, per cent. */
#define TIGHT_PERCENT 5
/* So many siblings are named, and the others counted. */
#define NAMED_MAX 6
#define NAMES_SIZE 512

static uint64_t add_sat(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static uint64_t min64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static bool counts(const bool *part, size_t i)
{
	return !part || part[i];
}

/* What each node promises, and what its children promise together; both by node, zeroed. */
static void sum_up(const struct model *m, uint64_t *promised, uint64_t *below)
{
	for (size_t i = m->n_nodes; i-- > 0;) {
		const struct node *node = &m->nodes[i];

		promised[i] = node->reserve.bytes_ps ? node->reserve.bytes_ps : below[i];
		if (node->parent != NODE_NONE)
			below[node->parent] = add_sat(below[node->parent], promised[i]);
	}
}

int admission_promised(const struct model *m, struct rate *out)
{
	_cleanup_free_ uint64_t *promised = calloc(m->n_nodes + 1, sizeof(*promised));
	_cleanup_free_ uint64_t *below = calloc(m->n_nodes + 1, sizeof(*below));

	if (!promised || !below)
		return -ENOMEM;
	sum_up(m, promised, below);
	for (size_t i = 0; i < m->n_nodes; i++)
		out[i].bytes_ps = promised[i];
	return 0;
}

/* --- names in a line ------------------------------------------------------------------------------------ */

struct names {
	char text[NAMES_SIZE];
	size_t size;
	uint32_t left; /* to be named */
	uint32_t more; /* that are only counted then */
};

/* n: how many there will be. */
static struct names names_of(uint32_t n)
{
	uint32_t named = n > NAMED_MAX ? NAMED_MAX - 1 : n;

	return (struct names){ .left = named, .more = n - named };
}

/* "web 600mbit, db 300mbit and 12 others"; promised 0: without a rate. */
static void put_name(struct names *n, const struct node *node, uint64_t promised)
{
	const char *before = n->size == 0 ? "" : n->left == 1 && !n->more ? " and " : ", ";
	char rate[FAULT_RATE_SIZE];
	int len;

	if (n->left == 0)
		return;
	len = snprintf(n->text + n->size, sizeof(n->text) - n->size, "%s%s%s%s%s%s", before, node->name,
		       node->instance ? "/" : "", node->instance ? node->selector : "", promised ? " " : "",
		       promised ? fault_rate(promised, rate) : "");
	if (len > 0 && (size_t)len < sizeof(n->text) - n->size)
		n->size += (size_t)len;
	if (--n->left == 0 && n->more)
		snprintf(n->text + n->size, sizeof(n->text) - n->size, " and %" PRIu32 " other%s", n->more,
			 n->more == 1 ? "" : "s");
}

/* The children of a node that promise something (has), or nothing, without one of them. part: as for admission_shares(). */
static void name_children(const struct model *m, const bool *part, const uint64_t *promised, uint32_t parent, uint32_t but,
			  bool has, struct names *out)
{
	size_t end = model_end(m, parent);
	uint32_t n = 0;

	for (size_t i = parent + 1; i < end; i = model_end(m, i))
		n += counts(part, i) && i != but && !!promised[i] == has;
	*out = names_of(n);
	for (size_t i = parent + 1; i < end; i = model_end(m, i))
		if (counts(part, i) && i != but && !!promised[i] == has)
			put_name(out, &m->nodes[i], promised[i]);
}

/* --- what is refused ------------------------------------------------------------------------------------ */

/* The node at i or above whose limit is the lowest. */
static uint32_t lowest_above(const struct model *m, uint32_t i)
{
	uint32_t lowest = i;

	for (; i != NODE_NONE; i = m->nodes[i].parent)
		if (m->nodes[i].limit.bytes_ps < m->nodes[lowest].limit.bytes_ps)
			lowest = i;
	return lowest;
}

static int refuse_sum(const struct model *m, const uint64_t *promised, uint32_t parent, uint64_t sum, uint32_t lowest,
		      struct model_error *err)
{
	uint64_t has = min64(m->nodes[lowest].limit.bytes_ps, RATE_MAX_BYTES_PS), so_far = 0;
	char own[FAULT_RATE_SIZE], by[FAULT_RATE_SIZE], rate[FAULT_RATE_SIZE];
	char what[2 * FAULT_RATE_SIZE], most[2 * FAULT_RATE_SIZE + MODEL_NAME_SIZE];
	size_t at = parent + 1;
	struct names with;

	/* The first that finds too little left. */
	for (;; at = model_end(m, at)) {
		so_far = add_sat(so_far, promised[at]);
		if (so_far > has)
			break;
	}
	name_children(m, NULL, promised, parent, (uint32_t)at, true, &with);
	snprintf(what, sizeof(what), "%s %s", m->nodes[at].reserve.bytes_ps ? "reserve" : "the reserves in it,",
		 fault_rate(promised[at], own));
	snprintf(most, sizeof(most), "%s, the %s of %s", fault_rate(has, rate),
		 m->nodes[lowest].kind == NODE_UPLINK ? "capacity" : "limit", m->nodes[lowest].name);
	fault_rate(sum - has, by);
	if (!with.size)
		return fault_at(err, m, (uint32_t)at, PART_RESERVE, "%s: %s too much; expected at most %s", what, by,
				most);
	return fault_at(err, m, (uint32_t)at, PART_RESERVE,
			"%s: together with %s that is %s, %s too much; expected at most %s", what, with.text,
			fault_rate(sum, rate), by, most);
}

static int check_own(const struct model *m, const uint64_t *below, uint32_t i, struct model_error *err)
{
	const struct node *node = &m->nodes[i];
	char own[FAULT_RATE_SIZE], other[FAULT_RATE_SIZE], by[FAULT_RATE_SIZE];
	uint64_t reserve = node->reserve.bytes_ps;

	if (!reserve)
		return 0;
	fault_rate(reserve, own);
	if (reserve < RATE_MIN_BYTES_PS)
		return fault_at(err, m, i, PART_RESERVE, "reserve %s, expected at least %s", own,
				fault_rate(RATE_MIN_BYTES_PS, other));
	if (reserve > node->limit.bytes_ps)
		return fault_at(err, m, i, PART_RESERVE, "reserve %s is above its limit; expected at most %s", own,
				fault_rate(node->limit.bytes_ps, other));
	if (reserve < below[i])
		return fault_at(err, m, i, PART_RESERVE,
				"reserve %s is %s less than the reserves in it; expected at least %s, or none", own,
				fault_rate(below[i] - reserve, by), fault_rate(below[i], other));
	return 0;
}

int admission_check(const struct model *m, struct model_error *err)
{
	_cleanup_free_ uint64_t *promised = calloc(m->n_nodes + 1, sizeof(*promised));
	_cleanup_free_ uint64_t *below = calloc(m->n_nodes + 1, sizeof(*below));
	int r = 0;

	if (!promised || !below)
		return -ENOMEM;
	sum_up(m, promised, below);
	for (uint32_t i = 0; i < m->n_nodes && r >= 0; i++)
		if (m->nodes[i].kind != NODE_UPLINK)
			r = check_own(m, below, i, err);
	/* The lowest level first: what does not fit there is named, and not the network that it is in. */
	for (uint32_t i = (uint32_t)m->n_nodes; i-- > 0 && r >= 0;) {
		uint32_t lowest;

		if (!below[i])
			continue;
		lowest = lowest_above(m, i);
		if (below[i] > min64(m->nodes[lowest].limit.bytes_ps, RATE_MAX_BYTES_PS))
			r = refuse_sum(m, promised, i, below[i], lowest, err);
	}
	return r;
}

/* What node i gets when all its siblings send: of what the node above it gets then, its part of the sum of weights. */
static int share_of(const struct model *m, uint32_t i, uint64_t above, uint64_t weights, uint64_t *out,
		    struct model_error *err)
{
	const struct node *node = &m->nodes[i];
	/* At most 400 Gbit/s * 1e6: 56 bits. */
	uint64_t part = above * node->share.weight / weights;
	char has[FAULT_RATE_SIZE], least[FAULT_RATE_SIZE];

	if (part < node->reserve.bytes_ps)
		part = node->reserve.bytes_ps;
	if (part < RATE_MIN_BYTES_PS)
		return fault_at(err, m, i, PART_SHARE,
				"share %" PRIu32 " of %" PRIu64 " guarantees %s, expected at least %s", node->share.weight,
				weights, fault_rate(part, has), fault_rate(RATE_MIN_BYTES_PS, least));
	*out = min64(part, node->limit.bytes_ps);
	return 0;
}

int admission_shares(const struct model *m, const bool *part, struct model_error *err)
{
	_cleanup_free_ uint64_t *weights = calloc(m->n_nodes + 1, sizeof(*weights)); /* of the children, summed up */
	_cleanup_free_ uint64_t *rate = calloc(m->n_nodes + 1, sizeof(*rate));
	int r = 0;

	if (!weights || !rate)
		return -ENOMEM;
	for (uint32_t i = 0; i < m->n_nodes; i++)
		if (m->nodes[i].kind != NODE_UPLINK && counts(part, i))
			weights[m->nodes[i].parent] += m->nodes[i].share.weight;
	for (uint32_t i = 0; i < m->n_nodes && r >= 0; i++) {
		uint32_t up = m->nodes[i].parent;

		if (!counts(part, i))
			continue;
		if (m->nodes[i].kind == NODE_UPLINK)
			rate[i] = min64(m->nodes[i].limit.bytes_ps, RATE_MAX_BYTES_PS); /* a port's speed may not be known yet */
		else
			r = share_of(m, i, rate[up], weights[up], &rate[i], err);
	}
	return r;
}

/* --- what is likely not meant --------------------------------------------------------------------------- */

/* What each node could take: by node, zeroed. */
static void sum_most(const struct model *m, uint64_t *most)
{
	for (size_t i = m->n_nodes; i-- > 0;) {
		const struct node *node = &m->nodes[i];

		if (node->kind == NODE_DEVICE || node->others)
			most[i] = UINT64_MAX;
		most[i] = min64(most[i], node->limit.bytes_ps);
		if (node->parent != NODE_NONE)
			most[node->parent] = add_sat(most[node->parent], most[i]);
	}
}

/* Three digits, and no exponent. */
static const char *mbit_text(uint64_t bytes_ps, char buf[FAULT_RATE_SIZE])
{
	double mbit = (double)bytes_ps * 8 / 1e6;

	snprintf(buf, FAULT_RATE_SIZE, "%.*f", mbit >= 99.95 ? 0 : mbit >= 9.995 ? 1 : 2, mbit);
	return buf;
}

static int tell_tight(const struct model *m, const bool *part, const uint64_t *promised, uint32_t i, uint64_t left, uint64_t has,
		      admission_tell *tell, void *arg)
{
	char text[2 * NAMES_SIZE + MODEL_FULL_NAME_SIZE + 128], name[MODEL_FULL_NAME_SIZE];
	char rest[FAULT_RATE_SIZE], all[FAULT_RATE_SIZE];
	struct names with, without;

	name_children(m, part, promised, i, NODE_NONE, true, &with);
	name_children(m, part, promised, i, NODE_NONE, false, &without);
	snprintf(text, sizeof(text),
		 "the reserves in %s (%s) leave %s of %s Mbit/s to %s when all send, less than %d %%",
		 model_full_name(m, i, name), with.text, mbit_text(left, rest), mbit_text(has, all), without.text,
		 TIGHT_PERCENT);
	return tell(arg, i, text);
}

int admission_tight(const struct model *m, const bool *part, admission_tell *tell, void *arg)
{
	_cleanup_free_ uint64_t *promised = calloc(m->n_nodes + 1, sizeof(*promised));
	_cleanup_free_ uint64_t *below = calloc(m->n_nodes + 1, sizeof(*below));
	_cleanup_free_ uint64_t *most = calloc(m->n_nodes + 1, sizeof(*most));
	_cleanup_free_ uint64_t *wanted = calloc(m->n_nodes + 1, sizeof(*wanted)); /* by children without a reserve */
	_cleanup_free_ struct rate *got = calloc(m->n_nodes + 1, sizeof(*got));
	int r;

	if (!promised || !below || !most || !wanted || !got)
		return -ENOMEM;
	sum_up(m, promised, below);
	sum_most(m, most);
	for (size_t i = 0; i < m->n_nodes; i++) {
		const struct node *node = &m->nodes[i];

		got[i] = counts(part, i) ? RATE_UNLIMITED : RATE_ZERO;
		if (node->parent != NODE_NONE && !promised[i] && counts(part, i))
			wanted[node->parent] = add_sat(wanted[node->parent], most[i]);
	}
	r = entitle(m, got, got);
	for (uint32_t i = 0; i < m->n_nodes && r >= 0; i++) {
		uint64_t has = got[i].bytes_ps, left = has > below[i] ? has - below[i] : 0;

		if (below[i] && wanted[i] > left && left < has / 100 * TIGHT_PERCENT)
			r = tell_tight(m, part, promised, i, left, has, tell, arg);
	}
	return r;
}
