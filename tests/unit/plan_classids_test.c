/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Class numbers over random changes of a model: a node keeps its number, and a number in use is not given. */

#include "plan_rig.h"

#include <errno.h>

/* --- helpers ------------------------------------------------------------------------------------ */

/* The numbers of the uplink at first, and the sealed table of its keys. */
static int assign(const struct classids *known, const struct model *m, size_t first,
		  const struct minor_set *busy, struct classids *fresh, uint16_t *minors)
{
	int err;

	*fresh = (struct classids){ 0 };
	err = classids_assign(known, m, first, model_uplink_end(m, first), busy, fresh, minors);
	classids_seal(fresh);
	return err;
}

static uint16_t number_of(const struct classids *c, const char *key)
{
	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->list[i].key, key) == 0)
			return c->list[i].minor;
	return 0;
}

static void put(struct classids *c, const char *key, uint16_t minor)
{
	assert_int_equal(classids_add(c, key, minor), 0);
}

/* --- random changes ----------------------------------------------------------------------------- */

#define STEPS 40
#define PATH_SIZE 600

/* What a node is called from its uplink down: it is the same node in the next model if this is the same. */
static void path_of(const struct model *m, uint32_t i, char path[PATH_SIZE])
{
	char below[PATH_SIZE];

	snprintf(path, PATH_SIZE, "%s%s", m->nodes[i].name, m->nodes[i].kind == NODE_NETWORK ? "/" : "");
	for (uint32_t up = m->nodes[i].parent; up != NODE_NONE; up = m->nodes[up].parent) {
		memcpy(below, path, PATH_SIZE);
		snprintf(path, PATH_SIZE, "%.63s/%.500s", m->nodes[up].name, below);
	}
}

static void grow(struct model *m, uint32_t parent, int depth)
{
	static const char *const names[] = { "a", "b", "c", "ab" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (one_in(2))
			add_device(m, parent, names[i], SELECT_NIC, "tap0");
		if (depth && one_in(2))
			grow(m, add_network(m, parent, names[i]), depth - 1);
	}
}

/* What had which number: all that is in the model, and what has gone since and whose class is still there. */
struct past {
	char path[PATH_SIZE];
	uint16_t minor;
};

struct history {
	struct past list[600];
	size_t n;
};

/* 0: it has none. */
static uint16_t former(const struct history *h, const char *path)
{
	for (size_t i = 0; i < h->n; i++)
		if (strcmp(h->list[i].path, path) == 0)
			return h->list[i].minor;
	return 0;
}

static void note(struct history *h, const struct model *m, const uint16_t *minors, const struct minor_set *busy)
{
	struct history *was = calloc(1, sizeof(*was));

	assert_non_null(was);
	*was = *h;
	h->n = 0;
	for (uint32_t i = 1; i < m->n_nodes; i++) {
		path_of(m, i, h->list[h->n].path);
		h->list[h->n++].minor = minors[i];
	}
	for (size_t i = 0; i < was->n; i++) {
		bool taken = !minor_set_has(busy, was->list[i].minor) || former(h, was->list[i].path);

		for (size_t k = 0; k < h->n; k++)
			taken |= h->list[k].minor == was->list[i].minor;
		assert_true(h->n < ARRAY_SIZE(h->list));
		if (!taken)
			h->list[h->n++] = was->list[i];
	}
	free(was);
}

/* Each number is the former one, or else the lowest that no other node has and that is not busy. */
static void check_numbers(const struct history *was, const struct model *m, const uint16_t *minors,
			  const struct minor_set *busy)
{
	_cleanup_free_ struct minor_set *taken = calloc(1, sizeof(*taken));
	_cleanup_free_ uint16_t *want = calloc(m->n_nodes, sizeof(*want));
	char path[PATH_SIZE];
	uint16_t lowest = CLASSID_FIRST;

	assert_true(taken && want);
	for (uint32_t i = 1; i < m->n_nodes; i++) {
		path_of(m, i, path);
		want[i] = former(was, path);
		if (want[i])
			minor_set_add(taken, want[i]);
	}
	assert_int_equal(minors[0], CLASSID_ROOT);
	for (uint32_t i = 1; i < m->n_nodes; i++) {
		while (minor_set_has(taken, lowest) || minor_set_has(busy, lowest))
			lowest++;
		if (!want[i])
			want[i] = lowest++;
		assert_int_equal(minors[i], want[i]);
	}
}

