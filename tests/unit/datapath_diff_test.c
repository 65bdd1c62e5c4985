/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Differences between trees, carried out on a model of the kernel that refuses what the kernel refuses: in
 * the end it has what is wanted, and the rest drains.
 */

#include "datapath/diff.h"
#include "no_memory.h"
#include "tree_rig.h"

#include <errno.h>

#define TRIALS 4000

/* --- a model of the kernel ---------------------------------------------------------------------- */

#define SLOTS (MINORS_END + 2)

struct k_uplink {
	char name[IFNAMSIZ];
	bool root, classified, wrong_link, drains;
	struct tree_class class[SLOTS]; /* by slot(); minor 0: it is not there */
	bool fresh[SLOTS];
};

struct k_vnic {
	bool filter, known; /* known: the map that the filter looks into is ours */
	uint16_t minor;     /* in the map */
	uint16_t said;      /* by the filter itself */
	int uplink;         /* that it redirects to */
	unsigned int hooks;
};

struct kernel {
	struct k_uplink uplink[ARRAY_SIZE(uplink_names)];
	struct k_vnic vnic[VNICS + 1];
};

static size_t slot(uint16_t minor)
{
	return minor == CLASSID_DEFAULT ? MINORS_END : minor == MINOR_THEIRS ? MINORS_END + 1 : minor;
}

static int place(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(uplink_names); i++)
		if (strcmp(uplink_names[i], name) == 0)
			return (int)i;
	return -1;
}

static void kernel_boot(struct kernel *k, const struct tree *have)
{
	*k = (struct kernel){ 0 };
	for (size_t i = 0; i < have->n_uplinks; i++) {
		const struct tree_uplink *u = &have->uplinks[i];
		struct k_uplink *there = &k->uplink[place(u->name)];

		strcpy(there->name, u->name);
		there->root = u->n_classes > 0;
		there->classified = u->classified;
		there->wrong_link = u->wrong_link;
		for (size_t c = 0; c < u->n_classes; c++)
			there->class[slot(u->classes[c].htb.minor)] = u->classes[c];
	}
	for (size_t i = 0; i < have->n_vnics; i++) {
		const struct tree_vnic *v = &have->vnics[i];

		k->vnic[v->ifindex] = (struct k_vnic){
			.filter = true,
			.known = v->node != NODE_NONE,
			.minor = v->minor,
			.said = v->minor,
			.hooks = v->hooks,
			.uplink = have->n_uplinks ? place(have->uplinks[v->uplink].name) : -1,
		};
	}
}

static void do_class(struct k_uplink *u, const struct change *c, const struct tree_class *want)
{
	size_t at = slot(want->htb.minor);
	struct tree_class *there = &u->class[at];

	assert_true(u->root);
	switch (c->kind) {
	case CHANGE_ADD_CLASS:
		assert_int_equal(there->htb.minor, 0);
		assert_true(!want->htb.parent || u->class[slot(want->htb.parent)].htb.minor);
		there->htb = want->htb;
		u->fresh[at] = true;
		break;
	case CHANGE_SET_CLASS:
		assert_int_equal(there->htb.minor, want->htb.minor);
		assert_int_equal(there->htb.parent, want->htb.parent);
		assert_false(htb_class_same(&there->htb, &want->htb));
		there->htb = want->htb;
		break;
	default:
		assert_true(there->htb.minor && want->htb.leaf);
		assert_int_equal(c->fresh, u->fresh[at]);
		assert_true(c->fresh || !leaf_same(&there->leaf, &want->leaf));
		there->leaf = want->leaf;
	}
}

static void do_vnic(struct kernel *k, const struct change *c, const struct tree *want)
{
	const struct tree_vnic *w = &want->vnics[c->item];
	struct k_vnic *v = &k->vnic[w->ifindex];
	int to = place(want->uplinks[w->uplink].name);

	assert_int_equal(c->uplink, w->uplink);
	assert_true(
		k->uplink[to].class[slot(w->minor)].htb.minor); /* the class is there before its packets */
	if (c->kind == CHANGE_MAP) {
		assert_true(!v->filter || !v->known || v->minor != w->minor);
		v->minor = w->minor;
		return;
	}
	assert_int_equal(v->filter, c->kind == CHANGE_REATTACH);
	assert_true(!v->filter || !v->known || v->uplink != to || v->said != w->minor ||
		    v->hooks != w->hooks);
	*v = (struct k_vnic){
		.filter = true, .known = true, .minor = v->minor, .said = w->minor, .uplink = to, .hooks = w->hooks
	};
}

