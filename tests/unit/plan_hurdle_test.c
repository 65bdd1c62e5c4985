/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which nft hooks a vNIC's packets would pass by, and what that makes of its device. */
#include "plan/plan.h"

#include "base/cleanup.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define LO 1
#define UP0 2
#define BR0 3
#define BR1 4
#define N0 5
#define N1 6
#define WG0 7
#define BOND0 8
#define VRF0 9
#define N_LINKS 9

static struct link links[N_LINKS];
static struct host host;
static struct hurdle_list hurdles;
static struct hurdle list[4];
static struct tree have;

static void put(uint32_t ifindex, const char *name, enum link_kind kind, const char *kind_name)
{
	struct link l = { .ifindex = ifindex,
			  .kind = kind,
			  .tap = kind == LINK_TUN,
			  .up = true,
			  .carrier = true,
			  .queues = 1,
			  .gso_max = 65536,
			  .peer_netns = -1 };

	snprintf(l.name, sizeof(l.name), "%s", name);
	snprintf(l.kind_name, sizeof(l.kind_name), "%s", kind_name);
	links[ifindex - 1] = l;
}

/* Two taps in br0 with up0; the other links are ports of none. */
static int setup(void **state)
{
	(void)state;
	put(LO, "lo", LINK_OTHER, "");
	put(UP0, "up0", LINK_OTHER, "");
	put(BR0, "br0", LINK_BRIDGE, "bridge");
	put(BR1, "br1", LINK_BRIDGE, "bridge");
	put(N0, "n0", LINK_TUN, "tun");
	put(N1, "n1", LINK_TUN, "tun");
	put(WG0, "wg0", LINK_OTHER, "wireguard");
	put(BOND0, "bond0", LINK_OTHER, "bond");
	put(VRF0, "vrf0", LINK_OTHER, "vrf");
	links[UP0 - 1].master = links[N0 - 1].master = links[N1 - 1].master = BR0;
	host = (struct host){ .links = links, .n_links = N_LINKS };
	hurdles = (struct hurdle_list){ .list = list };
	have = (struct tree){ 0 };
	return 0;
}

static void hook(uint32_t ifindex, enum nft_hook_kind kind)
{
	struct hurdle h = { .ifindex = ifindex, .kind = kind, .chain = "fw/in" };

	memcpy(h.device, links[ifindex - 1].name, sizeof(h.device));
	list[hurdles.n++] = h;
	hurdles.n_ingress += kind == NFT_HOOK_INGRESS;
	hurdles.egress |= kind == NFT_HOOK_EGRESS;
}

static void expect(uint32_t vnic, uint32_t device)
{
	const struct hurdle *h = hurdle_of(&hurdles, &host, vnic);

	assert_int_equal(h ? h->ifindex : 0, device);
}

static void ingress(void **state)
{
	(void)state;
	hook(N0, NFT_HOOK_INGRESS);
	expect(N0, N0);
	expect(N1, 0);
}

static void egress_of_a_port(void **state)
{
	(void)state;
	hook(UP0, NFT_HOOK_EGRESS);
	expect(N0, UP0);
	links[UP0 - 1].master = BR1; /* behind another bridge: the hook sees the packets */
	expect(N0, 0);
	links[UP0 - 1].master = 0; /* the host routes: another device receives first */
	expect(N0, 0);
	links[N0 - 1].master = 0; /* routed from the vNIC itself */
	expect(N0, UP0);
	links[UP0 - 1].master = BOND0; /* packets are transmitted by bond0 first */
	expect(N0, 0);
	links[UP0 - 1].master = VRF0;
	expect(N0, UP0);
}

static void egress_of_others(void **state)
{
	(void)state;
	hook(BR0, NFT_HOOK_EGRESS);
	expect(N0, 0); /* a bridged packet is not transmitted by the bridge */
	hurdles.n = 0;
	hook(N1, NFT_HOOK_EGRESS);
	expect(N0, N1);
	expect(N1, 0);
	hurdles.n = 0;
	hook(WG0, NFT_HOOK_EGRESS);
	expect(N0, 0);
	links[N0 - 1].master = 0;
	expect(N0, WG0);
	hurdles.n = 0;
	hook(LO, NFT_HOOK_EGRESS);
	expect(N0, 0);
}

static void openvswitch(void **state)
{
	(void)state;
	put(BR0, "ovs-system", LINK_OTHER, "openvswitch");
	hook(UP0, NFT_HOOK_EGRESS);
	expect(N0, UP0);
	links[UP0 - 1].master = 0;
	expect(N0, 0);
}

/* --- what a plan makes of it --------------------------------------------------------------------- */

static void make(struct plan *p, bool force)
{
	struct node uplink = {
		.kind = NODE_UPLINK, .parent = NODE_NONE, .name = "up0", .limit = { 1250000 }
	};
	struct node device = { .kind = NODE_DEVICE,
			       .name = "web",
			       .selector = "n0",
			       .share = { 1 },
			       .limit = RATE_UNLIMITED,
			       .force = force };
	const struct plan_input in = { .host = &host,
				       .have = &have,
				       .hurdles = &hurdles,
				       .classids = &(struct classids){ 0 },
				       .sizing = &sizing_host_default };
	_cleanup_(model_free) struct model m;

	model_init(&m);
	assert_int_equal(model_add(&m, &uplink), 0);
	assert_int_equal(model_add(&m, &device), 1);
	assert_int_equal(plan_make(&m, &in, p), 0);
}

static void expect_plan(bool force, bool bound, enum reason_code why, const char *passed_by)
{
	struct plan p;

	make(&p, force);
	assert_int_equal(p.bindings[1].bound, bound);
	if (!bound)
		assert_int_equal(p.bindings[1].why.code, why);
	assert_string_equal(p.bindings[1].passed_by, passed_by);
	assert_int_equal(p.tree.n_vnics, bound);
	assert_true(hurdle_list_same(&p.hurdles, &hurdles));
	plan_free(&p);
}

/* Also a vNIC that divvy is on already. */
static void plan_respects(void **state)
{
	struct tree_vnic on = { .ifindex = N0 };

	(void)state;
	expect_plan(false, true, REASON_NONE, "");
	hook(UP0, NFT_HOOK_EGRESS);
	expect_plan(false, false, REASON_NFT_HOOK, "");
	expect_plan(true, true, REASON_NONE, "fw/in at egress of up0");
	have = (struct tree){ .vnics = &on, .n_vnics = 1 };
	expect_plan(false, false, REASON_NFT_HOOK, "");
}

static void plan_knows_nothing(void **state)
{
	struct tree_vnic on = { .ifindex = N0 };

	(void)state;
	hurdles.error = -ENOBUFS;
	expect_plan(false, false, REASON_NFT_UNKNOWN, "");
	expect_plan(true, true, REASON_NONE, "");
	have = (struct tree){ .vnics = &on, .n_vnics = 1 };
	expect_plan(false, true, REASON_NONE, "");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(ingress, setup),
		cmocka_unit_test_setup(egress_of_a_port, setup),
		cmocka_unit_test_setup(egress_of_others, setup),
		cmocka_unit_test_setup(openvswitch, setup),
		cmocka_unit_test_setup(plan_respects, setup),
		cmocka_unit_test_setup(plan_knows_nothing, setup),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
