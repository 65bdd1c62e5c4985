/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * When divvy may attach to a vNIC: settle.h in virtual time, and what a plan's input and a diff make of it.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "datapath/diff.h"
#include "datapath/holds.h"
#include "datapath/settle.h"

#include <stdio.h>
#include <stdlib.h>

#define MS 1000000ULL
#define T0 (1000 * 1000 * MS)
#define NIC 7

static struct settle s;

static int clear(void **state)
{
	(void)state;
	settle_free(&s);
	return 0;
}

static void without_news(void **state)
{
	(void)state;
	assert_int_equal(settle_not_before(&s, NIC, T0), 0);
	assert_false(settle_is_young(&s, NIC, T0));
	settle_attached(&s, NIC, T0);
	assert_int_equal(settle_next_early(&s), 0);
	settle_forget(&s, NIC);
}

static void one_event(void **state)
{
	(void)state;
	assert_int_equal(settle_note(&s, NIC, T0, SETTLE_OTHER), 0);
	assert_int_equal(settle_not_before(&s, NIC, T0), T0 + 300 * MS);
	assert_int_equal(settle_not_before(&s, NIC, T0 + 299 * MS), T0 + 300 * MS);
	assert_int_equal(settle_not_before(&s, NIC, T0 + 300 * MS), 0);
	assert_int_equal(settle_not_before(&s, NIC + 1, T0), 0);
	settle_attached(&s, NIC, T0 + 300 * MS);
	assert_int_equal(settle_next_early(&s), 0);
	assert_true(settle_is_young(&s, NIC, T0 + 30000 * MS));
	assert_false(settle_is_young(&s, NIC, T0 + 30001 * MS));
	settle_forget(&s, NIC);
	assert_int_equal(settle_not_before(&s, NIC, T0 + 1), 0);
}

/* "tc qdisc del dev TAP ingress": "add" is due. */
static void removed(void **state)
{
	(void)state;
	settle_note(&s, NIC, T0, SETTLE_REMOVED);
	assert_int_equal(settle_not_before(&s, NIC, T0 + 699 * MS), T0 + 700 * MS);
	assert_int_equal(settle_not_before(&s, NIC, T0 + 700 * MS), 0);
	settle_note(&s, NIC, T0 + 1000 * MS, SETTLE_REMOVED);
	settle_note(&s, NIC, T0 + 1010 * MS, SETTLE_OTHER); /* its root qdisc, say */
	assert_int_equal(settle_not_before(&s, NIC, T0 + 1010 * MS), T0 + 1710 * MS);
	settle_note(&s, NIC, T0 + 1020 * MS, SETTLE_MADE);
	settle_note(&s, NIC, T0 + 1030 * MS, SETTLE_OTHER); /* its filter */
	assert_int_equal(settle_not_before(&s, NIC, T0 + 1030 * MS), T0 + 1330 * MS);
	/* A later row knows nothing of it. */
	settle_note(&s, NIC, T0 + 5000 * MS, SETTLE_REMOVED);
	settle_note(&s, NIC, T0 + 6000 * MS, SETTLE_OTHER);
	assert_int_equal(settle_not_before(&s, NIC, T0 + 6000 * MS), T0 + 6300 * MS);
}

/* A manager's commands: each puts it off. */
static void several_events(void **state)
{
	(void)state;
	for (uint64_t t = 0; t <= 1000; t += 200)
		settle_note(&s, NIC, T0 + t * MS, SETTLE_OTHER);
	assert_int_equal(settle_not_before(&s, NIC, T0 + 1000 * MS), T0 + 1300 * MS);
	/* After a pause it begins anew. */
	settle_note(&s, NIC, T0 + 1900 * MS, SETTLE_OTHER);
	assert_int_equal(settle_not_before(&s, NIC, T0 + 1900 * MS), T0 + 2200 * MS);
}

/* A program that never pauses, and removes divvy's filter each time: every 100 ms for 10 s. */
static void no_pause(void **state)
{
	uint64_t attached[32], early = 0;
	size_t n = 0;

	(void)state;
	for (uint64_t t = 0; t <= 10000; t++) {
		uint64_t now = T0 + t * MS;

		if (t % 100 == 0)
			settle_note(&s, NIC, now, SETTLE_OTHER);
		if (settle_not_before(&s, NIC, now) > now || (n && now - attached[n - 1] < 100 * MS))
			continue;
		settle_attached(&s, NIC, now);
		attached[n++] = now;
		early += settle_next_early(&s) == NIC;
	}
	assert_int_equal(attached[0], T0 + 2000 * MS);
	for (size_t i = 1; i < n; i++)
		assert_int_equal(attached[i] - attached[i - 1], 1000 * MS);
	assert_int_equal(n, 9);
	assert_int_equal(early, 1);
	/* And again in a later row. */
	settle_note(&s, NIC, T0 + 20000 * MS, SETTLE_OTHER);
	settle_attached(&s, NIC, T0 + 20000 * MS);
	assert_int_equal(settle_next_early(&s), NIC);
	assert_int_equal(settle_next_early(&s), 0);
}