/* What the kernel cannot change in place. */
static bool is_beyond_repair(const struct k_uplink *u, const struct tree_uplink *want)
{
	for (size_t i = 0; i < want->n_classes; i++) {
		const struct htb_class *w = &want->classes[i].htb, *there = &u->class[slot(w->minor)].htb;

		if (there->minor && (there->parent != w->parent || (w->leaf && !there->leaf)))
			return true;
	}
	return false;
}

static void do_change(struct kernel *k, const struct change *c, const struct tree *have,
		      const struct tree *want)
{
	bool of_have = c->kind == CHANGE_DETACH || c->kind >= CHANGE_DRAIN_CLASS;
	const struct tree *t = of_have ? have : want;
	struct k_uplink *u = t->n_uplinks ? &k->uplink[place(t->uplinks[c->uplink].name)] : NULL;
	uint16_t minor;

	switch (c->kind) {
	case CHANGE_MAKE_IFB:
		assert_string_equal(u->name, "");
		strcpy(u->name, want->uplinks[c->uplink].name);
		u->root = true;
		break;
	case CHANGE_MAKE_ROOT:
		assert_true(u->name[0] && (!u->root || is_beyond_repair(u, &want->uplinks[c->uplink])));
		memset(u->class, 0, sizeof(u->class));
		u->root = true;
		u->classified = false;
		break;
	case CHANGE_SET_LINK:
		assert_true(u->name[0] && u->wrong_link);
		u->wrong_link = false;
		break;
	case CHANGE_ADD_CLASS:
	case CHANGE_SET_CLASS:
	case CHANGE_SET_QUEUE:
		do_class(u, c, &want->uplinks[c->uplink].classes[c->item]);
		break;
	case CHANGE_CLASSIFY:
		assert_true(u->root && !u->classified);
		u->classified = true;
		break;
	case CHANGE_MAP:
	case CHANGE_ATTACH:
	case CHANGE_REATTACH:
		do_vnic(k, c, want);
		break;
	case CHANGE_DETACH:
		assert_true(k->vnic[have->vnics[c->item].ifindex].filter);
		k->vnic[have->vnics[c->item].ifindex].filter = false;
		break;
	case CHANGE_DRAIN_CLASS:
		minor = have->uplinks[c->uplink].classes[c->item].htb.minor;
		assert_false(u->class[slot(minor)].drains);
		u->class[slot(minor)].drains = true;
		break;
	case CHANGE_DRAIN_IFB:
		assert_false(u->drains);
		u->drains = true;
		break;
	}
}

/* --- the result --------------------------------------------------------------------------------- */

static void check_kernel(const struct kernel *k, const struct tree *want)
{
	for (size_t i = 0; i < ARRAY_SIZE(uplink_names); i++) {
		const struct tree_uplink *u = tree_uplink(want, uplink_names[i], DIRECTION_TX);
		size_t found = 0;

		assert_int_equal(k->uplink[i].drains, !u && k->uplink[i].name[0]);
		assert_true(!u || (k->uplink[i].classified && !k->uplink[i].wrong_link));
		for (size_t c = 0; u && c < u->n_classes; c++) {
			const struct tree_class *w = &u->classes[c];
			const struct tree_class *there = &k->uplink[i].class[slot(w->htb.minor)];

			assert_true(htb_class_same(&there->htb, &w->htb));
			assert_true(!w->htb.leaf || leaf_same(&there->leaf, &w->leaf));
			assert_false(there->drains);
			found++;
		}
		for (size_t c = 0; c < SLOTS; c++)
			if (k->uplink[i].class[c].htb.minor && !k->uplink[i].class[c].drains &&
			    !k->uplink[i].class[c].theirs)
				found--;
		assert_int_equal(found, 0); /* all others drain, but those of other programs */
		assert_false(k->uplink[i].class[slot(MINOR_THEIRS)].drains);
	}
	for (uint32_t ifindex = 1; ifindex <= VNICS; ifindex++) {
		const struct tree_vnic *w = tree_vnic(want, ifindex, DIRECTION_TX);
		const struct k_vnic *v = &k->vnic[ifindex];

		assert_int_equal(v->filter, w != NULL);
		if (!w)
			continue;
		assert_true(v->known);
		assert_int_equal(v->minor, w->minor);
		assert_int_equal(v->said, w->minor);
		assert_int_equal(v->hooks, w->hooks);
		assert_int_equal(v->uplink, place(want->uplinks[w->uplink].name));
	}
}

