/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packets that the kernel drops before they are scheduled. The build wraps burst_dropped(). */
#include "datapath/burstwatch.h"

#include "base/cleanup.h"
#include "base/nsec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define VNICS 32
#define NOW (1000 * NSEC_PER_SEC)

static uint64_t dropped[VNICS];

uint64_t __wrap_burst_dropped(const struct burst *b, uint32_t ifindex);
uint64_t __wrap_burst_dropped(const struct burst *b, uint32_t ifindex)
{
	assert_non_null(b);
	assert_in_range(ifindex, 1, VNICS);
	return dropped[ifindex - 1];
}

struct rig {
	struct tree_vnic vnics[VNICS];
	struct tree_uplink uplinks[2];
	struct binding bindings[VNICS];
	struct plan plan;
	struct dataplane plane;
};

/* All at the first uplink, with one queue each. */
static void set_up(struct rig *r, uint32_t sndbuf)
{
	*r = (struct rig){ 0 };
	memset(dropped, 0, sizeof(dropped));
	for (uint32_t i = 0; i < VNICS; i++) {
		r->vnics[i] = (struct tree_vnic){ .ifindex = i + 1, .node = i, .binding = VNICS - 1 - i, .sndbuf = sndbuf };
		r->bindings[i].queues = 1;
	}
	r->plan.bindings = r->bindings;
	r->plan.tree = (struct tree){ .uplinks = r->uplinks, .n_uplinks = 2, .vnics = r->vnics, .n_vnics = VNICS };
	r->plane.have = r->plan.tree;
	r->plane.burst = (struct burst *)&dropped; /* never looked into */
}

static void test_limit(void **state)
{
	struct rig r;

	(void)state;
	set_up(&r, 65536); /* 86 of the smallest packets each, 2,752 of all */
	assert_int_equal(burstwatch_limit(&r.plan, 1000), 3000);
	assert_int_equal(burstwatch_limit(&r.plan, 0), 3000);
	assert_int_equal(burstwatch_limit(&r.plan, 3000), 6000); /* so high already, and packets are lost */
	for (size_t i = 0; i < VNICS; i++)
		r.bindings[i].queues = 4;
	assert_int_equal(burstwatch_limit(&r.plan, 1000), 12000);
	for (size_t i = 0; i < VNICS / 2; i++)
		r.vnics[i].uplink = 1; /* another qdisc, another list */
	assert_int_equal(burstwatch_limit(&r.plan, 1000), 6000);
	for (size_t i = 0; i < VNICS; i++)
		r.vnics[i].node = 0; /* all are vNICs of one device */
	for (size_t i = 0; i < VNICS / 2; i++)
		r.bindings[r.vnics[i].binding].queues = 8;
	assert_int_equal(burstwatch_limit(&r.plan, 1000), 12000);
	set_up(&r, 0); /* VMs that do not wait: nothing is known */
	assert_int_equal(burstwatch_limit(&r.plan, 1000), 2000);
}

/* Where it cannot be read: what the kernel is made with, if it has one. */
static void test_in_force(void **state)
{
	bool readable = access("/proc/sys/net/core/qdisc_max_burst", R_OK) == 0;
	struct rig r;

	(void)state;
	set_up(&r, 0);
	assert_true(readable || burstwatch_in_force(&r.plane) == BURST_LIMIT_DEFAULT);
	r.plane.burst = NULL;
	assert_int_equal(burstwatch_in_force(&r.plane) != 0, readable);
}

static void expect_warning(const struct rig *r, const struct burstwatch *w, uint64_t at, const char *words)
{
	_cleanup_(warning_list_freep) struct warning_list l = { 0 };

	assert_int_equal(burstwatch_warn(w, &r->plan, at, &l), 0);
	assert_int_equal(l.n, words ? 1 : 0);
	if (words && !strstr(l.list[0].text, words))
		fail_msg("\"%s\" lacks \"%s\"", l.list[0].text, words);
}

static void test_warning(void **state)
{
	struct burstwatch w = { 0 };
	struct rig r;

	(void)state;
	set_up(&r, 65536);
	burstwatch_read(&w, &r.plane, NOW);
	expect_warning(&r, &w, NOW, NULL);
	dropped[3] = 5;
	burstwatch_read(&w, &r.plane, NOW + 1);
	expect_warning(&r, &w, NOW + 2, "sysctl net.core.qdisc_max_burst=3000 ends that");
	expect_warning(&r, &w, NOW + 59 * NSEC_PER_SEC, "net.core.qdisc_max_burst (");
	burstwatch_read(&w, &r.plane, NOW + 59 * NSEC_PER_SEC); /* no further one */
	expect_warning(&r, &w, NOW + 62 * NSEC_PER_SEC, NULL);
	dropped[3] = 0; /* gone with its vNIC: no loss */
	burstwatch_read(&w, &r.plane, NOW + 70 * NSEC_PER_SEC);
	expect_warning(&r, &w, NOW + 70 * NSEC_PER_SEC, NULL);
	dropped[4] = 1;
	burstwatch_read(&w, &r.plane, NOW + 80 * NSEC_PER_SEC);
	expect_warning(&r, &w, NOW + 80 * NSEC_PER_SEC, "before they are scheduled");
}

/* A kernel that drops none, or does not tell. */
static void test_no_counter(void **state)
{
	struct burstwatch w = { 0 };
	struct rig r;

	(void)state;
	set_up(&r, 65536);
	r.plane.burst = NULL;
	burstwatch_read(&w, &r.plane, NOW);
	expect_warning(&r, &w, NOW, NULL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_in_force),
		cmocka_unit_test(test_warning),
		cmocka_unit_test(test_no_counter),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
