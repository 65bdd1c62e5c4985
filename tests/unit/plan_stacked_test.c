/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Uplinks that stand on each other, or beside each other on one port: what they give away, and what it carries. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "plan/stacked.h"
#include "random.h"

#include <stdio.h>
#include <string.h>

#define LINKS_MAX 24

static struct link links[LINKS_MAX];
static uint64_t mbit[LINKS_MAX]; /* what each tells of its speed; 0: nothing */
static struct host host;
static const struct plan_input in = { .host = &host,
				      .have = &(const struct tree){ 0 },
				      .classids = &(const struct classids){ 0 },
				      .sizing = &sizing_host_default };
static struct model m;

static uint64_t speed(const struct link *l)
{
	return mbit[l->ifindex - 10] * 1000000;
}

static struct link *put(const char *name, uint32_t lower, uint32_t master, uint64_t tells)
{
	struct link *l = &links[host.n_links];

	*l = (struct link){ .ifindex = (uint32_t)host.n_links + 10, .up = true, .carrier = true, .queues = 1,
			    .gso_max = 65536, .peer_netns = -1, .lower = lower, .master = master };
	snprintf(l->name, sizeof(l->name), "%s", name);
	mbit[host.n_links++] = tells;
	return l;
}

static int begin(void **state)
{
	(void)state;
	memset(links, 0, sizeof(links));
	host = (struct host){ .links = links };
	model_init(&m);
	return 0;
}

static int end(void **state)
{
	(void)state;
	model_free(&m);
	return 0;
}

/* An uplink with a device that waits. */
static void uplink(const char *name, uint64_t capacity_mbit, uint64_t rx_mbit)
{
	struct node up = { .kind = NODE_UPLINK, .parent = NODE_NONE, .limit = { capacity_mbit * 125000 } };
	struct node device = { .kind = NODE_DEVICE, .share = { 1 }, .limit = RATE_UNLIMITED, .selector = "absent" };

	if (rx_mbit) {
		up.rx_mode = RX_OWN;
		up.rx.limit.bytes_ps = rx_mbit * 125000;
		device.rx_mode = RX_SAME;
	}
	snprintf(up.name, sizeof(up.name), "%s", name);
	snprintf(device.name, sizeof(device.name), "d%zu", m.n_nodes);
	device.parent = (uint32_t)m.n_nodes;
	assert_true(model_add(&m, &up) >= 0);
	assert_true(model_add(&m, &device) >= 0);
}

/* What is told, a line each; "" ends it. */
static void told(char *text, size_t size)
{
	_cleanup_(warning_list_freep) struct warning_list w = { 0 };
	struct plan p;
	size_t at = 0;

	assert_int_equal(plan_make(&m, &in, &p), 0);
	assert_int_equal(stacked_find(&p, &host, speed, &w), 0);
	text[0] = '\0';
	for (size_t i = 0; i < w.n; i++)
		at += (size_t)snprintf(text + at, size - at, "%s: %s\n", w.list[i].key, w.list[i].text);
	assert_true(at < size);
	plan_free(&p);
}

static void expect(const char *want)
{
	char text[2000];

	told(text, sizeof(text));
	assert_string_equal(text, want);
}

static void a_vlan_and_its_port(void **state)
{
	uint32_t up0;

	(void)state;
	up0 = put("up0", 0, 0, 1000)->ifindex;
	put("up0.10", up0, 0, 1000);
	put("up1", 0, 0, 1000);
	uplink("up0", 1000, 0);
	expect("");
	uplink("up1", 1000, 0);
	uplink("absent", 1000, 0);
	expect("");
	uplink("up0.10", 400, 0);
	expect("stacked up0: uplinks up0 (1000 Mbit/s) and up0.10 (400 Mbit/s) use one port: together they give away 1400 "
	       "Mbit/s, and up0 has 1000: shares do not hold\n");
	m.nodes[0].limit.bytes_ps = 600 * 125000;
	expect(""); /* each has its part of the port */
	mbit[0] = mbit[1] = 0;
	expect("stacked up0: uplinks up0 (600 Mbit/s) and up0.10 (400 Mbit/s) use one port: together they give away 1000 "
	       "Mbit/s, and up0 is said to carry 600: shares do not hold\n");
}