static void check_order(const struct diff *d)
{
	for (size_t i = 1; i < d->n; i++) {
		const struct change *a = &d->list[i - 1], *b = &d->list[i];

		assert_true(a->kind <= b->kind);
		if (a->kind == b->kind && a->kind <= CHANGE_SET_QUEUE)
			assert_true(a->uplink < b->uplink || (a->uplink == b->uplink && a->item < b->item));
		if (a->kind == b->kind && a->kind == CHANGE_CLASSIFY)
			assert_true(a->uplink < b->uplink);
		else if (a->kind == b->kind && a->kind > CHANGE_SET_QUEUE && a->kind < CHANGE_DRAIN_CLASS)
			assert_true(a->item < b->item);
	}
	for (int kind = CHANGE_MAKE_IFB; kind <= CHANGE_DRAIN_IFB; kind++) {
		size_t first = diff_first(d, (enum change_kind)kind);

		assert_true(first == d->n || (int)d->list[first].kind >= kind);
		assert_true(first == 0 || (int)d->list[first - 1].kind < kind);
	}
}

static void brings_any_kernel_to_any_tree(void **state)
{
	size_t reached[CHANGE_DRAIN_IFB + 1] = { 0 };

	(void)state;
	for (int trial = 0; trial < TRIALS; trial++) {
		struct tree have, want;
		struct kernel k;
		struct diff d;

		random_have(&have);
		random_want(&want);
		assert_int_equal(diff_trees(&have, &want, &d), 0);
		check_order(&d);
		kernel_boot(&k, &have);
		for (size_t i = 0; i < d.n; i++) {
			do_change(&k, &d.list[i], &have, &want);
			reached[d.list[i].kind]++;
		}
		check_kernel(&k, &want);
		diff_free(&d);
		assert_int_equal(d.n, 0);
		tree_free(&have);
		tree_free(&want);
	}
	for (size_t i = 0; i < ARRAY_SIZE(reached); i++)
		assert_in_range(reached[i], 100, SIZE_MAX);
}

static void nothing_to_do(void **state)
{
	(void)state;
	for (int trial = 0; trial < TRIALS / 4; trial++) {
		struct tree want, have;
		struct diff d;

		random_want(&want);
		copy_tree(&want, &have);
		for (size_t i = 0; i < have.n_uplinks; i++) /* the kernel rounds */
			have.uplinks[i].classes[0].htb.burst++;
		assert_int_equal(diff_trees(&have, &want, &d), 0);
		assert_int_equal(d.n, 0);
		diff_free(&d);
		tree_free(&want);
		tree_free(&have);
	}
}

/* The first change at the one vNIC of an uplink, which is to have these hooks; CHANGE_DRAIN_IFB: none. */
static enum change_kind change_at(unsigned int wanted, bool held, unsigned int there)
{
	struct tree_uplink up = { .name = "eth0" };
	struct tree_vnic w = { .ifindex = 7, .minor = 5, .hooks = wanted, .not_before_ns = held ? 42 : 0 };
	struct tree_vnic h = { .ifindex = 7, .minor = 5, .hooks = there };
	struct tree want = { .uplinks = &up, .n_uplinks = 1, .vnics = &w, .n_vnics = 1 };
	struct tree have = { .uplinks = &up, .n_uplinks = 1, .vnics = &h, .n_vnics = there ? 1 : 0 };
	enum change_kind kind = CHANGE_DRAIN_IFB;
	struct diff d;

	assert_int_equal(diff_trees(&have, &want, &d), 0);
	for (size_t i = d.n; i-- > 0;)
		if (d.list[i].kind == CHANGE_ATTACH || d.list[i].kind == CHANGE_REATTACH)
			kind = d.list[i].kind;
	diff_free(&d);
	return kind;
}

