/* SPDX-License-Identifier: GPL-2.0-or-later */

/* To which of two uplinks a vNIC leads: by bridges, bonds, VLANs, patches and the default route. */

#include "plan_rig.h"

#include "plan/reach.h"

enum {
	ETH0 = 1, ETH1, ETH2, BR0, BR1, NAT, BOND, VLAN, FWBR, FWLN, FWPR, OVS, WG, GRE, VX, BR2, TAP, N_LINKS = TAP
};

static struct rig_host rig;
static struct host host;
static struct model model;

static struct link *put(uint32_t ifindex, const char *name, enum link_kind kind, uint32_t master)
{
	struct link *l = put_link(&rig, ifindex, name, kind);

	l->master = master;
	l->peer_netns = -1;
	return l;
}

/* eth0 is br0's port, eth1 and eth2 are bond0's, and the bond's VLAN is br1's; virbr0 has none. */
static int set_up(void **state)
{
	(void)state;
	rig = (struct rig_host){ 0 };
	put(ETH0, "eth0", LINK_OTHER, BR0);
	put(ETH1, "eth1", LINK_OTHER, BOND);
	put(ETH2, "eth2", LINK_OTHER, BOND);
	put(BR0, "br0", LINK_BRIDGE, 0);
	put(BR1, "br1", LINK_BRIDGE, 0);
	put(NAT, "virbr0", LINK_BRIDGE, 0);
	put(BOND, "bond0", LINK_OTHER, 0);
	put(VLAN, "bond0.5", LINK_OTHER, BR1)->lower = BOND;
	put(FWBR, "fwbr0", LINK_BRIDGE, 0);
	put(FWLN, "fwln0", LINK_VETH, FWBR)->lower = FWPR;
	put(FWPR, "fwpr0", LINK_VETH, BR0)->lower = FWLN;
	put(OVS, "ovs-system", LINK_OTHER, 0);
	strcpy(rig.links[OVS - 1].kind_name, "openvswitch");
	put(WG, "wg0", LINK_OTHER, 0);
	put(GRE, "gre1", LINK_OTHER, 0)->lower = ETH0;
	put(VX, "vx0", LINK_OTHER, BR2)->lower = BOND;
	put(BR2, "br2", LINK_BRIDGE, 0);
	put(TAP, "tap0", LINK_TUN, 0);
	return 0;
}

/* The uplink that a tap with this master leads to, by name; "-": it cannot be told. route: the default route's. */
static const char *leads(uint32_t master, uint32_t route)
{
	_cleanup_(reach_freep) struct reach *r = NULL;
	static char name[MODEL_NAME_SIZE];
	uint32_t uplink;

	rig.links[TAP - 1].master = master;
	host_free(&host);
	make_host(&rig, &host);
	host.route_out = route;
	r = reach_new(&model, &host);
	assert_non_null(r);
	uplink = reach_uplink(r, host_link(&host, TAP));
	assert_int_equal(reach_uplink(r, host_link(&host, TAP)), uplink); /* from what is known by then */
	snprintf(name, sizeof(name), "%s", uplink == NODE_NONE ? "-" : model.nodes[uplink].name);
	return name;
}

static void uplinks(const char *one, const char *other)
{
	model_free(&model);
	add_uplink(&model, one, MBIT);
	if (other)
		add_uplink(&model, other, MBIT);
}

static int tear_down(void **state)
{
	(void)state;
	model_free(&model);
	host_free(&host);
	return 0;
}

static void by_its_bridge(void **state)
{
	(void)state;
	uplinks("eth0", "bond0");
	assert_string_equal(leads(BR0, 0), "eth0");
	assert_string_equal(leads(BR1, 0), "bond0");
	assert_string_equal(leads(FWBR, 0), "eth0"); /* Proxmox's firewall bridge */
	assert_string_equal(leads(BR0, BOND), "eth0"); /* whatever the route is */
	uplinks("br0", "br1"); /* an uplink may be the bridge itself */
	assert_string_equal(leads(BR0, 0), "br0");
	assert_string_equal(leads(BR1, 0), "br1");
	uplinks("eth0", "eth1"); /* or a port below */
	assert_string_equal(leads(BR1, 0), "eth1");
	uplinks("eth1", "eth2"); /* both ports of the bond */
	assert_string_equal(leads(BR1, 0), "-");
	assert_string_equal(leads(BR1, ETH1), "-");
}

static void by_the_route(void **state)
{
	(void)state;
	uplinks("eth0", "bond0");
	assert_string_equal(leads(0, 0), "-");
	assert_string_equal(leads(NAT, 0), "-");
	assert_string_equal(leads(0, BOND), "bond0");
	assert_string_equal(leads(NAT, BOND), "bond0");
	assert_string_equal(leads(NAT, BR0), "eth0"); /* the host's address is the bridge's */
	assert_string_equal(leads(NAT, BR1), "bond0");
}

