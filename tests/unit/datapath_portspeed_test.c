/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Which port's speed is an uplink's, what of it becomes a capacity, and what is kept when a port tells none. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "datapath/portspeed.h"
#include "kernel/net/port.h"

#include "base/cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define GBIT 1000000000ULL

enum { ENO1 = 1, ENO2, BOND0, BR0, TAP0, VETH0, VLAN, TUN, DUMMY, N_LINKS = DUMMY };

static struct link links[N_LINKS];
static struct host host = { .links = links, .n_links = N_LINKS };
static uint64_t speeds[N_LINKS]; /* that links tell; 0: none */

/* Stands in for the kernel's ethtool. */
int __wrap_port_speed(const char *ifname, uint64_t *bits_ps);
int __wrap_port_speed(const char *ifname, uint64_t *bits_ps)
{
	for (size_t i = 0; i < N_LINKS; i++) {
		if (strcmp(links[i].name, ifname) != 0)
			continue;
		if (!speeds[i])
			return i % 2 ? -ENODATA : -EOPNOTSUPP;
		*bits_ps = speeds[i];
		return 0;
	}
	return -ENODEV;
}

static void put(uint32_t ifindex, const char *name, enum link_kind kind, const char *kind_name, uint32_t master,
		uint32_t lower, uint64_t speed)
{
	struct link l = { .ifindex = ifindex, .kind = kind, .master = master, .lower = lower, .peer_netns = -1 };

	snprintf(l.name, sizeof(l.name), "%s", name);
	snprintf(l.kind_name, sizeof(l.kind_name), "%s", kind_name);
	links[ifindex - 1] = l;
	speeds[ifindex - 1] = speed;
}

/* eno1 and eno2 in bond0, bond0 and tap0 in br0; bond0.10 on bond0. */
static int setup(void **state)
{
	(void)state;
	put(ENO1, "eno1", LINK_OTHER, "", BOND0, 0, 10 * GBIT);
	put(ENO2, "eno2", LINK_OTHER, "", BOND0, 0, 10 * GBIT);
	put(BOND0, "bond0", LINK_OTHER, "bond", BR0, 0, 20 * GBIT);
	put(BR0, "br0", LINK_BRIDGE, "bridge", 0, 0, 10 * GBIT);
	put(TAP0, "tap0", LINK_TUN, "tun", BR0, 0, 10000000);
	put(VETH0, "veth0", LINK_VETH, "veth", BR0, 0, 10 * GBIT);
	put(VLAN, "bond0.10", LINK_OTHER, "vlan", 0, BOND0, 20 * GBIT);
	put(TUN, "wg0", LINK_OTHER, "wireguard", 0, 0, 0);
	put(DUMMY, "dummy0", LINK_OTHER, "dummy", 0, 0, 0);
	return 0;
}

static uint64_t speed_of(uint32_t ifindex, bool own)
{
	const char *name = "";

	return portspeed_of(&host, &links[ifindex - 1], own, &name);
}

static void whose_speed(void **state)
{
	const char *name = "";

	(void)state;
	assert_int_equal(speed_of(ENO1, true), 10 * GBIT);
	assert_int_equal(speed_of(BOND0, true), 20 * GBIT);
	assert_int_equal(speed_of(VLAN, true), 20 * GBIT);
	/* What a bridge tells is no port's; what leads out of it is. */
	assert_int_equal(portspeed_of(&host, &links[BR0 - 1], true, &name), 20 * GBIT);
	assert_string_equal(name, "bond0");
	/* A bond that tells none: the faster of its members. */
	speeds[BOND0 - 1] = 0;
	assert_int_equal(speed_of(BOND0, true), 10 * GBIT);
	speeds[ENO2 - 1] = 25 * GBIT;
	assert_int_equal(speed_of(BOND0, true), 25 * GBIT);
	/* A tunnel tells none. */
	assert_int_equal(speed_of(TUN, true), 0);
	/* A veth's counts only for an owner who says so. */
	assert_int_equal(speed_of(VETH0, false), 0);
	assert_int_equal(speed_of(VETH0, true), 10 * GBIT);
}

static void add(struct model *m, const char *name, uint32_t ppm)
{
	struct node up = { .kind = NODE_UPLINK, .parent = NODE_NONE, .limit = RATE_UNLIMITED, .of_link = { ppm } };
	struct node device = { .kind = NODE_DEVICE, .share = { 1 }, .limit = RATE_UNLIMITED, .name = "a", .selector = "x" };

	if (!ppm)
		up.limit.bytes_ps = 1000000;
	snprintf(up.name, sizeof(up.name), "%s", name);
	device.parent = (uint32_t)model_add(m, &up);
	assert_true(model_add(m, &device) > 0);
}

