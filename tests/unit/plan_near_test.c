/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was probably meant, and which VMs are called alike. */
#include "plan/near.h"

#include "base/cleanup.h"
#include "plan/bind.h"
#include "plan/called.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

static struct link links[] = {
	{ .ifindex = 2, .name = "eno1", .altnames = "enp3s0\0bigport\0", .peer_netns = -1 },
	{ .ifindex = 3, .name = "vnet0", .kind = LINK_TUN, .tap = true, .peer_netns = -1 },
	{ .ifindex = 4, .name = "frontend", .kind = LINK_VETH, .peer_netns = 1 },
	{ .ifindex = 5, .name = "vnet0.7", .kind_name = "vlan", .lower = 3, .peer_netns = -1 },
	{ .ifindex = 6, .name = "eno1.7", .kind_name = "vlan", .lower = 2, .peer_netns = -1 },
	{ .ifindex = 7, .name = "br0", .kind = LINK_BRIDGE, .kind_name = "bridge", .peer_netns = -1 },
	{ .ifindex = 8, .name = "nk0", .kind_name = "netkit", .peer_netns = 1 },
	{ .ifindex = 9, .name = "mv0", .kind_name = "macvlan", .lower = 2, .peer_netns = -1 },
	{ .ifindex = 10, .name = "dummy0", .kind_name = "dummy", .peer_netns = -1 },
};

static struct vmm_nic nics[] = {
	{ .tap = "vnet0", .pid = 12, .vm = "web" },   { .tap = "vnet1", .pid = 34, .vm = "web" },
	{ .tap = "vnet2", .pid = 12, .vm = "web" },   { .tap = "vnet3", .pid = 56, .vm = "mail", .vmid = "101" },
	{ .tap = "vnet4", .pid = 78, .vm = "101" },
};

static const struct host host = {
	.links = links, .n_links = ARRAY_SIZE(links), .nics = nics, .n_nics = ARRAY_SIZE(nics)
};

static void said(const char *got, const char *want)
{
	if (want)
		assert_string_equal(got, want);
	else
		assert_null(got);
}

static void names_that_are_nearly_right(void **state)
{
	struct node nodes[] = {
		{ .kind = NODE_UPLINK, .parent = NODE_NONE, .name = "eno1" },
		{ .kind = NODE_NETWORK, .parent = 0, .name = "tenant-a" },
		{ .kind = NODE_DEVICE, .parent = 1, .name = "web" },
		{ .kind = NODE_DEVICE, .parent = 1, .name = "database" },
	};
	struct model m = { .nodes = nodes, .n_nodes = ARRAY_SIZE(nodes) };
	char buf[MODEL_FULL_NAME_SIZE];

	(void)state;
	said(near_node(&m, "wbe", buf), "tenant-a/web");
	said(near_node(&m, "tenant-a/wbe", buf), "tenant-a/web");
	said(near_node(&m, "tennant-a", buf), "tenant-a");
	said(near_node(&m, "datbase", buf), "tenant-a/database");
	said(near_node(&m, "mail", buf), NULL);
	said(near_node(&m, "enoo1", buf), NULL); /* an uplink has no share */
	said(near_link(&host, "frontned", true), "frontend");
	said(near_link(&host, "bigprot", true), NULL); /* no vNIC */
	said(near_link(&host, "bigprot", false), "bigport");
	said(near_link(&host, "vent0", true), "vnet0");
	said(near_link(&host, "vnet9", true), NULL); /* another one */
	said(near_vm(&host, "wbe"), "web");
	said(near_vm(&host, "db"), NULL);
}

static void vms_that_are_called_alike(void **state)
{
	struct vmm_nic many[40];
	struct host h = { .nics = many, .n_nics = ARRAY_SIZE(many) };
	char buf[CALLED_TEXT_SIZE];

	(void)state;
	said(called_list(&host, "web", buf), "2 VMs, process 12 (vnet0, vnet2) and process 34 (vnet1)");
	said(called_list(&host, "101", buf), "2 VMs, process 56 (vnet3) and process 78 (vnet4)");
	said(called_list(&host, "mail", buf), "1 VM, process 56 (vnet3)");
	said(called_list(&host, "none", buf), "0 VMs");
	for (size_t i = 0; i < ARRAY_SIZE(many); i++) {
		many[i] = (struct vmm_nic){ .pid = 1000 + (pid_t)i, .vm = "web" };
		snprintf(many[i].tap, sizeof(many[i].tap), "tap%zu", i);
	}
	called_list(&h, "web", buf);
	assert_string_equal(buf + strlen(buf) - 3, "...");
	assert_ptr_equal(strstr(buf, "40 VMs, process 1000 (tap0), process 1001 (tap1)"), buf);
}

static void what_discover_tells_of(void **state)
{
	static const struct {
		const char *name;
		bool shown;
		const char *why;
	} rows[] = {
		{ "eno1", false, "not a virtual NIC (tap, veth or macvtap)" },
		{ "vnet0", true, NULL },
		{ "frontend", true, NULL },
		{ "vnet0.7", true, "VLAN: its packets are those of the interface that it sits on: name that one" },
		{ "eno1.7", false, "VLAN: its packets are those of the interface that it sits on: name that one" },
		{ "br0", false, "not a virtual NIC (tap, veth or macvtap)" },
		{ "nk0", true, "netkit: its BPF program may send packets past the host's tc" },
		{ "mv0", true, NULL },
		{ "dummy0", true, "dummy: no VM or container is behind it" },
	};

	(void)state;
	assert_int_equal(ARRAY_SIZE(rows), ARRAY_SIZE(links));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_string_equal(links[i].name, rows[i].name);
		assert_int_equal(binding_is_shown(&host, &links[i]), rows[i].shown);
		said(binding_unschedulable(&links[i]), rows[i].why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_that_are_nearly_right),
		cmocka_unit_test(vms_that_are_called_alike),
		cmocka_unit_test(what_discover_tells_of),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("plan_near", tests, NULL, NULL);
}