/* depth: networks in networks. */
static void change_at_random(int depth)
{
	_cleanup_free_ uint16_t *minors = calloc(MODEL_NODES_MAX, sizeof(*minors));
	_cleanup_free_ struct history *was = calloc(1, sizeof(*was));
	struct classids known = { 0 };

	assert_true(was && minors);
	for (int step = 0; step < STEPS; step++) {
		_cleanup_free_ struct minor_set *busy = calloc(1, sizeof(*busy));
		struct classids fresh;
		struct model m;

		assert_non_null(busy);
		/* Most classes of former steps are there, and some that are not known. */
		for (size_t i = 0; i < was->n; i++)
			if (!one_in(4))
				minor_set_add(busy, was->list[i].minor);
		for (int i = 0; i < 5; i++)
			minor_set_add(busy, (uint16_t)rnd_below(64));
		model_init(&m);
		add_uplink(&m, "eth0", MBIT);
		grow(&m, 0, depth);
		assert_int_equal(assign(&known, &m, 0, busy, &fresh, minors), 0);
		check_numbers(was, &m, minors, busy);
		note(was, &m, minors, busy);
		assert_int_equal(fresh.n, was->n);
		classids_free(&known);
		model_free(&m);
		known = fresh;
	}
	classids_free(&known);
}

static void numbers_stay_over_changes(void **state)
{
	(void)state;
	for (int i = 0; i < 30; i++)
		change_at_random(1);
}

static void networks_in_networks(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++)
		change_at_random(3);
}

/* HTB cannot move a class to another parent: what is in a network that moved gets new numbers, too. */
static void what_is_in_a_moved_network_moves(void **state)
{
	struct minor_set *none = calloc(1, sizeof(*none));
	struct classids first, second;
	uint16_t minors[8], moved[8];
	struct model m;
	uint32_t inner;

	(void)state;
	assert_non_null(none);
	model_init(&m);
	add_uplink(&m, "eth0", MBIT);
	inner = add_network(&m, add_network(&m, 0, "left"), "inner");
	add_device(&m, inner, "web", SELECT_NIC, "tap0"); /* node 3 */
	assert_int_equal(assign(&(struct classids){ 0 }, &m, 0, none, &first, minors), 0);
	for (size_t i = 0; i < 4; i++)
		minor_set_add(none, minors[i]);
	strcpy(m.nodes[1].name, "right");
	assert_int_equal(assign(&first, &m, 0, none, &second, moved), 0);
	for (size_t i = 1; i < 4; i++)
		assert_int_not_equal(moved[i], minors[i]);
	classids_free(&first);
	classids_free(&second);
	model_free(&m);
	free(none);
}

/* --- by hand ------------------------------------------------------------------------------------ */

static void one_name_for_a_network_and_a_device(void **state)
{
	struct minor_set *busy = calloc(1, sizeof(*busy));
	struct classids known, fresh;
	uint16_t minors[4], again[4];
	struct model m;
	uint32_t net;

	(void)state;
	assert_non_null(busy);
	model_init(&m);
	add_uplink(&m, "eth0", MBIT);
	add_device(&m, 0, "blue", SELECT_NIC, "tap0");
	net = add_network(&m, 0, "blue");
	add_device(&m, net, "blue", SELECT_NIC, "tap1");
	assert_int_equal(assign(&(struct classids){ 0 }, &m, 0, busy, &known, minors), 0);
	assert_int_equal(number_of(&known, "eth0/blue"), 2);
	assert_int_equal(number_of(&known, "eth0/blue/"), 3);
	assert_int_equal(number_of(&known, "eth0/blue/blue"), 4);
	assert_int_equal(known.n, 3);
	/* The same again, although all three are busy: they are theirs. */
	for (uint16_t i = 2; i <= 4; i++)
		minor_set_add(busy, i);
	assert_int_equal(assign(&known, &m, 0, busy, &fresh, again), 0);
	assert_memory_equal(minors, again, sizeof(minors));
	classids_free(&known);
	classids_free(&fresh);
	model_free(&m);
	free(busy);
}

static void uplinks_have_numbers_of_their_own(void **state)
{
	struct minor_set *none = calloc(1, sizeof(*none));
	struct classids known = { 0 }, fresh = { 0 };
	uint16_t minors[6];
	struct model m;

	(void)state;
	assert_non_null(none);
	put(&known, "eth1/db", 2);
	put(&known, "eth0/db", 7);
	classids_seal(&known);
	model_init(&m);
	for (int i = 0; i < 2; i++) {
		uint32_t up = add_uplink(&m, i ? "eth1" : "eth0", MBIT);

		add_device(&m, up, "web", SELECT_NIC, "tap0");
		add_device(&m, up, "db", SELECT_NIC, "tap1");
	}
	assert_int_equal(classids_assign(&known, &m, 0, 3, none, &fresh, minors), 0);
	assert_int_equal(classids_assign(&known, &m, 3, 6, none, &fresh, minors), 0);
	classids_seal(&fresh);
	assert_int_equal(fresh.n, 4);
	assert_memory_equal(minors, ((uint16_t[]){ 1, 2, 7, 1, 3, 2 }), sizeof(minors));
	classids_free(&known);
	classids_free(&fresh);
	model_free(&m);
	free(none);
}

