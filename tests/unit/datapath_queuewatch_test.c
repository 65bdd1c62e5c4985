/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Queues of a tap that a guest attaches and detaches, as a VMM does it for a guest: real ones, that this process has
 * open, in a network namespace of its own.
 */
#include "datapath/queuewatch.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "kernel/vmm/tap.h"
#include "kernel/vmm/vmm.h"
#include "netns.h"

#include <linux/if_tun.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/ioctl.h>

#define QUEUES 4
#define TAP "dvq0"
#define SMALL 45000
#define SMALLER 30000

struct rig {
	int queue[QUEUES];
	struct backpressure held;
	struct tree_vnic vnic;
	struct binding bindings[2]; /* the device's first vNIC is another one */
	struct plan plan;
	sd_event *event;
	struct queuewatch *watch;
};

static void attach(int fd, bool on)
{
	struct ifreq ifr = { .ifr_flags = on ? IFF_ATTACH_QUEUE : IFF_DETACH_QUEUE };

	assert_int_equal(ioctl(fd, TUNSETQUEUE, &ifr), 0);
}

/* The guest uses so many queues. */
static void use(struct rig *r, int n)
{
	static int now;

	if (r->queue[0] < 0) { /* all are new */
		for (int i = 0; i < QUEUES; i++)
			r->queue[i] = open_tap(TAP, IFF_MULTI_QUEUE);
		now = QUEUES;
	}
	while (now > n)
		attach(r->queue[--now], false);
	while (now < n)
		attach(r->queue[now++], true);
}

static int sndbuf(int fd)
{
	int v;

	assert_int_equal(ioctl(fd, TUNGETSNDBUF, &v), 0);
	return v;
}

static void set_up(struct rig *r)
{
	*r = (struct rig){ .queue = { -1 } };
	use(r, 1);
	r->vnic = (struct tree_vnic){ .ifindex = if_nametoindex(TAP), .sndbuf = SMALL, .binding = 1 };
	r->bindings[1] = (struct binding){ .bound = true, .ifindex = r->vnic.ifindex, .pid = getpid(), .queues = QUEUES };
	strcpy(r->bindings[1].nic, TAP);
	assert_int_equal(vmm_start_time("/proc", getpid(), &r->bindings[1].start_time), 0);
	r->plan.tree = (struct tree){ .vnics = &r->vnic, .n_vnics = 1 };
	r->plan.bindings = r->bindings;
	assert_int_equal(sd_event_new(&r->event), 0);
	assert_int_equal(queuewatch_open(&r->watch, r->event, &r->held, &r->plan), 0);
}

static void tear_down(struct rig *r)
{
	queuewatch_close(r->watch);
	sd_event_unref(r->event);
	backpressure_free(&r->held);
	for (int i = 0; i < QUEUES; i++)
		close(r->queue[i]);
}

static bool all_have(const struct rig *r, int bytes)
{
	for (int i = 0; i < QUEUES; i++)
		if (sndbuf(r->queue[i]) != bytes)
			return false;
	return true;
}

/* The event loop runs until all queues have this buffer, for at most a second. */
static void expect_all(struct rig *r, int bytes)
{
	uint64_t start = clock_now_ns();

	while (!all_have(r, bytes) && clock_now_ns() < start + NSEC_PER_SEC)
		assert_true(sd_event_run(r->event, 20000) >= 0);
	printf("# all queues have %d after %.1f ms\n", bytes, (double)(clock_now_ns() - start) / 1e6);
	assert_true(all_have(r, bytes));
}

static void apply(struct rig *r, uint32_t bytes)
{
	r->vnic.sndbuf = bytes;
	backpressure_apply(&r->held, &r->plan.tree, r->plan.bindings, false);
}

/* Queues that the guest does not use hinder nothing. */
static void test_detached_from_the_start(void **state)
{
	const struct held *h;
	struct rig r;

	(void)state;
	set_up(&r);
	apply(&r, SMALL);
	h = backpressure_of(&r.held, r.vnic.ifindex);
	assert_non_null(h);
	assert_int_equal(h->error, 0);
	assert_int_equal(h->before, TAP_SNDBUF_UNLIMITED);
	assert_int_equal(sndbuf(r.queue[0]), SMALL);
	use(&r, QUEUES);
	assert_int_equal(sndbuf(r.queue[3]), TAP_SNDBUF_UNLIMITED);
	expect_all(&r, SMALL);
	tear_down(&r);
}