static void vlans_beside_each_other(void **state)
{
	uint32_t up0;

	(void)state;
	up0 = put("up0", 0, 0, 1000)->ifindex;
	put("up0.10", up0, 0, 1000);
	put("up0.20", up0, 0, 1000);
	uplink("up0.20", 500, 0);
	uplink("up0.10", 500, 0);
	expect("");
	m.nodes[0].limit.bytes_ps++;
	expect("stacked up0.20: uplinks up0.20 (500 Mbit/s) and up0.10 (500 Mbit/s) use one port: together they give away 1000 "
	       "Mbit/s, and up0 has 1000: shares do not hold\n");
	mbit[0] = 0; /* the VLANs tell what the port does not, as a macvlan on a veth: it is said of one of them */
	m.nodes[0].limit.bytes_ps += 125000;
	expect("stacked up0.20: uplinks up0.20 (501 Mbit/s) and up0.10 (500 Mbit/s) use one port: together they give away 1001 "
	       "Mbit/s, and up0.20 has 1000: shares do not hold\n");
	mbit[1] = mbit[2] = 0;
	expect(""); /* what the port carries is not known */
}

static void a_bond_its_member_and_a_vlan(void **state)
{
	uint32_t bond;

	(void)state;
	bond = put("bond0", 0, 0, 2000)->ifindex;
	put("eno1", 0, bond, 1000);
	put("eno2", 0, bond, 1000);
	put("bond0.7", bond, 0, 2000);
	put("eno3", 0, 0, 1000);
	uplink("eno1", 1000, 0);
	uplink("eno2", 1000, 0);
	uplink("eno3", 1000, 0);
	expect(""); /* members of one bond that is no uplink */
	uplink("bond0", 2000, 0);
	expect("stacked eno1: uplinks eno1 (1000 Mbit/s), eno2 (1000 Mbit/s) and bond0 (2000 Mbit/s) use one port: together they "
	       "give away 4000 Mbit/s, and bond0 has 2000: shares do not hold\n");
	mbit[0] = 1000; /* active-backup: it is as fast as one member */
	m.nodes[0].limit.bytes_ps = m.nodes[2].limit.bytes_ps = 125000;
	m.nodes[6].limit.bytes_ps = 1000 * 125000;
	expect("stacked eno1: uplinks eno1 (1 Mbit/s), eno2 (1 Mbit/s) and bond0 (1000 Mbit/s) use one port: together they give "
	       "away 1002 Mbit/s, and bond0 has 1000: shares do not hold\n");
	uplink("bond0.7", 5, 0);
	mbit[0] = mbit[1] = mbit[2] = mbit[3] = 0;
	expect("stacked eno1: uplinks eno1 (1 Mbit/s), eno2 (1 Mbit/s), bond0 (1000 Mbit/s) and bond0.7 (5 Mbit/s) use one port: "
	       "together they give away 1007 Mbit/s, and bond0 is said to carry 1000: shares do not hold\n");
}

static void a_bridge_and_its_port(void **state)
{
	struct link *br0;

	(void)state;
	br0 = put("br0", 0, 0, 0);
	br0->kind = LINK_BRIDGE;
	put("eno1", 0, br0->ifindex, 1000);
	put("tap0", 0, br0->ifindex, 10)->kind = LINK_TUN;
	put("mv0", 11, 0, 1000); /* a macvlan on eno1 */
	uplink("br0", 900, 0);
	uplink("eno1", 900, 0);
	expect("stacked br0: uplinks br0 (900 Mbit/s) and eno1 (900 Mbit/s) use one port: together they give away 1800 Mbit/s, "
	       "and eno1 has 1000: shares do not hold\n");
	for (int i = 0; i < 4; i++)
		uplink("mv0", 1, 0); /* more than are named */
	expect("stacked br0: uplinks br0 (900 Mbit/s), eno1 (900 Mbit/s), mv0 (1 Mbit/s), mv0 (1 Mbit/s) and 2 more use one port: "
	       "together they give away 1804 Mbit/s, and eno1 has 1000: shares do not hold\n");
}

