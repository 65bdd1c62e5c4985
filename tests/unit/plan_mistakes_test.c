/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who claims which vNIC, which one none claims, by which ports an uplink sends, and mistakes that follow. */
#include "plan/claims.h"
#include "plan/mistakes.h"
#include "plan/ports.h"

#include "base/cleanup.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { LO = 1, UP0, VMBR0, FWBR, TAP0, TAP1, FWLN, FWPR, UP0_10, N_LINKS = UP0_10 };

static struct link links[N_LINKS];
static struct vmm_nic nics[2];
static struct host host;
/* Nothing runs yet. */
static const struct plan_input in = { .host = &host,
				      .have = &(const struct tree){ 0 },
				      .classids = &(const struct classids){ 0 },
				      .sizing = &sizing_host_default };
static struct schedule schedule;

static void put(uint32_t ifindex, const char *name, enum link_kind kind, uint32_t master, uint32_t lower)
{
	struct link l = { .ifindex = ifindex,
			  .kind = kind,
			  .tap = kind == LINK_TUN,
			  .up = true,
			  .carrier = true,
			  .queues = 1,
			  .gso_max = 65536,
			  .peer_netns = -1,
			  .master = master,
			  .lower = lower };

	snprintf(l.name, sizeof(l.name), "%s", name);
	links[ifindex - 1] = l;
}

static void put_nic(struct vmm_nic *nic, const char *tap, const char *vm, pid_t pid)
{
	*nic = (struct vmm_nic){ .pid = pid, .queues = 1, .vmm = "qemu" };
	snprintf(nic->tap, sizeof(nic->tap), "%s", tap);
	snprintf(nic->vm, sizeof(nic->vm), "%s", vm);
}

/* Proxmox: tap0 behind a firewall bridge, tap1 not. */
static int setup(void **state)
{
	(void)state;
	put(LO, "lo", LINK_OTHER, 0, 0);
	put(UP0, "up0", LINK_OTHER, VMBR0, 0);
	put(VMBR0, "vmbr0", LINK_BRIDGE, 0, 0);
	put(FWBR, "fwbr0", LINK_BRIDGE, 0, 0);
	put(TAP0, "tap0", LINK_TUN, FWBR, 0);
	put(TAP1, "tap1", LINK_TUN, VMBR0, 0);
	put(FWLN, "fwln0", LINK_VETH, FWBR, FWPR);
	put(FWPR, "fwpr0", LINK_VETH, VMBR0, FWLN);
	put(UP0_10, "up0.10", LINK_OTHER, 0, UP0);
	put_nic(&nics[0], "tap0", "web", 100);
	put_nic(&nics[1], "tap1", "web", 100);
	host = (struct host){ .links = links, .n_links = N_LINKS, .nics = nics, .n_nics = 2 };
	schedule = schedule_default;
	return 0;
}

/* names: devices of an uplink, each called by its NIC; NULL ends them. */
static void make(struct plan *p, const char *uplink, const char *const *names)
{
	struct node node = { .kind = NODE_UPLINK, .parent = NODE_NONE, .limit = { 1250000 } };
	_cleanup_(model_free) struct model m;

	model_init(&m);
	m.schedule = schedule;
	snprintf(node.name, sizeof(node.name), "%s", uplink);
	assert_int_equal(model_add(&m, &node), 0);
	for (; *names; names++) {
		struct node device = { .kind = NODE_DEVICE, .share = { 1 }, .limit = RATE_UNLIMITED };

		snprintf(device.name, sizeof(device.name), "%s", *names);
		snprintf(device.selector, sizeof(device.selector), "%s", *names);
		assert_true(model_add(&m, &device) > 0);
	}
	assert_int_equal(plan_make(&m, &in, p), 0);
}

/* The keys of all warnings, with a comma behind each. */
static void expect_warnings(const char *uplink, const char *const *names, const char *want)
{
	_cleanup_(warning_list_freep) struct warning_list w = { 0 };
	char keys[256] = "";
	struct plan p;

	make(&p, uplink, names);
	assert_int_equal(mistakes_find(&p, &host, &w), 0);
	for (size_t i = 0; i < w.n; i++)
		snprintf(keys + strlen(keys), sizeof(keys) - strlen(keys), "%s,", w.list[i].key);
	assert_string_equal(keys, want);
	plan_free(&p);
}

