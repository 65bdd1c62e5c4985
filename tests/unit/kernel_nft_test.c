/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which chains are at the hooks of network devices. */
#include "nft_rig.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

static struct nft_hook *hooks;
static size_t n_hooks;

static void look(void)
{
	free(hooks);
	hooks = NULL;
	assert_int_equal(nft_hooks(&hooks, &n_hooks), 0);
	for (size_t i = 1; i < n_hooks; i++) {
		assert_true(hooks[i - 1].prefix >= hooks[i].prefix);
		if (hooks[i - 1].prefix == hooks[i].prefix)
			assert_true(strcmp(hooks[i - 1].ifname, hooks[i].ifname) <= 0);
	}
}

static int forget(void **state)
{
	free(hooks);
	hooks = NULL;
	return teardown(state);
}

static void is_at(const char *ifname, enum nft_hook_kind kind, const char *want)
{
	const struct nft_hook *h = nft_hook_on(hooks, n_hooks, ifname, kind);

	assert_string_equal(h ? h->name : "", want);
}

/* What is at the device's ingress hook, by both ways to ask. */
static void expect(const char *ifname, const char *want)
{
	char name[64] = "?";

	look();
	is_at(ifname, NFT_HOOK_INGRESS, want);
	assert_int_equal(nft_ingress_chain(ifname, name, sizeof(name)), 0);
	assert_string_equal(name, want);
}

static void none(void **state)
{
	(void)state;
	expect("nft0", "");
	expect("absent0", "");
	assert_int_equal(n_hooks, 0);
	assert_true(load("table inet filter { chain input { type filter hook input priority 0; }; "
			 "chain forward { type filter hook forward priority 0; }; chain plain { }; }; "
			 "table ip nat { chain out { type nat hook postrouting priority 100; }; }"));
	expect("nft0", "");
	assert_int_equal(n_hooks, 0);
}

static void one_device(void **state)
{
	char name[6];

	(void)state;
	assert_true(load("table netdev guard { chain in { "
			 "type filter hook ingress device nft1 priority 0; }; }"));
	expect("nft1", "guard/in");
	expect("nft0", "");
	expect("nft10", ""); /* of which the other is a prefix */
	expect("nft", "");
	assert_int_equal(nft_ingress_chain("nft1", name, sizeof(name)), 0);
	assert_string_equal(name, "guard");
}

static void several_devices(void **state)
{
	(void)state;
	assert_true(load("table netdev t { chain plain { }; "
			 "chain c { type filter hook ingress devices = { nft0, other0 } priority 9; }; }"));
	expect("nft0", "t/c");
	expect("other0", "t/c");
	expect("nft1", "");
}

static struct nlmsghdr *put_nfnl(void *buf, uint16_t type, uint16_t flags, uint8_t family, uint16_t res_id)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	nfg->nfgen_family = family;
	nfg->res_id = htons(res_id);
	return nlh;
}

/*
 * What no nft(8) of Debian 12 can say: a chain "w/c" on all devices whose name starts so, or on none (NULL).
 * Whether the kernel took it.
 */
