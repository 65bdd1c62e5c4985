/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What is known of demands: over changes of the plan, and in its tree. */

#include "plan_rig.h"

#include "plan/demands.h"
#include "plan/overlay.h"

#define SEC NSEC_PER_SEC

static struct tree_class *class_of(const struct plan *p, uint32_t node)
{
	struct tree_uplink *u = &p->tree.uplinks[0];

	for (size_t i = 0; i < u->n_classes; i++)
		if (u->classes[i].node == node)
			return &u->classes[i];
	fail();
	return NULL;
}

static size_t leaf_of(const struct demand_uplink *u, const struct plan *p, uint32_t node)
{
	const struct demand_leaf *l = demands_leaf(u, p->minors[node]);

	assert_non_null(l);
	assert_int_equal(l->node + u->first, node);
	return (size_t)(l - u->leaves);
}

/* A, which reserves 50 of 100, B and C, of equal shares. */
static void make_three(struct scene *s, struct plan *p)
{
	scene_make(s);
	add_device(&s->model, 0, "a", SELECT_NIC, "tap0");
	add_device(&s->model, 0, "b", SELECT_NIC, "tap1");
	add_device(&s->model, 0, "c", SELECT_NIC, "tap2");
	s->model.nodes[1].reserve.bytes_ps = 50 * MBIT;
	make(s, p);
}

/* The device's queue is never empty, and it has what it is entitled to. */
static void flood(struct demand_uplink *u, size_t leaf, uint64_t mbit)
{
	struct demand *d = demands_of(u, leaf);

	for (uint64_t i = 0; i <= 10; i++)
		(void)demand_look(d, i * mbit * MBIT / 10, true, (struct rate){ 100 * MBIT }, SEC + i * SEC / 10);
}

static void at_rest(void **state)
{
	struct demands none = { 0 }, d;
	struct scene s;
	struct plan p;

	(void)state;
	make_three(&s, &p);
	assert_int_equal(demands_make(&p, &none, &sizing_host_default, &d), 0);
	assert_int_equal(d.n, 1);
	assert_string_equal(d.uplinks[0].name, "eth0");
	assert_int_equal(d.uplinks[0].n_leaves, 3);
	assert_int_equal(d.uplinks[0].n_active, 0);
	assert_null(demands_leaf(&d.uplinks[0], CLASSID_ROOT));
	assert_null(demands_leaf(&d.uplinks[0], CLASSID_DEFAULT));
	for (uint32_t i = 1; i <= 3; i++) {
		assert_int_equal(class_of(&p, i)->htb.ceil.bytes_ps, 100 * MBIT);
		assert_int_equal(demands_of(&d.uplinks[0], leaf_of(&d.uplinks[0], &p, i))->guaranteed.bytes_ps,
				 (i == 1 ? 50 : 25) * MBIT);
		assert_false(overlay_rest(class_of(&p, i)));
	}
	demands_free(&d);
	plan_free(&p);
	scene_free(&s);
}

static void wakes_and_sleeps(void **state)
{
	struct demands none = { 0 }, d;
	struct demand_uplink *u;
	struct scene s;
	struct plan p;

	(void)state;
	make_three(&s, &p);
	assert_int_equal(demands_make(&p, &none, &sizing_host_default, &d), 0);
	u = &d.uplinks[0];
	assert_true(demands_wake(u, 2, SEC));
	assert_true(demands_wake(u, 0, SEC));
	assert_false(demands_wake(u, 2, SEC));
	assert_int_equal(u->n_active, 2);
	demands_sleep(u, 0);
	assert_int_equal(u->n_active, 1);
	assert_int_equal(u->active[0], 0);
	assert_true(u->is_active[0] && !u->is_active[2]);
	demands_free(&d);
	plan_free(&p);
	scene_free(&s);
}