static void expect_unclaimed(const char *const *names, const char *want)
{
	_cleanup_free_ const struct vmm_nic **list = NULL;
	_cleanup_(claims_free) struct claims c = { 0 };
	char taps[128] = "";
	struct plan p;
	size_t n = 0;

	make(&p, "up0", names);
	assert_int_equal(claims_make(&p, &host, &c), 0);
	assert_int_equal(claims_unclaimed(&c, &list, &n), 0);
	for (size_t i = 0; i < n; i++)
		snprintf(taps + strlen(taps), sizeof(taps) - strlen(taps), "%s,", list[i]->tap);
	assert_string_equal(taps, want);
	plan_free(&p);
}

#define NAMES(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void unclaimed(void **state)
{
	(void)state;
	expect_unclaimed(NAMES("tap0"), "tap1,");
	expect_unclaimed(NAMES("tap0", "tap1"), "");
	expect_unclaimed(NAMES("absent"), "tap0,tap1,");
	nics[1].reason = VMM_WHY_NO_VMM; /* a VPN's daemon */
	expect_unclaimed(NAMES("absent"), "tap0,");
}

/* A device that waits for a tap that no process has open claims it all the same. */
static void claimed_and_waiting(void **state)
{
	(void)state;
	links[TAP1 - 1].carrier = false;
	expect_unclaimed(NAMES("tap0", "tap1"), "");
}

static void unclaimed_behind_firewall(void **state)
{
	(void)state;
	expect_unclaimed(NAMES("fwpr0", "tap1"), "");
	/* What divvy takes from the other end is what goes to the VM. */
	expect_unclaimed(NAMES("fwln0", "tap1"), "tap0,");
}

static void unclaimed_in_slots(void **state)
{
	(void)state;
	schedule.resource = RESOURCE_CPU;
	expect_unclaimed(NAMES("tap0"), ""); /* the VM is paused with all its vNICs */
	nics[1].pid = 101;
	expect_unclaimed(NAMES("tap0"), "tap1,");
}

static void charged_twice(void **state)
{
	(void)state;
	expect_warnings("up0", NAMES("tap0", "tap1"), "");
	expect_warnings("up0", NAMES("tap0", "fwpr0"), "twice tap0,");
	expect_warnings("up0", NAMES("tap0", "fwln0"), "twice tap0,");
	expect_warnings("up0", NAMES("tap1", "fwpr0"), "");
	/* A container's veth beside a tap. */
	links[FWLN - 1].peer_netns = 3;
	expect_warnings("up0", NAMES("tap0", "fwln0"), "");
}

static void uplinks(void **state)
{
	(void)state;
	expect_warnings("lo", NAMES("tap0"), "no-uplink lo,");
	expect_warnings("tap1", NAMES("tap0"), "no-uplink tap1,"); /* a VM's */
	nics[1].reason = VMM_WHY_NO_VMM;
	expect_warnings("tap1", NAMES("tap0"), ""); /* a VPN's */
	expect_warnings("tap1", NAMES("tap1"), "no-uplink tap1,");
	expect_warnings("vmbr0", NAMES("tap0"), "");
	expect_warnings("absent", NAMES("tap0"), "");
}

/* An interface that is two uplinks, under its name and an altname: a VM's share would be of twice its capacity. */
static void one_uplink_twice(void **state)
{
	struct node up = { .kind = NODE_UPLINK, .parent = NODE_NONE, .name = "up0", .limit = { 1250000 } };
	struct node tap = { .kind = NODE_DEVICE, .name = "tap0", .selector = "tap0", .share = { 1 }, .limit = RATE_UNLIMITED };
	_cleanup_(model_free) struct model m;
	char why[160] = "";
	struct plan p;

	(void)state;
	model_init(&m);
	assert_true(model_add(&m, &up) == 0 && model_add(&m, &tap) == 1);
	strcpy(up.name, "lan0");
	strcpy(tap.name, "tap1");
	strcpy(tap.selector, "tap1");
	tap.parent = 2;
	assert_true(model_add(&m, &up) == 2 && model_add(&m, &tap) == 3);
	memcpy(links[UP0 - 1].altnames, "lan0\0", 6);
	assert_int_equal(plan_make(&m, &in, &p), 0);
	assert_true(mistakes_no_uplink(&p, &host, 2, why, sizeof(why)));
	assert_string_equal(why, "it is the same interface as uplink up0");
	assert_true(mistakes_no_uplink(&p, &host, 0, why, sizeof(why)));
	plan_free(&p);
	links[UP0 - 1].altnames[0] = '\0';
	assert_int_equal(plan_make(&m, &in, &p), 0);
	assert_false(mistakes_no_uplink(&p, &host, 2, why, sizeof(why))); /* it is not there */
	assert_false(mistakes_no_uplink(&p, &host, 0, why, sizeof(why)));
	plan_free(&p);
}