static bool load_chain(const char *prefix)
{
	_Alignas(NLMSG_ALIGNTO) char buf[1024] = { 0 };
	struct mnl_socket *nl = mnl_socket_open(NETLINK_NETFILTER);
	struct nlmsghdr *nlh = put_nfnl(buf, NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
	struct nlattr *hook, *devs;
	bool ok;

	nlh = put_nfnl(mnl_nlmsg_get_payload_tail(nlh), NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWCHAIN,
		       NLM_F_CREATE | NLM_F_ACK, NFPROTO_NETDEV, 0);
	mnl_attr_put_strz(nlh, NFTA_CHAIN_TABLE, "w");
	mnl_attr_put_strz(nlh, NFTA_CHAIN_NAME, "c");
	mnl_attr_put_strz(nlh, NFTA_CHAIN_TYPE, "filter");
	hook = mnl_attr_nest_start(nlh, NFTA_CHAIN_HOOK);
	mnl_attr_put_u32(nlh, NFTA_HOOK_HOOKNUM, htonl(0));
	mnl_attr_put_u32(nlh, NFTA_HOOK_PRIORITY, htonl(0));
	if (prefix) {
		devs = mnl_attr_nest_start(nlh, NFTA_HOOK_DEVS);
		mnl_attr_put_strz(nlh, 2, prefix); /* NFTA_DEVICE_PREFIX, which Debian 12's header lacks */
		mnl_attr_nest_end(nlh, devs);
	}
	mnl_attr_nest_end(nlh, hook);
	nlh = put_nfnl(mnl_nlmsg_get_payload_tail(nlh), NFNL_MSG_BATCH_END, 0, AF_UNSPEC,
		       NFNL_SUBSYS_NFTABLES);

	assert_non_null(nl);
	assert_int_equal(mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID), 0);
	assert_true(mnl_socket_sendto(nl, buf, (size_t)((char *)mnl_nlmsg_get_payload_tail(nlh) - buf)) > 0);
	ok = mnl_socket_recvfrom(nl, buf, sizeof(buf)) > 0 &&
	     ((struct nlmsgerr *)mnl_nlmsg_get_payload((void *)buf))->error == 0;
	mnl_socket_close(nl);
	return ok;
}

static void wildcard(void **state)
{
	(void)state;
	assert_true(load("table netdev w { chain other { "
			 "type filter hook ingress device nft0 priority 0; }; }"));
	if (!load_chain("nft1")) {
		print_message("# this kernel has no hooks on prefixes of names\n");
		return;
	}
	expect("nft1", "w/c");
	expect("nft10", "w/c");
	expect("nft0", "w/other");
	expect("nft", "");
	is_at("nft1", NFT_HOOK_EGRESS, "");
	assert_int_equal(n_hooks, 2);
	assert_true(hooks[0].prefix);
	assert_string_equal(hooks[0].ifname, "nft1");
	assert_false(hooks[1].prefix);
}

static void egress(void **state)
{
	(void)state;
	if (!load("table netdev t { chain e { type filter hook egress device nft0 priority 0; }; }"))
		print_message("# this nft or kernel has no egress hook\n");
	expect("nft0", "");
}

static void inet_ingress(void **state)
{
	(void)state;
	if (!load("table inet t { chain i { type filter hook ingress device nft0 priority 0; }; }")) {
		print_message("# this nft or kernel has no ingress hook in the inet family\n");
		return;
	}
	expect("nft0", "t/i");
	expect("nft1", "");
}

static void flowtable(void **state)
{
	(void)state;
	if (!load("table inet t { flowtable f { hook ingress priority 0; devices = { nft0, nft1 }; }; }")) {
		print_message("# this kernel has no flowtables\n");
		return;
	}
	expect("nft0", "t/f");
	expect("nft1", "t/f");
	expect("nft10", "");
}

/* More chains than one part of a dump holds. */
static void many_chains(void **state)
{
	enum { N = 1500 };
	_cleanup_free_ char *rules = calloc(N, 64);
	size_t len = 0;

	(void)state;
	len += (size_t)sprintf(rules, "table netdev t {");
	for (int i = 0; i < N; i++)
		len += (size_t)sprintf(rules + len, " chain c%d { };", i);
	sprintf(rules + len, " chain last { type filter hook ingress device nft1 priority 0; }; }");
	assert_true(load(rules));
	expect("nft1", "t/last");
	expect("nft0", "");
}

