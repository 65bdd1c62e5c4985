/* SPDX-License-Identifier: GPL-2.0-or-later */
/* divvy discover --spec: what it writes is a specification, and means what is there. */
#include "daemon/control/drafted.h"

#include "awkward.h"

#include "base/cleanup.h"
#include "base/printable.h"
#include "kernel/net/port.h"
#include "kernel/net/route.h"
#include "spec/spec.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

/* --- the kernel's part --------------------------------------------------------------------------- */

static uint32_t default_route; /* 0: there is none */
static uint64_t speed;         /* of every port, bits per second; 0: not told */

int __wrap_route_out(struct rtnl *r, uint32_t *ifindex);
int __wrap_port_speed(const char *ifname, uint64_t *bits_ps);

int __wrap_route_out(struct rtnl *r, uint32_t *ifindex)
{
	(void)r;
	if (!default_route)
		return -ENETUNREACH;
	*ifindex = default_route;
	return 0;
}

int __wrap_port_speed(const char *ifname, uint64_t *bits_ps)
{
	(void)ifname;
	if (!speed)
		return -ENODATA;
	*bits_ps = speed;
	return 0;
}

/* --- hosts --------------------------------------------------------------------------------------- */

#define LINKS_MAX 80

static struct daemon d;
static struct link links[LINKS_MAX];
static struct vmm_nic nics[LINKS_MAX];

static int begin(void **state)
{
	(void)state;
	memset(&d, 0, sizeof(d));
	memset(links, 0, sizeof(links));
	memset(nics, 0, sizeof(nics));
	d.host.links = links;
	d.host.nics = nics;
	default_route = 0;
	speed = 0;
	return 0;
}

static struct link *put_link(const char *name, const char *kind, uint32_t master)
{
	struct link *l = &links[d.host.n_links++];

	assert_true(d.host.n_links <= LINKS_MAX);
	*l = (struct link){ .ifindex = (uint32_t)(9 + d.host.n_links),
			    .master = master,
			    .carrier = true,
			    .up = true,
			    .peer_netns = -1 };
	snprintf(l->name, sizeof(l->name), "%s", name);
	snprintf(l->kind_name, sizeof(l->kind_name), "%s", kind);
	l->kind = !strcmp(kind, "tun")    ? LINK_TUN :
		  !strcmp(kind, "veth")   ? LINK_VETH :
		  !strcmp(kind, "bridge") ? LINK_BRIDGE :
					    LINK_OTHER;
	l->tap = l->kind == LINK_TUN;
	return l;
}

/* A tap with a VM behind it; taps come in the order of their names. */
static void put_vm(uint32_t master, pid_t pid, const char *vm, const char *mac)
{
	struct vmm_nic *nic = &nics[d.host.n_nics];

	snprintf(nic->tap, sizeof(nic->tap), "tap%03zu", d.host.n_nics++);
	put_link(nic->tap, "tun", master);
	nic->pid = pid;
	nic->known = true;
	printable_name(vm, nic->vm, sizeof(nic->vm));
	snprintf(nic->mac, sizeof(nic->mac), "%s", mac);
}

/* --- what is drafted ----------------------------------------------------------------------------- */

/* Each uplink ends in others; what is left is told apart more easily. */
static void take_others(struct model *m)
{
	size_t uplinks = 0, others = 0, n = 0;
	uint32_t uplink = NODE_NONE;

	for (size_t i = 0; i < m->n_nodes; i++) {
		struct node node = m->nodes[i];

		others += node.others;
		if (node.others)
			continue;
		uplinks += node.kind == NODE_UPLINK;
		uplink = node.kind == NODE_UPLINK ? (uint32_t)n : uplink;
		node.parent = node.kind == NODE_UPLINK ? NODE_NONE : uplink;
		m->nodes[n++] = node;
	}
	m->n_nodes = n;
	assert_int_equal(others, uplinks);
}

/* The text parses; the model is the caller's. */
static char *draft(struct model *m)
{
	struct spec_error err = { 0 };
	char *text = drafted_text(&d, &err);

	if (!text)
		fail_msg("%s", err.text);
	if (spec_parse(text, strlen(text), m, &err) < 0)
		fail_msg("%u:%u: %s\n%s", err.line, err.column, err.text, text);
	take_others(m);
	return text;
}

static void refused(const char *why)
{
	struct spec_error err = { 0 };

	assert_null(drafted_text(&d, &err));
	assert_non_null(strstr(err.text, why));
}

