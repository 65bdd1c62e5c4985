/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rule sets are loaded with nft(8), the program that administrators load theirs with. */
#include "netns.h"

#include "kernel/nft.h"

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
	assert_true(load("table netdev guard { chain in { type filter hook ingress device nft0 priority 0; }; }"));
	expect("nft0", "guard/in");
	expect("nft1", "");
	expect("nft10", ""); /* of which the other is a prefix */
	assert_int_equal(nft_ingress_chain("nft0", name, sizeof(name)), 0);
	assert_string_equal(name, "guard");
}

static void several_devices(void **state)
{
	(void)state;
	assert_true(load("table netdev t { chain plain { }; "
			 "chain c { type filter hook ingress devices = { nft0, other0 } priority -500; }; }"));
	expect("nft0", "t/c");
	expect("other0", "t/c");
	expect("nft1", "");
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
		TEST(none), TEST(one_device), TEST(several_devices), TEST(egress),
		TEST(inet_ingress), TEST(flowtable), TEST(many_chains),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	netns_enter();
	if (!load("list ruleset"))
		skip_all("nft list ruleset", ENOENT);
	return cmocka_run_group_tests_name("nft", tests, NULL, NULL);
}