/* A tunnel may be an uplink, or lead to the one below it. */
static void by_a_tunnel(void **state)
{
	(void)state;
	uplinks("wg0", "eth0");
	assert_string_equal(leads(NAT, WG), "wg0");
	assert_string_equal(leads(0, WG), "wg0");
	assert_string_equal(leads(NAT, ETH0), "eth0");
	assert_string_equal(leads(BR0, WG), "eth0"); /* its bridge's port */
	uplinks("gre1", "eth0");
	assert_string_equal(leads(NAT, GRE), "gre1");
	uplinks("eth1", "eth0");
	assert_string_equal(leads(NAT, GRE), "eth0");
	uplinks("vx0", "bond0");
	assert_string_equal(leads(BR2, 0), "vx0");
	uplinks("eth0", "bond0");
	assert_string_equal(leads(BR2, 0), "bond0");
	/* A VLAN beside the port that it is on: what leaves by the VLAN is the VLAN's. */
	uplinks("bond0.5", "bond0");
	assert_string_equal(leads(BR1, 0), "bond0.5");
	assert_string_equal(leads(NAT, BOND), "bond0");
}

/* Links do not tell which of Open vSwitch's bridges a port is of. */
static void where_it_cannot_be_told(void **state)
{
	(void)state;
	uplinks("eth0", "eth1");
	rig.links[ETH0 - 1].master = rig.links[ETH1 - 1].master = OVS;
	assert_string_equal(leads(OVS, ETH0), "-");
	rig.links[ETH1 - 1].master = 0;
	assert_string_equal(leads(OVS, 0), "eth0");
	uplinks("eth0", "absent");
	assert_string_equal(leads(BR0, 0), "-");
	uplinks("eth0", NULL); /* the only one */
	assert_string_equal(leads(NAT, 0), "eth0");
}

static const char *reason(const struct plan *p, uint32_t node)
{
	return p->bindings[node].bound ? p->bindings[node].nic : p->bindings[node].why.text;
}

/* One VM with a vNIC to each of two uplinks has a device under each; nic: decides alone. */
static void selectors_by_uplink(void **state)
{
	struct plan_input in = { .have = &nothing, .classids = &no_numbers, .sizing = &sizing_host_default };
	struct model_error err;
	uint32_t up, others;
	struct plan p;

	(void)state;
	model_free(&model);
	up = add_uplink(&model, "eth0", 100 * MBIT);
	add_device(&model, up, "web", SELECT_VM, "web");
	add_device(&model, up, "db", SELECT_VM, "d*");
	up = add_uplink(&model, "bond0", 100 * MBIT);
	add_device(&model, up, "web", SELECT_VM, "web");
	add_device(&model, up, "astray", SELECT_VM, "nat");
	add_device(&model, up, "told", SELECT_NIC, "tap4");
	others = add_network(&model, up, "others");
	model.nodes[others].others = true;
	assert_int_equal(model_validate(&model, &err), 0);
	put(20, "tap1", LINK_TUN, BR0);
	put(21, "tap2", LINK_TUN, BR1);
	put(22, "tap3", LINK_TUN, NAT);
	put(23, "tap4", LINK_TUN, NAT);
	put(24, "tap5", LINK_TUN, BR1);
	rig.links[TAP - 1].master = NAT;
	put_nic(&rig, "tap1", "web", "")->pid = 100;
	put_nic(&rig, "tap2", "web", "")->pid = 100;
	put_nic(&rig, "tap3", "nat", "")->pid = 101;
	put_nic(&rig, "tap4", "nat", "")->pid = 101;
	put_nic(&rig, "tap5", "db", "")->pid = 102;
	host_free(&host);
	make_host(&rig, &host);
	in.host = &host;
	assert_int_equal(plan_make(&model, &in, &p), 0);
	assert_string_equal(reason(&p, 1), "tap1");
	assert_string_equal(reason(&p, 2), "tap5 leads to another uplink");
	assert_string_equal(reason(&p, 4), "tap2");
	assert_string_equal(reason(&p, 5), "cannot tell to which uplink tap3 leads: name it by nic:");
	assert_string_equal(reason(&p, 6), "tap4");
	assert_string_equal(p.model.nodes[8].name, "tap5"); /* of others, for it leads there */
	assert_int_equal(p.model.n_nodes, 9);
	plan_free(&p);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(by_its_bridge),
		TEST(by_the_route),
		TEST(by_a_tunnel),
		TEST(where_it_cannot_be_told),
		TEST(selectors_by_uplink),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
