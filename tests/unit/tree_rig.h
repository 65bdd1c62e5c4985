/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * For tests of datapath/: random trees, as they are wanted and as they are found in the kernel. Names and
 * numbers come from small alphabets.
 */

#include "plan_rig.h"

/* Numbers: 1 the uplink's, 2 to 4 networks', 5 to 15 devices', CLASSID_DEFAULT. */
#define NETWORKS_END 5
#define MINORS_END 16
#define VNICS 14
#define MINOR_THEIRS 0x77 /* of another program's class */

static const char *const uplink_names[] = { "eth0", "eth1", "eth", "zz" };

/* HTB cannot move a class: one number has one parent in every tree here, as plan/classids.h sees to. */
static inline uint16_t parent_of(uint16_t minor)
{
	if (minor == CLASSID_ROOT)
		return 0;
	return minor == CLASSID_DEFAULT || minor < NETWORKS_END || minor % 4 == 0 ? CLASSID_ROOT :
										    1 + minor % 4;
}

static inline struct tree_class some_class(uint16_t minor)
{
	bool leaf = minor >= NETWORKS_END;
	struct tree_class c = { .node = leaf && minor == CLASSID_DEFAULT ? NODE_NONE : minor };

	c.htb = (struct htb_class){ .minor = minor,
				    .parent = parent_of(minor),
				    .rate.bytes_ps = MBIT * (1 + rnd_below(2)),
				    .ceil.bytes_ps = 10 * MBIT,
				    .burst = 100000,
				    .cburst = 100000,
				    .leaf = leaf };
	if (leaf) {
		c.htb.quantum = 1000 * (1 + rnd_below(2));
		c.leaf = (struct leaf){ .kind = one_in(2) ? LEAF_BFIFO : LEAF_FQ_CODEL, .limit = 5000 };
	}
	return c;
}

static inline void put_class(struct tree_uplink *u, uint16_t minor)
{
	for (size_t i = 0; i < u->n_classes; i++)
		if (u->classes[i].htb.minor == minor)
			return;
	if (minor != CLASSID_ROOT)
		put_class(u, parent_of(minor));
	u->classes[u->n_classes++] = some_class(minor);
}

static inline void put_vnics(struct tree *t)
{
	for (uint32_t ifindex = 1; ifindex <= VNICS; ifindex++) {
		uint32_t uplink = rnd_below((uint32_t)t->n_uplinks);
		uint16_t minor = (uint16_t)(NETWORKS_END + rnd_below(MINORS_END - NETWORKS_END));

		if (one_in(3))
			continue;
		put_class(&t->uplinks[uplink], minor);
		t->vnics[t->n_vnics++] = (struct tree_vnic){
			.ifindex = ifindex, .uplink = uplink, .minor = minor, .node = minor,
			.hooks = 1 + rnd_below(HOOK_FILTER | HOOK_TCX)
		};
	}
}

/* As tree_build() makes it. */
static inline void random_want(struct tree *t)
{
	*t = (struct tree){ .uplinks = calloc(ARRAY_SIZE(uplink_names), sizeof(*t->uplinks)),
			    .vnics = calloc(VNICS, sizeof(*t->vnics)) };
	assert_true(t->uplinks && t->vnics);
	for (size_t i = 0; i < ARRAY_SIZE(uplink_names); i++) {
		struct tree_uplink *u = &t->uplinks[t->n_uplinks];

		if (one_in(3))
			continue;
		strcpy(u->name, uplink_names[i]);
		u->node = (uint32_t)i;
		u->classes = calloc(MINORS_END + 2, sizeof(*u->classes));
		assert_non_null(u->classes);
		put_class(u, CLASSID_ROOT);
		put_class(u, CLASSID_DEFAULT);
		t->n_uplinks++;
	}
	if (t->n_uplinks)
		put_vnics(t);
	assert_int_equal(tree_sort(t), 0);
}