static uint64_t capacity(const struct portspeed *s, struct model *m, size_t node)
{
	capacity_resolve(m, s->list, s->n);
	return rate_bits(m->nodes[node].limit);
}

static const char *warned(const struct portspeed *s, const struct model *m)
{
	static char text[WARNING_TEXT_SIZE];
	_cleanup_(warning_list_freep) struct warning_list list = { 0 };

	assert_int_equal(portspeed_warn(s, m, &list), 0);
	assert_true(list.n <= 1);
	snprintf(text, sizeof(text), "%s", list.n ? list.list[0].text : "");
	return text;
}

/* A bond's member goes and comes, and then the bond's carrier. */
static void followed(void **state)
{
	struct portspeed s = { 0 };
	_cleanup_(model_free) struct model m;

	(void)state;
	model_init(&m);
	add(&m, "bond0", 950000);
	add(&m, "eno7", 0);
	assert_int_equal(capacity(&s, &m, 0), RATE_MAX_BYTES_PS * 8); /* not known yet: nothing is held back */
	assert_string_equal(warned(&s, &m), "bond0 tells no speed: nothing holds its devices back until it does (ip link), "
					    "or until its capacity is a rate");
	assert_int_equal(portspeed_read(&s, &m, &host), 1);
	assert_int_equal(portspeed_read(&s, &m, &host), 0);
	assert_int_equal(s.n, 1);
	assert_int_equal(capacity(&s, &m, 0), 19 * GBIT);
	assert_int_equal(capacity(&s, &m, 2), 8000000);
	assert_string_equal(warned(&s, &m), "");
	speeds[BOND0 - 1] = 10 * GBIT;
	assert_int_equal(portspeed_read(&s, &m, &host), 1);
	assert_int_equal(capacity(&s, &m, 0), 95 * GBIT / 10);
	/* Without a carrier no port tells: the last speed stays. */
	speeds[BOND0 - 1] = speeds[ENO1 - 1] = speeds[ENO2 - 1] = 0;
	assert_int_equal(portspeed_read(&s, &m, &host), 0);
	assert_int_equal(capacity(&s, &m, 0), 95 * GBIT / 10);
	assert_string_equal(warned(&s, &m), "bond0 tells no speed now: its capacity is still a part of 10000 Mbit/s, "
					    "the last that it told");
	speeds[BOND0 - 1] = 10 * GBIT;
	assert_int_equal(portspeed_read(&s, &m, &host), 0);
	assert_string_equal(warned(&s, &m), "");
	portspeed_free(&s);
}

static void kept_and_forgotten(void **state)
{
	struct portspeed s = { 0 };
	_cleanup_(model_free) struct model m, other;

	(void)state;
	model_init(&m);
	model_init(&other);
	add(&m, "eno1", PART_MAX);
	add(&other, "eno1", 0);
	add(&other, "wg0", PART_MAX);
	/* An earlier divvyd's knowledge counts until the port tells. */
	assert_int_equal(portspeed_adopt(&s, "eno1", GBIT), 0);
	assert_int_equal(capacity(&s, &m, 0), GBIT);
	assert_int_equal(portspeed_read(&s, &m, &host), 1);
	assert_int_equal(capacity(&s, &m, 0), 10 * GBIT);
	/* A model that is only tried takes nothing away. */
	assert_int_equal(portspeed_read(&s, &other, &host), 0);
	assert_null(capacity_speed(s.list, s.n, "wg0"));
	portspeed_keep(&s, &m);
	assert_int_equal(s.n, 1);
	portspeed_keep(&s, &other);
	assert_int_equal(s.n, 0);
	portspeed_free(&s);
}

/* Whatever the speed, a class can have the rate. */
static void ends(void **state)
{
	struct portspeed s = { 0 };
	_cleanup_(model_free) struct model m;

	(void)state;
	model_init(&m);
	add(&m, "eno1", 1);
	speeds[ENO1 - 1] = 10000000;
	assert_int_equal(portspeed_read(&s, &m, &host), 1);
	assert_int_equal(capacity(&s, &m, 0), 8000);
	speeds[ENO1 - 1] = UINT64_MAX;
	m.nodes[0].of_link.ppm = PART_MAX;
	assert_int_equal(portspeed_read(&s, &m, &host), 1);
	assert_int_equal(capacity(&s, &m, 0), RATE_MAX_BYTES_PS * 8);
	portspeed_free(&s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(whose_speed, setup),
		cmocka_unit_test_setup(followed, setup),
		cmocka_unit_test_setup(kept_and_forgotten, setup),
		cmocka_unit_test_setup(ends, setup),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