/* C is idle: 50 and 50. A's need is 0, so it must not borrow; B borrows. */
static void a_plan_made_anew(void **state)
{
	struct demands none = { 0 }, before, after;
	struct scene s;
	struct plan p, next;
	size_t a, b;

	(void)state;
	make_three(&s, &p);
	assert_int_equal(demands_make(&p, &none, &sizing_host_default, &before), 0);
	a = leaf_of(&before.uplinks[0], &p, 1);
	b = leaf_of(&before.uplinks[0], &p, 2);
	(void)demands_wake(&before.uplinks[0], a, SEC);
	(void)demands_wake(&before.uplinks[0], b, SEC);
	flood(&before.uplinks[0], a, 50);
	flood(&before.uplinks[0], b, 50);

	/* Another device before them: they have other nodes, and the same classes. */
	s.model.n_nodes = 1;
	add_device(&s.model, 0, "new", SELECT_NIC, "tap3");
	add_device(&s.model, 0, "a", SELECT_NIC, "tap0");
	add_device(&s.model, 0, "b", SELECT_NIC, "tap1");
	add_device(&s.model, 0, "c", SELECT_NIC, "tap2");
	s.model.nodes[2].reserve.bytes_ps = 50 * MBIT;
	plan_again(&s, &p, &next);
	assert_int_equal(demands_make(&next, &before, &sizing_host_default, &after), 0);
	assert_int_equal(after.uplinks[0].n_active, 2);
	assert_int_equal(after.uplinks[0].entitled[2].bytes_ps, 50 * MBIT);
	assert_int_equal(after.uplinks[0].entitled[3].bytes_ps, 50 * MBIT);
	assert_true(demands_of(&after.uplinks[0], leaf_of(&after.uplinks[0], &next, 2))->backlogged);
	assert_int_equal(class_of(&next, 2)->htb.ceil.bytes_ps, 50 * MBIT);
	assert_int_equal(class_of(&next, 2)->htb.cburst, sizing_bucket(&sizing_host_default, (struct rate){ 50 * MBIT }));
	assert_int_equal(class_of(&next, 3)->htb.ceil.bytes_ps, 100 * MBIT);
	assert_int_equal(class_of(&next, 4)->htb.ceil.bytes_ps, 100 * MBIT);
	assert_true(class_of(&next, 3)->htb.quantum < sizing_host_default.gso_max);
	/* Back to what it is without a loop. */
	assert_true(overlay_rest(class_of(&next, 2)));
	assert_int_equal(class_of(&next, 2)->htb.ceil.bytes_ps, 100 * MBIT);
	assert_int_equal(class_of(&next, 2)->htb.cburst, sizing_bucket(&sizing_host_default, (struct rate){ 100 * MBIT }));
	demands_free(&before);
	demands_free(&after);
	plan_free(&p);
	plan_free(&next);
	scene_free(&s);
}

static void a_ceiling_is_never_below_the_rate_nor_above_the_limit(void **state)
{
	struct tree_class c = { .htb = { .rate = { 10 * MBIT }, .ceil = { 20 * MBIT }, .cburst = 7, .quantum = 3 },
				.rest = { .ceil = { 20 * MBIT }, .cburst = 7, .quantum = 3 } };
	struct quanta_class now = { .quantum = 3, .ceil = { 5 * MBIT } };

	(void)state;
	assert_true(overlay_set(&c, &sizing_host_default, &now));
	assert_false(overlay_set(&c, &sizing_host_default, &now));
	assert_int_equal(c.htb.ceil.bytes_ps, 10 * MBIT);
	now.ceil = RATE_UNLIMITED;
	assert_true(overlay_set(&c, &sizing_host_default, &now));
	assert_int_equal(c.htb.ceil.bytes_ps, 20 * MBIT);
	assert_int_equal(c.htb.cburst, 7);
	assert_false(overlay_rest(&c));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(at_rest),
		cmocka_unit_test(wakes_and_sleeps),
		cmocka_unit_test(a_plan_made_anew),
		cmocka_unit_test(a_ceiling_is_never_below_the_rate_nor_above_the_limit),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