/* A file that a person has edited: what it says twice, or wrongly, does no harm. */
static void a_saved_table_with_faults(void **state)
{
	struct minor_set *none = calloc(1, sizeof(*none));
	struct classids known = { 0 }, fresh;
	uint16_t minors[8];
	struct model m;

	(void)state;
	assert_non_null(none);
	put(&known, "eth0/a", 9); /* one number for two */
	put(&known, "eth0/b", 9);
	put(&known, "eth0/c", 5); /* two numbers for one */
	put(&known, "eth0/c", 6);
	put(&known, "eth0/d", CLASSID_ROOT); /* numbers that are none of a node's */
	put(&known, "eth0/e", CLASSID_DEFAULT);
	put(&known, "eth0/f", 0);
	put(&known, "eth0/g", CLASSID_LAST);
	put(&known, "elsewhere", 3);
	classids_seal(&known);
	assert_int_equal(known.n, 8);
	model_init(&m);
	add_uplink(&m, "eth0", MBIT);
	for (char name[] = "a"; name[0] <= 'g'; name[0]++)
		add_device(&m, 0, name, SELECT_NIC, "tap0");
	assert_int_equal(assign(&known, &m, 0, none, &fresh, minors), 0);
	assert_int_equal(minors[1], 9);
	assert_int_equal(minors[2], 2); /* the lowest that is free: no node of this uplink has 3 */
	assert_true(minors[3] == 5 || minors[3] == 6);
	assert_int_equal(minors[4], 3);
	assert_int_equal(minors[5], 4);
	assert_int_equal(minors[6], minors[3] == 5 ? 6 : 5);
	assert_int_equal(minors[7], CLASSID_LAST);
	classids_free(&known);
	classids_free(&fresh);
	model_free(&m);
	free(none);
}

static void a_full_tree(void **state)
{
	struct minor_set *busy = calloc(1, sizeof(*busy));
	struct classids known = { 0 }, fresh;
	uint16_t minors[5];
	struct model m;

	(void)state;
	assert_non_null(busy);
	for (uint32_t i = 0; i <= UINT16_MAX; i++)
		if (i != 700 && i != CLASSID_LAST)
			minor_set_add(busy, (uint16_t)i);
	put(&known, "eth0/c", 900);
	classids_seal(&known);
	model_init(&m);
	add_uplink(&m, "eth0", MBIT);
	add_device(&m, 0, "a", SELECT_NIC, "tap0");
	add_device(&m, 0, "b", SELECT_NIC, "tap1");
	add_device(&m, 0, "c", SELECT_NIC, "tap2"); /* it has one */
	assert_int_equal(assign(&known, &m, 0, busy, &fresh, minors), 0);
	assert_memory_equal(minors, ((uint16_t[]){ 1, 700, CLASSID_LAST, 900 }), 4 * sizeof(*minors));
	classids_free(&fresh);
	add_device(&m, 0, "d", SELECT_NIC, "tap3");
	assert_int_equal(assign(&known, &m, 0, busy, &fresh, minors), -ENOSPC);
	classids_free(&fresh);
	classids_free(&known);
	model_free(&m);
	free(busy);
}

/* As many as a model may have, twice. */
static void the_largest_model(void **state)
{
	struct minor_set *none = calloc(1, sizeof(*none));
	uint16_t *minors = calloc(MODEL_NODES_MAX, sizeof(*minors));
	uint16_t *again = calloc(MODEL_NODES_MAX, sizeof(*again));
	struct classids known, fresh;
	struct model m;

	(void)state;
	assert_true(none && minors && again);
	model_init(&m);
	add_uplink(&m, "eth0", MBIT);
	for (uint32_t i = 1; i < MODEL_NODES_MAX; i++) {
		char name[16];

		snprintf(name, sizeof(name), "d%u", i);
		add_device(&m, 0, name, SELECT_NIC, "tap0");
	}
	assert_int_equal(assign(&(struct classids){ 0 }, &m, 0, none, &known, minors), 0);
	for (uint32_t i = 0; i < MODEL_NODES_MAX; i++)
		assert_int_equal(minors[i], i + 1);
	assert_int_equal(assign(&known, &m, 0, none, &fresh, again), 0);
	assert_memory_equal(minors, again, MODEL_NODES_MAX * sizeof(*minors));
	classids_free(&known);
	classids_free(&fresh);
	model_free(&m);
	free(none);
	free(minors);
	free(again);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_stay_over_changes),
		cmocka_unit_test(networks_in_networks),
		cmocka_unit_test(what_is_in_a_moved_network_moves),
		cmocka_unit_test(one_name_for_a_network_and_a_device),
		cmocka_unit_test(uplinks_have_numbers_of_their_own),
		cmocka_unit_test(a_saved_table_with_faults),
		cmocka_unit_test(a_full_tree),
		cmocka_unit_test(the_largest_model),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
