/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Whether devices and networks get what they are promised, by the demand loop's readings; what is told of it. */

#include "plan_rig.h"

#include "base/event.h"
#include "core/pace.h"
#include "datapath/promises.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_NS (20 * NSEC_PER_MSEC)

static uint64_t look_ns; /* from one look to the next */

static struct scene scene;
static struct plan plan;
static struct demands demands;
static struct promises promises;
static uint64_t now_ns;
static char told[64 * 1024];
static unsigned int logged;
static enum direction direction; /* that is run, and that events are expected of */

static void on_event(void *arg, const struct event *e, const char *text)
{
	size_t used = strlen(told);

	(void)arg;
	assert_string_equal(e->uplink, "eth0");
	assert_string_equal(e->direction, direction_names[direction]);
	logged += e->priority != EVENT_UNLOGGED;
	snprintf(told + used, sizeof(told) - used, "%s %s\n", event_names[e->kind], text);
}

/* Network net: a (reserve 30) and b; c beside it; of 100 Mbit/s. */
static int set_up(void **state)
{
	uint32_t net;

	(void)state;
	scene_make(&scene);
	net = add_network(&scene.model, 0, "net");
	add_device(&scene.model, net, "a", SELECT_NIC, "tap0");
	add_device(&scene.model, net, "b", SELECT_NIC, "tap1");
	add_device(&scene.model, 0, "c", SELECT_NIC, "tap2");
	scene.model.nodes[2].reserve.bytes_ps = 30 * MBIT;
	scene.model.nodes[2].rx_mode = RX_OWN;
	scene.model.nodes[2].rx = (struct terms){ .share = SHARE_DEFAULT, .limit = RATE_UNLIMITED, .reserve = { 60 * MBIT } };
	make(&scene, &plan);
	assert_int_equal(demands_make(&plan, &(struct demands){ 0 }, &sizing_host_default, &demands), 0);
	promises = (struct promises){ 0 };
	assert_int_equal(promises_follow(&promises, &(struct plan){ 0 }, &plan), 0);
	now_ns = NSEC_PER_SEC;
	look_ns = LOOK_NS;
	told[0] = '\0';
	logged = 0;
	direction = DIRECTION_TX;
	event_listen(on_event, NULL);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	event_listen(NULL, NULL);
	promises_free(&promises);
	demands_free(&demands);
	plan_free(&plan);
	scene_free(&scene);
	return 0;
}

/* The node sends at that rate from now on, in Mbit/s, with packets waiting; 0: it is idle. */
struct sender {
	uint32_t node;
	uint64_t rate, entitled;
};

static void set_active(struct demand_uplink *u, const struct sender *s, size_t n)
{
	u->n_active = 0;
	for (size_t i = 0; i < n; i++)
		if (s[i].rate)
			u->active[u->n_active++] = u->leaf_of[s[i].node];
}

static void run(const struct sender *s, size_t n, unsigned int looks)
{
	struct demand_uplink *u = &demands.uplinks[direction];

	set_active(u, s, n);
	memset(u->entitled, 0, u->n * sizeof(*u->entitled));
	for (size_t i = 0; i < n; i++)
		for (uint32_t up = s[i].node; up != NODE_NONE; up = plan.model.nodes[up].parent)
			u->entitled[up].bytes_ps += s[i].entitled * MBIT;
	while (looks--) {
		now_ns += look_ns;
		for (size_t i = 0; i < n; i++) {
			struct demand *d = &u->d[s[i].node];

			d->at_ns = now_ns;
			d->bytes += s[i].rate * MBIT * (look_ns / NSEC_PER_MSEC) / 1000;
			d->backlogged = true;
			d->packet = 1514;
		}
		promises_look(&promises, &plan, u, look_ns);
	}
}

#define RUN(looks, ...)                                            \
	do {                                                       \
		const struct sender s[] = { __VA_ARGS__ };         \
		run(s, sizeof(s) / sizeof(s[0]), looks);           \
	} while (0)

static const struct conform *of(uint32_t node)
{
	return promises_of(&promises, node, direction);
}

static void test_kept(void **state)
{
	(void)state;
	assert_null(of(2));
	RUN(100, { 2, 50, 50 }, { 3, 20, 20 });
	assert_int_equal(of(2)->delivered.bytes_ps, 50 * MBIT);
	assert_int_equal(of(3)->delivered.bytes_ps, 20 * MBIT);
	/* The network is the sum of both. */
	assert_int_equal(of(1)->delivered.bytes_ps, 70 * MBIT);
	assert_int_equal(of(1)->entitled.bytes_ps, 70 * MBIT);
	assert_null(of(4));
	assert_string_equal(told, "");
}

static void test_violations(void **state)
{
	(void)state;
	RUN(60, { 2, 50, 50 }, { 4, 50, 50 });
	/* Two windows of 100 ms are told at most once a second. */
	RUN(20, { 2, 10, 50 }, { 4, 50, 50 });
	assert_in_range(of(2)->reserve_missed, 3, 4);
	assert_string_equal(told, "violation net/a: got 10 Mbit/s for 0.1 s, and has 30 Mbit/s reserved\n");
	told[0] = '\0';
	RUN(50, { 2, 10, 50 }, { 4, 50, 50 });
	assert_non_null(strstr(told, "violation net: got "));
	assert_non_null(strstr(told, " Mbit/s for 1 s, and is entitled to 50 Mbit/s\n"));
	assert_non_null(strstr(told, "times since the latest line"));
	assert_null(strstr(told, "violation c"));
	assert_int_equal(of(4)->violated_ns, 0);
}