/* While a manager sets up the vNIC it gets no filter, keeps one that it has, and gets its program back. */
static void held(void **state)
{
	const unsigned int both = HOOK_FILTER | HOOK_TCX;

	(void)state;
	assert_int_equal(change_at(HOOK_TCX, true, 0), CHANGE_DRAIN_IFB);
	assert_int_equal(change_at(both, true, 0), CHANGE_DRAIN_IFB);
	assert_int_equal(change_at(both, false, 0), CHANGE_ATTACH);
	assert_int_equal(change_at(both, true, HOOK_TCX), CHANGE_DRAIN_IFB);
	assert_int_equal(change_at(HOOK_FILTER, true, HOOK_TCX), CHANGE_DRAIN_IFB);
	assert_int_equal(change_at(both, false, HOOK_TCX), CHANGE_REATTACH);
	assert_int_equal(change_at(both, true, HOOK_FILTER), CHANGE_REATTACH);
	assert_int_equal(change_at(both, true, both), CHANGE_DRAIN_IFB);
	assert_int_equal(change_at(HOOK_TCX, true, both), CHANGE_REATTACH);
}

static void empty_trees(void **state)
{
	struct tree none = { 0 };
	struct diff d;

	(void)state;
	assert_int_equal(diff_trees(&none, &none, &d), 0);
	assert_int_equal(d.n, 0);
	assert_int_equal(diff_first(&d, CHANGE_DETACH), 0);
	diff_free(&d);
}

#define MANY 10000

static void many(struct tree *t, uint64_t rate)
{
	struct tree_uplink *u = calloc(1, sizeof(*u));

	*t = (struct tree){ .uplinks = u, .n_uplinks = 1, .vnics = calloc(MANY, sizeof(*t->vnics)) };
	assert_true(u && t->vnics);
	strcpy(u->name, "eth0");
	u->classes = calloc(MANY + 1, sizeof(*u->classes));
	assert_non_null(u->classes);
	u->classes[u->n_classes++] = some_class(CLASSID_ROOT);
	for (uint32_t i = 0; i < MANY; i++) {
		uint16_t minor = (uint16_t)(MINORS_END + i);

		u->classes[u->n_classes] = some_class(minor);
		u->classes[u->n_classes].htb.parent = CLASSID_ROOT;
		u->classes[u->n_classes++].htb.rate.bytes_ps = rate;
		t->vnics[t->n_vnics++] =
			(struct tree_vnic){ .ifindex = i + 1, .minor = minor, .node = minor };
	}
}

/* A search of a list for each class would take seconds under the sanitizers. */
static void ten_thousand(void **state)
{
	struct tree none = { 0 }, want, have;
	struct diff d;

	(void)state;
	many(&want, MBIT);
	assert_int_equal(diff_trees(&none, &want, &d), 0);
	assert_int_equal(d.n, 1 + 1 + 1 + 4 * MANY); /* IFB; classifier; uplink's class; class, queue, map, filter of each */
	diff_free(&d);
	many(&have, 2 * MBIT);
	make_observed(&have, true);
	assert_int_equal(diff_trees(&have, &want, &d), 0);
	assert_int_equal(diff_first(&d, CHANGE_SET_CLASS), 0);
	assert_int_equal(diff_first(&d, CHANGE_CLASSIFY) - diff_first(&d, CHANGE_MAP), MANY);
	assert_int_equal(d.n - diff_first(&d, CHANGE_REATTACH), MANY);
	diff_free(&d);
	assert_int_equal(diff_trees(&have, &none, &d), 0);
	assert_int_equal(d.n, MANY + MANY + 1 + 1);
	diff_free(&d);
	tree_free(&want);
	tree_free(&have);
}

/* Wherever memory runs out: the error, nothing leaked (LeakSanitizer), and what was there is untouched. */
static void no_memory_is_left(void **state)
{
	struct diff d = { .n = 77 };
	struct tree have, want;
	long n = 0;
	int err;

	(void)state;
	random_have(&have);
	do {
		random_want(&want);
		allocations_left = n++;
		err = diff_trees(&have, &want, &d);
		assert_int_equal(err, allocations_left < 0 ? -ENOMEM : 0);
		allocations_left = -1;
		tree_free(&want);
		if (err < 0)
			assert_true(d.n == 77 && !d.list);
	} while (err < 0);
	assert_true(n > 5);
	diff_free(&d);
	tree_free(&have);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(brings_any_kernel_to_any_tree),
		cmocka_unit_test(nothing_to_do),
		cmocka_unit_test(held),
		cmocka_unit_test(empty_trees),
		cmocka_unit_test(ten_thousand),
		cmocka_unit_test(no_memory_is_left),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