/* --- holds.h --------------------------------------------------------------------------------------- */

static struct link links[] = {
	{ .ifindex = 5, .name = "eth0", .kind = LINK_OTHER },
	{ .ifindex = NIC, .name = "vnet0", .kind = LINK_TUN, .tap = true, .carrier = true },
	{ .ifindex = 8, .name = "vnet1", .kind = LINK_TUN, .tap = true, .carrier = true },
	{ .ifindex = 9, .name = "veth0", .kind = LINK_VETH },
};
static struct vmm_nic nics[] = {
	{ .tap = "vnet0", .vmm = "libvirtd" },
	{ .tap = "vnet1", .vmm = "qemu" }, /* pid 0: there is no such process, and it has no children */
};
static const struct host host = { .links = links, .n_links = 4, .nics = nics, .n_nics = 2 };

static void held(const struct tree *have, uint64_t now, const char *expected)
{
	_cleanup_free_ struct plan_hold *list = NULL;
	char text[200] = "";
	size_t n = 0, at = 0;

	assert_int_equal(holds_read(&host, have, &s, now, &list, &n), 0);
	for (size_t i = 0; i < n; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%u+%u ", list[i].ifindex,
				       (unsigned int)((list[i].until_ns - now) / MS));
	assert_string_equal(text, expected);
}

static void what_is_held(void **state)
{
	struct tree_vnic vnic = { .ifindex = NIC };
	struct tree none = { 0 }, have = { .vnics = &vnic, .n_vnics = 1 };

	(void)state;
	assert_true(holds_managed(&host));
	assert_false(holds_managed(&(struct host){ .nics = nics + 1, .n_nics = 1 }));
	held(&none, T0, "7+1000 "); /* libvirtd alone has it open */
	held(&have, T0, "");
	settle_note(&s, 5, T0, SETTLE_OTHER);
	settle_note(&s, 8, T0, SETTLE_OTHER);
	settle_note(&s, 9, T0 + 100 * MS, SETTLE_OTHER);
	held(&have, T0 + 100 * MS, "8+200 9+300 ");
	held(&have, T0 + 300 * MS, "9+100 ");
	settle_note(&s, NIC, T0, SETTLE_OTHER);
	held(&none, T0 + 400 * MS, "7+100 "); /* it is new: look more often */
	/* Also if it is attached to: that may be gone the next moment. */
	held(&have, T0 + 100 * MS, "7+200 8+200 9+300 ");
}

static void what_is_next(void **state)
{
	struct tree_vnic wanted[] = { { .ifindex = NIC, .not_before_ns = 50 }, { .ifindex = 8 },
				      { .ifindex = 9, .not_before_ns = 40 } };
	struct tree_vnic nine = { .ifindex = 9 };
	struct tree none = { 0 }, have = { .vnics = &nine, .n_vnics = 1 };
	struct tree want = { .vnics = wanted, .n_vnics = 3 };
	struct plan_hold later[] = { { .ifindex = NIC, .until_ns = 90 }, { .ifindex = 9, .until_ns = 80 } };

	(void)state;
	assert_int_equal(holds_next_ns(&none, &none), 0);
	assert_int_equal(holds_next_ns(&want, &none), 40);
	assert_int_equal(holds_next_ns(&want, &have), 50);
	assert_false(holds_last(&want, &none, later, 1));
	assert_true(holds_last(&want, &have, later, 1));
	assert_int_equal(holds_next_ns(&want, &have), 90);
	assert_true(holds_last(&want, &none, later, 2));
	assert_int_equal(holds_next_ns(&want, &none), 80);
}

/* A vNIC that is held has its class made, and is not attached to. */
static void not_attached(void **state)
{
	struct tree_class class = { .htb = { .minor = 2, .leaf = true } };
	struct tree_uplink uplink = { .name = "up0", .classes = &class, .n_classes = 1 };
	struct tree_vnic vnic = { .ifindex = NIC, .minor = 2, .not_before_ns = 1 };
	struct tree none = { 0 }, want = { &uplink, 1, &vnic, 1 };
	struct diff d = { 0 };

	(void)state;
	assert_int_equal(diff_trees(&none, &want, &d), 0);
	assert_true(diff_first(&d, CHANGE_ADD_CLASS) < diff_first(&d, CHANGE_SET_CLASS));
	assert_int_equal(diff_first(&d, CHANGE_MAP), diff_first(&d, CHANGE_CLASSIFY));
	assert_int_equal(diff_first(&d, CHANGE_ATTACH), d.n);
	diff_free(&d);
	vnic.not_before_ns = 0;
	assert_int_equal(diff_trees(&none, &want, &d), 0);
	assert_int_equal(diff_first(&d, CHANGE_ATTACH), d.n - 1);
	diff_free(&d);
}

#define TEST(name) cmocka_unit_test_teardown(name, clear)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_news), TEST(one_event), TEST(removed), TEST(several_events), TEST(no_pause),
		TEST(what_is_held), TEST(what_is_next), TEST(not_attached),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("datapath/settle", tests, NULL, NULL);
}