/* Each direction has its capacities, and an uplink that divides what VMs send alone has no part in the other. */
static void what_vms_receive(void **state)
{
	uint32_t up0;

	(void)state;
	up0 = put("up0", 0, 0, 1000)->ifindex;
	put("up0.10", up0, 0, 0);
	put("up0.20", up0, 0, 0);
	uplink("up0", 300, 700);
	uplink("up0.10", 300, 301);
	uplink("up0.20", 300, 0);
	expect("rx-stacked up0: uplinks up0 (700 Mbit/s) and up0.10 (301 Mbit/s) use one port: together they give away 1001 "
	       "Mbit/s, and up0 has 1000: shares do not hold (rx)\n");
}

/* --- random stacks ------------------------------------------------------------------------------ */

static uint32_t below(uint32_t n)
{
	return (uint32_t)(rnd() % n);
}

static size_t root_of(size_t i)
{
	while (links[i].lower)
		i = links[i].lower - 10;
	return i;
}

static bool stands_on(size_t upper, size_t lower)
{
	for (;; upper = links[upper].lower - 10) {
		if (upper == lower)
			return true;
		if (!links[upper].lower)
			return false;
	}
}

/* Ports, and VLANs or macvlans on them or on each other; some are uplinks. capacity: by link, 0: it is none. */
static void random_stacks(uint64_t capacity[LINKS_MAX])
{
	memset(capacity, 0, LINKS_MAX * sizeof(*capacity));
	for (size_t i = 0, n = 3 + below(LINKS_MAX - 3); i < n; i++) {
		uint32_t lower = i < 3 || below(4) == 0 ? 0 : 10 + below((uint32_t)i);
		char name[IFNAMSIZ];

		snprintf(name, sizeof(name), "l%zu", i);
		put(name, lower, 0, !lower && below(2) == 0 ? 1000 : 0);
	}
	for (size_t left = below(8); left-- > 0;) {
		size_t i = below((uint32_t)host.n_links);

		if (capacity[i])
			continue;
		capacity[i] = 1 + below(800);
		uplink(links[i].name, capacity[i], 0);
	}
}

/* Of the port: whether its uplinks give away too much. */
static bool wanted(const uint64_t capacity[LINKS_MAX], size_t port)
{
	uint64_t sum = 0;
	size_t n = 0;
	bool has_lowest = false;

	for (size_t i = 0; i < host.n_links; i++) {
		bool lowest = capacity[i] && root_of(i) == port;

		if (!lowest)
			continue;
		sum += capacity[i];
		n++;
		for (size_t k = 0; k < host.n_links; k++)
			lowest &= !capacity[k] || root_of(k) != port || stands_on(k, i);
		has_lowest |= lowest;
	}
	return n > 1 && (mbit[port] ? sum > mbit[port] : has_lowest);
}

static void on_random_stacks(void **state)
{
	size_t warned = 0, passed = 0;

	for (int round = 0; round < 3000; round++) {
		uint64_t capacity[LINKS_MAX];
		char text[4000];
		size_t n = 0, lines = 0;

		begin(state);
		random_stacks(capacity);
		for (size_t i = 0; i < host.n_links; i++)
			n += !links[i].lower && wanted(capacity, i);
		told(text, sizeof(text));
		for (const char *at = text; (at = strchr(at, '\n')); at++)
			lines++;
		if (lines != n)
			fail_msg("round %d: %zu lines instead of %zu:\n%s", round, lines, n, text);
		warned += n > 0;
		passed += n == 0 && m.n_nodes > 2;
		end(state);
	}
	assert_in_range(warned, 300, 3000);
	assert_in_range(passed, 300, 3000);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_vlan_and_its_port),
		TEST(vlans_beside_each_other),
		TEST(a_bond_its_member_and_a_vlan),
		TEST(a_bridge_and_its_port),
		TEST(what_vms_receive),
		cmocka_unit_test(on_random_stacks),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