static inline int by_minor(const void *a, const void *b)
{
	return (int)((const struct tree_class *)a)->htb.minor -
	       (int)((const struct tree_class *)b)->htb.minor;
}

/* It is there: read from the kernel anew, or as divvyd believes. */
static inline void make_observed(struct tree *t, bool anew)
{
	for (uint32_t i = 0; i < t->n_uplinks; i++) {
		struct tree_uplink *u = &t->uplinks[i];

		u->ifb = 100 + i;
		u->classified = !anew;
		qsort(u->classes, u->n_classes, sizeof(*u->classes), by_minor);
		for (size_t k = 0; k < u->n_classes && anew; k++) {
			u->classes[k].node = NODE_NONE;
			u->classes[k].leaf = (struct leaf){ 0 };
		}
		if (anew)
			u->node = NODE_NONE;
	}
	for (size_t i = 0; i < t->n_vnics && anew; i++)
		t->vnics[i].node = NODE_NONE;
}

/* A leaf stands under another parent, or has become one itself. */
static inline void misplace(struct tree_class *c)
{
	if (one_in(2))
		c->htb.parent = c->htb.parent == CLASSID_ROOT ? 2 : CLASSID_ROOT;
	else
		c->htb.leaf = false;
}

static inline void put_theirs(struct tree_uplink *u)
{
	u->classes[u->n_classes] = some_class(MINOR_THEIRS);
	u->classes[u->n_classes].htb.parent = CLASSID_ROOT;
	u->classes[u->n_classes++].theirs = true;
}

/*
 * Others have removed a class (it has no children, or the kernel would not have let them), or all of them, have
 * changed them, or have added one.
 */
static inline void spoil(struct tree *t)
{
	for (size_t i = 0; i < t->n_uplinks; i++) {
		struct tree_uplink *u = &t->uplinks[i];

		if (one_in(6)) {
			u->n_classes = 0;
			u->classified = false;
			u->wrong_root = one_in(2);
		}
		u->classified &= !one_in(6);
		u->wrong_link = one_in(6);
		if (one_in(6) && u->n_classes)
			misplace(&u->classes[rnd_below((uint32_t)u->n_classes)]);
		for (size_t k = u->n_classes; k-- > 0;) {
			if (u->classes[k].htb.minor < NETWORKS_END || !one_in(6))
				continue;
			memmove(&u->classes[k], &u->classes[k + 1],
				(u->n_classes - k - 1) * sizeof(*u->classes));
			u->n_classes--;
		}
		if (one_in(6) && u->n_classes)
			put_theirs(u);
		qsort(u->classes, u->n_classes, sizeof(*u->classes), by_minor);
	}
}

static inline void random_have(struct tree *t)
{
	random_want(t);
	make_observed(t, one_in(2));
	if (one_in(3))
		spoil(t);
	if (t->n_uplinks || one_in(2))
		return;
	/* A filter whose IFB is gone (datapath/observe.c). */
	t->vnics[t->n_vnics++] = (struct tree_vnic){ .ifindex = 3, .minor = 7, .node = NODE_NONE,
						    .hooks = HOOK_FILTER };
}

/* What is there after apply() of a tree. */
static inline void copy_tree(const struct tree *from, struct tree *to)
{
	*to = *from;
	to->uplinks = calloc(from->n_uplinks + 1, sizeof(*to->uplinks));
	to->vnics = calloc(from->n_vnics + 1, sizeof(*to->vnics));
	assert_true(to->uplinks && to->vnics);
	memcpy(to->vnics, from->vnics, from->n_vnics * sizeof(*to->vnics));
	for (size_t i = 0; i < from->n_uplinks; i++) {
		size_t size = from->uplinks[i].n_classes * sizeof(struct tree_class);

		to->uplinks[i] = from->uplinks[i];
		to->uplinks[i].classes = calloc(1, size);
		assert_non_null(to->uplinks[i].classes);
		memcpy(to->uplinks[i].classes, from->uplinks[i].classes, size);
	}
	make_observed(to, false);
}