static void schedules(void **state)
{
	(void)state;
	schedule.slots = 77;
	expect_warnings("up0", NAMES("tap0"), "schedule ,");
	schedule.resource = RESOURCE_CPU;
	expect_warnings("up0", NAMES("tap0"), "cpu-capacity up0,");
}

static void expect_ports(uint32_t uplink, const char *want)
{
	const struct link *ports[PORTS_MAX];
	size_t n = ports_of(&host, &links[uplink - 1], ports);
	char names[128] = "";

	for (size_t i = 0; i < n; i++)
		snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s,", ports[i]->name);
	assert_string_equal(names, want);
}

static void ports(void **state)
{
	(void)state;
	expect_ports(UP0, "up0,");
	expect_ports(VMBR0, "vmbr0,up0,"); /* neither taps nor veths */
	expect_ports(UP0_10, "up0.10,up0,");
	expect_ports(FWPR, "fwpr0,"); /* a veth's peer is no lower device */
	links[UP0_10 - 1].master = VMBR0;
	links[UP0 - 1].master = 0;
	expect_ports(VMBR0, "vmbr0,up0.10,up0,");
}

static const char *warned(const struct plan *p, const char *key)
{
	static struct warning_list list;
	const struct warning *w;

	warning_list_free(&list);
	assert_int_equal(mistakes_find(p, &host, &list), 0);
	w = warning_find(&list, key);
	return w ? w->text : "";
}

/* Patterns promise as much as there are matches: a VM more, and the reserves may not fit. */
static void reserves(void **state)
{
	struct node up = { .kind = NODE_UPLINK, .parent = NODE_NONE, .name = "up0", .limit = { 1250000 } };
	struct node taps = { .kind = NODE_DEVICE, .name = "taps", .selector = "tap*", .share = { 1 },
			     .limit = RATE_UNLIMITED, .reserve = { 600000 } };
	struct node batch = { .kind = NODE_DEVICE, .name = "batch", .selector = "fwln0", .share = { 1 },
			      .limit = RATE_UNLIMITED };
	_cleanup_(model_free) struct model m;
	struct model_error err = { 0 };
	struct plan p = { 0 };

	(void)state;
	model_init(&m);
	assert_true(model_add(&m, &up) == 0 && model_add(&m, &taps) == 1 && model_add(&m, &batch) == 2);
	assert_int_equal(model_validate(&m, &err), 0);
	assert_int_equal(plan_make(&m, &in, &p), 0);
	assert_string_equal(warned(&p, "tight up0"),
			    "the reserves in up0 (taps/tap0 4800kbit and taps/tap1 4800kbit) leave 0.40 of 10.0 Mbit/s to batch when all send, less than 5 %");
	assert_string_equal(warned(&p, "overbooked up0"), "");
	plan_free(&p);
	m.nodes[1].reserve.bytes_ps = 700000;
	assert_int_equal(plan_make(&m, &in, &p), 0);
	assert_string_equal(warned(&p, "overbooked up0"),
			    "reserves are cut in proportion: device \"taps/tap1\": reserve 5600kbit: together with taps/tap0 5600kbit that is 11200kbit, 1200kbit too much; expected at most 10mbit, the capacity of up0");
	assert_string_equal(warned(&p, "tight up0"), "");
	assert_string_equal(warned(&p, "rx-tight up0"), "");
	plan_free(&p);
	warned(&(struct plan){ 0 }, "");
}