/* How many vNICs of the host the device's selector means. */
static size_t meant(const struct node *device)
{
	size_t n = 0;

	if (device->select == SELECT_NIC) {
		for (size_t i = 0; i < d.host.n_links; i++)
			n += !strcmp(links[i].name, device->selector);
		return n;
	}
	for (size_t i = 0; i < d.host.n_nics; i++)
		n += device->select == SELECT_MAC ? !strcmp(nics[i].mac, device->selector) :
						    !strcmp(nics[i].vm, device->selector) ||
							    !strcmp(nics[i].vmid, device->selector);
	return n;
}

static const struct node *device_of(const struct model *m, enum selector_kind kind, const char *selector)
{
	for (size_t i = 0; i < m->n_nodes; i++)
		if (m->nodes[i].kind == NODE_DEVICE && m->nodes[i].select == kind &&
		    !strcmp(m->nodes[i].selector, selector))
			return &m->nodes[i];
	return NULL;
}

static void awkward_names_and_all(void **state)
{
	_cleanup_(model_free) struct model m;
	_cleanup_free_ char *text = NULL;
	uint32_t br0 = put_link("br0", "bridge", 0)->ifindex;

	(void)state;
	put_link("eno1", "", br0);
	speed = 1000000000;
	for (size_t i = 0; i < ARRAY_SIZE(awkward); i++)
		put_vm(br0, 100 + (pid_t)i, awkward[i].name, "");
	text = draft(&m);
	assert_non_null(strstr(text, "\n# eno1: 99.5 % of its speed, 1gbit, so that packets wait here and not in the port.\n"));
	assert_non_null(strstr(text, "capacity: 995mbit\n"));
	assert_int_equal(m.n_nodes, 1 + ARRAY_SIZE(awkward));
	for (size_t i = 0; i < ARRAY_SIZE(awkward); i++) {
		const struct node *device = device_of(&m, SELECT_VM, awkward[i].shown);

		assert_non_null(device);
		assert_int_equal(meant(device), 1);
		assert_int_equal(device->share.weight, 10);
	}
}

static void each_vnic_by_what_means_it_alone(void **state)
{
	_cleanup_(model_free) struct model m;
	_cleanup_free_ char *text = NULL;
	uint32_t br0 = put_link("br0", "bridge", 0)->ifindex;

	(void)state;
	put_link("eno1", "", br0);
	put_vm(br0, 1, "web", "52:54:00:00:00:01"); /* of two VMs of one name */
	put_vm(br0, 2, "web", "52:54:00:00:00:02");
	put_vm(br0, 3, "db", "52:54:00:00:00:03"); /* a VM with two vNICs */
	put_vm(br0, 3, "db", "52:54:00:00:00:04");
	put_vm(br0, 4, "clone", "52:54:00:00:00:05"); /* of two VMs of one MAC address */
	put_vm(br0, 5, "copy", "52:54:00:00:00:05");
	put_vm(br0, 6, "twin", "52:54:00:00:00:06"); /* of one name and MAC address */
	put_vm(br0, 7, "twin", "52:54:00:00:00:06");
	put_vm(br0, 8, "", "52:54:00:00:00:07"); /* without a name */
	put_vm(br0, 9, "", "");
	put_vm(br0, 10, "101", "52:54:00:00:00:08"); /* a name that is another VM's number */
	put_vm(br0, 11, "mail", "52:54:00:00:00:09");
	strcpy(nics[11].vmid, "101");
	put_vm(br0, 12, "web*", "52:54:00:00:00:0a"); /* a name that a pattern would be, too */
	put_link("veth0", "veth", br0)->peer_netns = 1; /* a container's */
	put_link("spare", "tun", br0)->carrier = false; /* no process has it open */
	put_link("macvlan0", "macvlan", 0);
	links[11].carrier = false; /* its tap is set down: it is a VM all the same */
	links[11].attached = true;
	text = draft(&m);
	assert_int_equal(m.n_nodes, 1 + 14);
	for (size_t i = 1; i < m.n_nodes; i++)
		assert_int_equal(meant(&m.nodes[i]), 1);
	assert_string_equal(device_of(&m, SELECT_MAC, "52:54:00:00:00:01")->name, "web");
	assert_string_equal(device_of(&m, SELECT_MAC, "52:54:00:00:00:02")->name, "web-2");
	assert_string_equal(device_of(&m, SELECT_MAC, "52:54:00:00:00:04")->name, "db-2");
	assert_string_equal(device_of(&m, SELECT_VM, "copy")->name, "copy");
	assert_string_equal(device_of(&m, SELECT_NIC, "tap006")->name, "twin");
	assert_string_equal(device_of(&m, SELECT_NIC, "tap007")->name, "twin-2");
	assert_string_equal(device_of(&m, SELECT_MAC, "52:54:00:00:00:07")->name, "tap008");
	assert_string_equal(device_of(&m, SELECT_NIC, "tap009")->name, "tap009");
	assert_string_equal(device_of(&m, SELECT_MAC, "52:54:00:00:00:08")->name, "101");
	assert_string_equal(device_of(&m, SELECT_VM, "mail")->name, "mail");
	assert_string_equal(device_of(&m, SELECT_MAC, "52:54:00:00:00:0a")->name, "web_");
	assert_string_equal(device_of(&m, SELECT_NIC, "veth0")->name, "veth0");
	assert_non_null(strstr(text, "\n# eno1 does not tell its speed: write what it carries, or a little less.\n"));
	assert_null(strstr(text, "macvlan0")); /* the host's own */
}

