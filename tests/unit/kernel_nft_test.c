/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rule sets are loaded with nft(8), the program that administrators load theirs with. */
#include "netns.h"

#include "kernel/net/nft.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <spawn.h>
#include <sys/wait.h>

extern char **environ;

static struct rtnl *r;

/* Load rules; whether nft took them. Its complaints go to standard error only where they matter. */
static bool load(const char *rules)
{
	char program[] = "nft", *text = strdup(rules), *argv[] = { program, text, NULL };
	posix_spawn_file_actions_t fa;
	int status = -1;
	pid_t pid;

	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_addopen(&fa, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	if (posix_spawnp(&pid, "nft", &fa, NULL, argv, environ) == 0)
		assert_int_equal(waitpid(pid, &status, 0), pid);
	posix_spawn_file_actions_destroy(&fa);
	free(text);
	return status == 0;
}

static int setup(void **state)
{
	(void)state;
	assert_int_equal(rtnl_open(&r), 0);
	add_veth(r, "nft0", "nft1");
	add_veth(r, "nft10", "other0");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	load("flush ruleset");
	link_del(r, ifindex_of(r, "nft0"), 0);
	link_del(r, ifindex_of(r, "nft10"), 0);
	commit_ok(r);
	r = rtnl_close(r);
	return 0;
}

static void expect(const char *ifname, const char *want)
{
	char name[64] = "?";

	assert_int_equal(nft_ingress_chain(ifname, name, sizeof(name)), 0);
	assert_string_equal(name, want);
}

static void none(void **state)
{
	(void)state;
	expect("nft0", "");
	expect("absent0", "");
	assert_true(load("table inet filter { chain input { type filter hook input priority 0; }; }"));
	expect("nft0", "");
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
 * What no nft(8) of Debian 12 can say: a chain "w/c" on all devices whose name starts so. Whether the
 * kernel took it.
 */
static bool load_wildcard(const char *prefix)
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
	devs = mnl_attr_nest_start(nlh, NFTA_HOOK_DEVS);
	mnl_attr_put_strz(nlh, 2, prefix); /* NFTA_DEVICE_PREFIX, which Debian 12's header lacks */
	mnl_attr_nest_end(nlh, devs);
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
	assert_true(load("table netdev w { }"));
	if (!load_wildcard("nft1")) {
		print_message("# this kernel has no hooks on prefixes of names\n");
		return;
	}
	expect("nft1", "w/c");
	expect("nft10", "w/c");
	expect("nft0", "");
}

/* At egress of the vNIC: towards the guest, which divvy leaves alone. */
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

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(none), TEST(one_device), TEST(several_devices), TEST(wildcard), TEST(egress),
		TEST(inet_ingress), TEST(flowtable), TEST(many_chains),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	netns_enter();
	if (!load("list ruleset"))
		skip_all("nft list ruleset", ENOENT);
	return cmocka_run_group_tests_name("nft", tests, NULL, NULL);
}