static void all_kinds(void **state)
{
	(void)state;
	assert_true(load("table netdev t { chain a { type filter hook ingress devices = { nft1, other0 } "
			 "priority 9; }; chain one { "
			 "type filter hook ingress device nft10 priority 0; }; }"));
	look();
	assert_int_equal(n_hooks, 3);
	is_at("nft1", NFT_HOOK_INGRESS, "t/a");
	is_at("other0", NFT_HOOK_INGRESS, "t/a");
	is_at("nft10", NFT_HOOK_INGRESS, "t/one");
	is_at("nft1", NFT_HOOK_EGRESS, "");
	is_at("nft", NFT_HOOK_INGRESS, "");
	is_at("", NFT_HOOK_INGRESS, "");
	if (!load("table netdev e { chain b { type filter hook egress devices = { nft1, nft0 } "
		  "priority 9; }; }; table inet i { chain c { type filter hook ingress device nft0 "
		  "priority 0; }; chain d { type filter hook input priority 0; }; }")) {
		print_message("# this nft or kernel has no egress hook, or none in the inet family\n");
		return;
	}
	look();
	assert_int_equal(n_hooks, 6);
	is_at("nft1", NFT_HOOK_EGRESS, "e/b");
	is_at("nft1", NFT_HOOK_INGRESS, "t/a");
	is_at("nft0", NFT_HOOK_EGRESS, "e/b");
	is_at("nft0", NFT_HOOK_INGRESS, "i/c");
	is_at("nft10", NFT_HOOK_EGRESS, "");
}

/* Kernels since 6.4 keep a chain whose devices are gone, and take one without any. */
static void without_device(void **state)
{
	(void)state;
	assert_true(load("table netdev w { }"));
	if (!load_chain(NULL)) {
		print_message("# this kernel has no chains without devices\n");
		return;
	}
	look();
	assert_int_equal(n_hooks, 1);
	assert_string_equal(hooks[0].ifname, "");
	assert_string_equal(hooks[0].name, "w/c");
	assert_false(hooks[0].prefix);
	is_at("nft0", NFT_HOOK_INGRESS, "");
	is_at("", NFT_HOOK_INGRESS, "");
}

/* One question for a host of many vNICs. The devices go with the namespace. */
static void many_hooks(void **state)
{
	enum { N = 1000, A_CHAIN = 250 /* NFT_NETDEVICE_MAX is 256 */, ROUNDS = 20 };
	_cleanup_free_ char *rules = calloc(N, 32);
	uint64_t best = UINT64_MAX;
	size_t len = (size_t)sprintf(rules, "table netdev t {");
	char name[IFNAMSIZ];

	(void)state;
	for (int i = 0; i < N; i++) {
		snprintf(name, sizeof(name), "many%d", i);
		assert_int_equal(link_add_ifb(r, name, "", 1, 0), 0);
		if (i % A_CHAIN == 0)
			len += (size_t)sprintf(rules + len, " chain c%d { type filter hook ingress "
					       "devices = { ", i / A_CHAIN);
		len += (size_t)sprintf(rules + len, "%s%s", name,
				       (i + 1) % A_CHAIN ? ", " : " } priority 0; }; ");
	}
	sprintf(rules + len, "}");
	commit_ok(r);
	assert_true(load(rules));
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t from = now_ns();

		look();
		best = now_ns() - from < best ? now_ns() - from : best;
	}
	assert_int_equal(n_hooks, N);
	is_at("many0", NFT_HOOK_INGRESS, "t/c0");
	is_at("many999", NFT_HOOK_INGRESS, "t/c3");
	is_at("many1000", NFT_HOOK_INGRESS, "");
	print_message("# nft_hooks() of %d hooks: %llu us\n", N, (unsigned long long)best / 1000);
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, forget)
	const struct CMUnitTest tests[] = {
		TEST(none), TEST(one_device), TEST(several_devices), TEST(wildcard), TEST(egress),
		TEST(inet_ingress), TEST(flowtable), TEST(many_chains), TEST(all_kinds),
		TEST(without_device), TEST(many_hooks),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	netns_enter();
	need_nft();
	return cmocka_run_group_tests_name("nft", tests, NULL, NULL);
}