/* Each to the port that its packets leave by: behind a firewall's bridge, a VLAN, a route. */
static void several_uplinks(void **state)
{
	_cleanup_(model_free) struct model m;
	_cleanup_free_ char *text = NULL;
	uint32_t eno1 = put_link("eno1", "", 0)->ifindex, bond0 = put_link("bond0", "bond", 0)->ifindex;
	uint32_t vmbr0 = put_link("vmbr0", "bridge", 0)->ifindex, vmbr1 = put_link("vmbr1", "bridge", 0)->ifindex;
	uint32_t fwbr = put_link("fwbr1i0", "bridge", 0)->ifindex, nat = put_link("virbr0", "bridge", 0)->ifindex;
	struct link *vlan = put_link("eno1.10", "vlan", vmbr0), *in, *out;

	(void)state;
	vlan->lower = eno1;
	links[1].master = vmbr1; /* bond0 */
	in = put_link("fwln1i0", "veth", fwbr);
	out = put_link("fwpr1p0", "veth", vmbr0);
	in->lower = out->ifindex;
	out->lower = in->ifindex;
	default_route = vmbr1;
	put_vm(fwbr, 1, "behind-firewall", "");
	put_vm(vmbr1, 2, "on-bond", "");
	put_vm(nat, 3, "behind-nat", "");
	put_vm(0, 4, "routed", "");
	text = draft(&m);
	assert_int_equal(m.n_nodes, 6);
	assert_string_equal(m.nodes[0].name, "eno1");
	assert_string_equal(m.nodes[1].name, "behind-firewall");
	assert_string_equal(m.nodes[2].name, "bond0");
	assert_string_equal(m.nodes[3].name, "on-bond");
	assert_string_equal(m.nodes[4].name, "behind-nat");
	assert_string_equal(m.nodes[5].name, "routed");
	(void)bond0;
}

/* What runs knows the uplink, also where it is no port. */
static void what_runs_keeps_its_uplink(void **state)
{
	struct node uplink = { .kind = NODE_UPLINK, .parent = NODE_NONE, .name = "up0", .limit = { 2500000 } };
	_cleanup_(model_free) struct model m;
	_cleanup_free_ char *text = NULL;
	uint32_t br0 = put_link("br0", "bridge", 0)->ifindex;

	(void)state;
	put_link("c0", "veth", br0)->peer_netns = 1;
	put_link("up0", "veth", br0)->peer_netns = 2;
	put_vm(br0, 1, "web", "");
	refused("no vNIC leads to a port");
	model_init(&d.plan.model);
	assert_true(model_add(&d.plan.model, &uplink) == 0);
	text = draft(&m);
	assert_int_equal(m.n_nodes, 3);
	assert_string_equal(m.nodes[0].name, "up0");
	assert_int_equal(m.nodes[0].limit.bytes_ps, 2500000);
	model_free(&d.plan.model);
}

static void nothing_to_divide(void **state)
{
	(void)state;
	refused("no vNIC of this host can be divided");
	put_link("eno1", "", 0);
	put_link("dummy0", "dummy", 0);
	refused("no vNIC of this host can be divided");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(awkward_names_and_all, begin),
		cmocka_unit_test_setup(each_vnic_by_what_means_it_alone, begin),
		cmocka_unit_test_setup(several_uplinks, begin),
		cmocka_unit_test_setup(what_runs_keeps_its_uplink, begin),
		cmocka_unit_test_setup(nothing_to_divide, begin),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("daemon_drafted", tests, NULL, NULL);
}