/* Each direction has its own terms, and what is known of one says nothing of the other. */
static void test_received(void **state)
{
	(void)state;
	direction = DIRECTION_RX;
	assert_int_equal(demands.uplinks[direction].direction, direction);
	RUN(60, { 2, 70, 70 });
	/* More than what it has reserved of what it sends, less than of what it receives. */
	RUN(20, { 2, 50, 70 });
	assert_in_range(of(2)->reserve_missed, 3, 4);
	assert_string_equal(told, "violation net/a (rx): got 50 Mbit/s for 0.1 s, and has 60 Mbit/s reserved\n");
	assert_null(promises_of(&promises, 2, DIRECTION_TX));
	told[0] = '\0';
	promises_change(&promises, now_ns);
	RUN(20, { 2, 70, 70 });
	assert_memory_equal(told, "settled eth0 (rx): settled ", strlen("settled eth0 (rx): settled "));
}

/* The log has a line now and then, whatever happens. */
static void test_log(void **state)
{
	(void)state;
	RUN(50 * 30, { 2, 10, 50 }, { 3, 5, 25 }, { 4, 5, 25 });
	assert_int_equal(logged, PROMISES_LINES);
	RUN(50 * 40, { 2, 10, 50 }, { 3, 5, 25 }, { 4, 5, 25 });
	assert_int_equal(logged, 2 * PROMISES_LINES);
}

/* An idle device is read no more; what it does when it wakes up is a beginning. */
static void test_idle(void **state)
{
	(void)state;
	RUN(60, { 2, 50, 50 }, { 4, 50, 50 });
	RUN(20, { 4, 100, 100 });
	RUN(10, { 2, 10, 50 }, { 4, 50, 50 });
	assert_in_range(of(2)->reserve_missed, 0, 1);
	RUN(3, { 4, 100, 100 });
	RUN(4, { 2, 10, 50 }, { 4, 50, 50 });
	assert_in_range(of(2)->reserve_missed, 0, 1);
}

/* With so many devices that send, looks are far apart, and what they show counts all the same. */
static void test_many(void **state)
{
	(void)state;
	for (size_t active = 1000; active <= 32000; active *= 2)
		for (int calm = 0; calm < 2; calm++) {
			look_ns = pace_period_ns(&(struct pace){ 0 }, active, calm);
			RUN(60, { 2, 50, 50 }, { 3, 20, 20 });
			assert_in_range(now_ns - of(2)->measured_ns, 0, CONFORM_SPAN_NS + look_ns);
			assert_in_range(now_ns - of(1)->measured_ns, 0, CONFORM_SPAN_NS + look_ns);
			assert_int_equal(of(1)->delivered.bytes_ps / MBIT, 70);
			assert_true(conform_is_recent(of(2), now_ns + look_ns));
		}
}

static void test_settled(void **state)
{
	(void)state;
	RUN(60, { 2, 50, 50 }, { 4, 50, 50 });
	promises_change(&promises, now_ns);
	RUN(10, { 2, 50, 70 }, { 4, 50, 30 });
	assert_int_equal(of(2)->settled_ns, 0);
	assert_string_equal(told, "");
	RUN(20, { 2, 70, 70 }, { 4, 30, 30 });
	assert_non_null(strstr(told, "settled eth0: settled 0.2"));
	assert_null(strchr(strchr(told, '\n') + 1, '\n'));
	assert_in_range(of(2)->settled_ns - of(2)->changed_ns, 200 * NSEC_PER_MSEC, 260 * NSEC_PER_MSEC);
}

/* What is known goes with the name; and a class that was made anew counts from its start. */
static void test_other_plan(void **state)
{
	struct demands next;
	struct plan was;
	uint64_t missed;

	(void)state;
	RUN(20, { 2, 10, 50 }, { 4, 50, 50 });
	missed = of(2)->reserve_missed;
	assert_true(missed);
	for (int i = 0; i < 2; i++) {
		was = plan;
		if (i == 1) { /* a new device before them, which moves them */
			scene.model.n_nodes = 1;
			add_device(&scene.model, 0, "new", SELECT_NIC, "tap9");
			add_device(&scene.model, add_network(&scene.model, 0, "net"), "a", SELECT_NIC, "tap0");
			add_device(&scene.model, 0, "c", SELECT_NIC, "tap2");
		}
		scene.in.classids = &was.classids;
		make(&scene, &plan);
		assert_int_equal(demands_make(&plan, &demands, &sizing_host_default, &next), 0);
		assert_int_equal(promises_follow(&promises, &was, &plan), 0);
		plan_free(&was);
		demands_free(&demands);
		demands = next;
		assert_int_equal(of(2 + (uint32_t)i)->reserve_missed, missed);
	}
	assert_null(of(1));
	assert_int_equal(of(4)->reserve_missed, 0);
	RUN(50, { 3, 30, 30 }, { 4, 50, 50 });
	assert_int_equal(of(3)->reserve_missed, missed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_kept, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_violations, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_received, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_log, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_idle, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_many, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_settled, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_other_plan, set_up, tear_down),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
