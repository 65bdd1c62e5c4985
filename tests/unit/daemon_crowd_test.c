/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/control/crowd.h"

#include "base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct crowd {
	struct crowd_member m[2 * CROWD_MAX];
	size_t n;
};

/* Each is more recent than the one before. */
static void add(struct crowd *c, uid_t uid, size_t n)
{
	for (size_t i = 0; i < n; i++, c->n++)
		c->m[c->n] = (struct crowd_member){ .uid = uid, .active_ns = 1000 + c->n };
}

static void test_room(void **state)
{
	struct crowd c = { 0 };

	(void)state;
	assert_int_equal(crowd_leaves(c.m, c.n, 0), -1);
	add(&c, 0, CROWD_MAX - 1);
	add(&c, 7, CROWD_MAX - 1);
	assert_int_equal(crowd_leaves(c.m, c.n, 0), -1);
	assert_int_equal(crowd_leaves(c.m, c.n, 7), -1);
	assert_int_equal(crowd_leaves(c.m, c.n, 8), -1);
}

/* Root's newcomers displace root's, the others' displace others'. */
static void test_classes(void **state)
{
	struct crowd c = { 0 };

	(void)state;
	add(&c, 7, CROWD_MAX);
	assert_int_equal(crowd_leaves(c.m, c.n, 0), -1);
	add(&c, 0, CROWD_MAX);
	assert_int_equal(crowd_leaves(c.m, c.n, 7), 0);
	assert_int_equal(crowd_leaves(c.m, c.n, 0), CROWD_MAX);
}

static void test_idlest(void **state)
{
	struct crowd c = { 0 };

	(void)state;
	add(&c, 0, CROWD_MAX);
	c.m[20].active_ns = 5;
	assert_int_equal(crowd_leaves(c.m, c.n, 0), 20);
	c.m[20].waits = true; /* for an answer: it stays */
	assert_int_equal(crowd_leaves(c.m, c.n, 0), 0);
	for (size_t i = 0; i < c.n; i++)
		c.m[i].waits = true;
	assert_int_equal(crowd_leaves(c.m, c.n, 0), 20);
}

/* The user with most clients makes room, also for a newcomer of another one. */
static void test_users(void **state)
{
	struct crowd c = { 0 };

	(void)state;
	add(&c, 7, 10);
	add(&c, 8, CROWD_MAX - 10);
	assert_int_equal(crowd_leaves(c.m, c.n, 9), 10);
	assert_int_equal(crowd_leaves(c.m, c.n, 7), 10);
	assert_int_equal(crowd_leaves(c.m, c.n, 8), 10);
}

/* Users with as many clients: each replaces its own. */
static void test_even_users(void **state)
{
	struct crowd c = { 0 };

	(void)state;
	add(&c, 7, CROWD_MAX / 2);
	add(&c, 8, CROWD_MAX / 2);
	assert_int_equal(crowd_leaves(c.m, c.n, 7), 0);
	assert_int_equal(crowd_leaves(c.m, c.n, 8), CROWD_MAX / 2);
}

static void test_no_descriptor(void **state)
{
	struct crowd c = { 0 };

	(void)state;
	assert_int_equal(crowd_leaves_any(c.m, c.n, 0), -1);
	add(&c, 0, 2);
	assert_int_equal(crowd_leaves_any(c.m, c.n, 7), -1); /* root's leave for no other user */
	assert_int_equal(crowd_leaves_any(c.m, c.n, 0), 0);
	add(&c, 7, 1);
	add(&c, 8, 2);
	assert_int_equal(crowd_leaves_any(c.m, c.n, 0), 3);
	assert_int_equal(crowd_leaves_any(c.m, c.n, 7), 3);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_room),	   cmocka_unit_test(test_classes),
		cmocka_unit_test(test_idlest),	   cmocka_unit_test(test_users),
		cmocka_unit_test(test_even_users), cmocka_unit_test(test_no_descriptor),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