/* A detached queue keeps what it had; what it brings along is put right, whichever value that is. */
static void test_detached_meanwhile(void **state)
{
	struct rig r;

	(void)state;
	set_up(&r);
	apply(&r, SMALL);
	use(&r, QUEUES);
	expect_all(&r, SMALL);
	use(&r, 1);
	apply(&r, SMALLER);
	assert_int_equal(sndbuf(r.queue[0]), SMALLER);
	assert_int_equal(backpressure_of(&r.held, r.vnic.ifindex)->error, 0);
	use(&r, QUEUES);
	expect_all(&r, SMALLER);
	tear_down(&r);
}

static void test_given_back(void **state)
{
	struct rig r;

	(void)state;
	set_up(&r);
	apply(&r, SMALL);
	use(&r, QUEUES);
	expect_all(&r, SMALL);
	use(&r, 3); /* one queue has SMALL for the time being, two have SMALLER */
	apply(&r, SMALLER);
	use(&r, 1);
	apply(&r, 0);
	assert_int_equal(sndbuf(r.queue[0]), TAP_SNDBUF_UNLIMITED);
	assert_non_null(backpressure_of(&r.held, r.vnic.ifindex));
	assert_true(backpressure_of(&r.held, r.vnic.ifindex)->returning);
	apply(&r, 0);
	assert_non_null(backpressure_of(&r.held, r.vnic.ifindex));
	use(&r, QUEUES);
	expect_all(&r, TAP_SNDBUF_UNLIMITED);
	assert_null(backpressure_of(&r.held, r.vnic.ifindex));
	tear_down(&r);
}

/* What the VMM itself had set (QEMU's sndbuf=) is given back, however often divvy has changed it. */
static void test_own_value(void **state)
{
	struct rig r;
	int own = 123456;

	(void)state;
	set_up(&r);
	use(&r, QUEUES);
	assert_int_equal(ioctl(r.queue[0], TUNSETSNDBUF, &own), 0);
	apply(&r, SMALL);
	apply(&r, SMALLER);
	assert_int_equal(sndbuf(r.queue[0]), SMALLER);
	apply(&r, 0);
	assert_int_equal(sndbuf(r.queue[0]), own);
	tear_down(&r);
}

/* It is wanted again before all was given back: what was before divvy is not forgotten. */
static void test_wanted_again(void **state)
{
	struct rig r;

	(void)state;
	set_up(&r);
	use(&r, QUEUES);
	apply(&r, SMALL);
	use(&r, 1);
	apply(&r, 0);
	assert_true(backpressure_of(&r.held, r.vnic.ifindex)->returning);
	apply(&r, SMALL);
	assert_int_equal(sndbuf(r.queue[0]), SMALL);
	assert_false(backpressure_of(&r.held, r.vnic.ifindex)->returning);
	apply(&r, 0);
	use(&r, QUEUES);
	expect_all(&r, TAP_SNDBUF_UNLIMITED);
	tear_down(&r);
}

static atomic_bool stop;
static atomic_uint changes;

static void *change_on_and_on(void *arg)
{
	while (!stop) {
		use(arg, QUEUES);
		use(arg, 1);
		changes += 2 * (QUEUES - 1);
	}
	use(arg, QUEUES);
	return NULL;
}

static void test_loop(void **state)
{
	uint64_t end, start, cpu;
	pthread_t thread;
	struct rig r;

	(void)state;
	set_up(&r);
	apply(&r, SMALL);
	stop = false;
	assert_int_equal(pthread_create(&thread, NULL, change_on_and_on, &r), 0);
	start = clock_now_ns();
	cpu = clock_thread_cpu_ns();
	end = start + 2 * NSEC_PER_SEC;
	while (clock_now_ns() < end)
		assert_true(sd_event_run(r.event, 100000) >= 0);
	cpu = clock_thread_cpu_ns() - cpu;
	printf("# a guest changes its queues %u times a second: %.2f %% of a core, with sanitizers\n", changes / 2,
	       100.0 * (double)cpu / (double)(clock_now_ns() - start));
	stop = true;
	pthread_join(thread, NULL);
	expect_all(&r, SMALL);
	tear_down(&r);
}

/* Without news the event loop is not woken. */
static void test_rest(void **state)
{
	struct rig r;

	(void)state;
	set_up(&r);
	apply(&r, SMALL);
	while (sd_event_run(r.event, 300000) > 0)
		; /* the tap's own making */
	close(open_tap("dvq1", 0)); /* an interface of one queue */
	assert_true(sd_event_run(r.event, 500000) >= 0);
	assert_int_equal(sndbuf(r.queue[0]), SMALL);
	tear_down(&r);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_detached_from_the_start),
		cmocka_unit_test(test_detached_meanwhile),
		cmocka_unit_test(test_given_back),
		cmocka_unit_test(test_own_value),
		cmocka_unit_test(test_wanted_again),
		cmocka_unit_test(test_loop),
		cmocka_unit_test(test_rest),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	netns_enter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