/* The same of what VMs receive. Who has no part there is not named. */
static void reserves_of_rx(void **state)
{
	struct node up = { .kind = NODE_UPLINK, .parent = NODE_NONE, .name = "up0", .limit = { 1250000 } };
	struct node taps = { .kind = NODE_DEVICE, .name = "taps", .selector = "tap*", .share = { 1 },
			     .limit = RATE_UNLIMITED, .rx_mode = RX_OWN,
			     .rx = { .share = { 1 }, .limit = RATE_UNLIMITED, .reserve = { 600000 } } };
	struct node batch = { .kind = NODE_DEVICE, .name = "batch", .selector = "fwln0", .share = { 1 },
			      .limit = RATE_UNLIMITED, .rx_mode = RX_SAME };
	_cleanup_(model_free) struct model m;
	struct plan p = { 0 };

	(void)state;
	model_init(&m);
	assert_true(model_add(&m, &up) == 0 && model_add(&m, &taps) == 1 && model_add(&m, &batch) == 2);
	assert_int_equal(plan_make(&m, &in, &p), 0);
	assert_string_equal(warned(&p, "tight up0"), "");
	assert_string_equal(warned(&p, "rx-tight up0"),
			    "the reserves in up0 (taps/tap0 4800kbit and taps/tap1 4800kbit) leave 0.40 of 10.0 Mbit/s to batch when all send, less than 5 % (rx)");
	plan_free(&p);
	m.nodes[2].rx_mode = RX_NONE;
	assert_int_equal(plan_make(&m, &in, &p), 0);
	assert_string_equal(warned(&p, "rx-tight up0"), "");
	plan_free(&p);
	m.nodes[1].rx.reserve.bytes_ps = 700000;
	assert_int_equal(plan_make(&m, &in, &p), 0);
	assert_string_equal(warned(&p, "overbooked up0"), "");
	assert_non_null(strstr(warned(&p, "rx-overbooked up0"), "reserve 5600kbit"));
	plan_free(&p);
}

/* Patterns divide the capacity by as many as there are: the kernel gives each of them 8 kbit/s at least. */
static void tiny_shares(void **state)
{
	struct node up = { .kind = NODE_UPLINK, .parent = NODE_NONE, .name = "up0", .limit = { 2999 }, .rx_mode = RX_OWN, .rx.limit = { 3000 } };
	struct node taps = { .kind = NODE_DEVICE, .name = "taps", .selector = "tap*", .share = { 1 }, .limit = RATE_UNLIMITED };
	struct node batch = { .kind = NODE_DEVICE, .name = "batch", .selector = "fwln0", .share = { 1 }, .limit = RATE_UNLIMITED };
	_cleanup_(model_free) struct model m;
	struct model_error err = { 0 };
	struct plan p = { 0 };

	(void)state;
	model_init(&m);
	assert_true(model_add(&m, &up) == 0 && model_add(&m, &taps) == 1 && model_add(&m, &batch) == 2);
	m.nodes[1].rx_mode = m.nodes[2].rx_mode = RX_SAME;
	/* As it is written, there are two devices. */
	assert_int_equal(model_validate(&m, &err), 0);
	assert_int_equal(plan_make(&m, &in, &p), 0);
	assert_int_equal(mistakes_shares(&p, DIRECTION_TX, &err), -EINVAL);
	assert_int_equal(mistakes_shares(&p, DIRECTION_RX, &err), 0);
	assert_string_equal(warned(&p, "tiny up0"),
			    "all together may get more than the capacity of up0: device \"taps/tap0\": share 1 of 3 guarantees 7992bit, expected at least 8kbit");
	assert_string_equal(warned(&p, "rx-tiny up0"), "");
	plan_free(&p);
	m.nodes[0].limit.bytes_ps = 3000;
	m.nodes[0].rx.limit.bytes_ps = 2000;
	assert_int_equal(plan_make(&m, &in, &p), 0);
	assert_string_equal(warned(&p, "tiny up0"), "");
	assert_string_equal(warned(&p, "rx-tiny up0"),
			    "all together may get more than the capacity of up0: device \"taps/tap0\": share 1 of 3 guarantees 5328bit, expected at least 8kbit (rx)");
	plan_free(&p);
	/* A device that has no part in a direction takes nothing there. */
	m.nodes[2].rx_mode = RX_NONE;
	assert_int_equal(plan_make(&m, &in, &p), 0);
	assert_string_equal(warned(&p, "rx-tiny up0"), "");
	plan_free(&p);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(unclaimed, setup),
		cmocka_unit_test_setup(claimed_and_waiting, setup),
		cmocka_unit_test_setup(unclaimed_behind_firewall, setup),
		cmocka_unit_test_setup(unclaimed_in_slots, setup),
		cmocka_unit_test_setup(charged_twice, setup),
		cmocka_unit_test_setup(uplinks, setup),
		cmocka_unit_test_setup(one_uplink_twice, setup),
		cmocka_unit_test_setup(schedules, setup),
		cmocka_unit_test_setup(ports, setup),
		cmocka_unit_test_setup(reserves, setup),
		cmocka_unit_test_setup(reserves_of_rx, setup),
		cmocka_unit_test_setup(tiny_shares, setup),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
