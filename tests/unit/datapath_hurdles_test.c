/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nft's hooks of a real ruleset, as hurdles of the host's links. */
#include "datapath/hurdles.h"
#include "datapath/inventory.h"
#include "nft_rig.h"

static struct host host;
static struct hurdle_list hurdles;

static int refresh(void)
{
	hurdle_list_free(&hurdles);
	assert_int_equal(inventory_links(&host, r), 0);
	assert_int_equal(hurdles_read(&host, &hurdles), 0);
	return (int)hurdles.n;
}

static void expect(size_t i, const char *device, enum nft_hook_kind kind, const char *chain)
{
	assert_true(i < hurdles.n);
	assert_string_equal(hurdles.list[i].device, device);
	assert_int_equal(hurdles.list[i].ifindex, ifindex_of(r, device));
	assert_int_equal(hurdles.list[i].kind, kind);
	assert_string_equal(hurdles.list[i].chain, chain);
	assert_int_equal(i < hurdles.n_ingress, kind == NFT_HOOK_INGRESS);
}

static void none(void **state)
{
	(void)state;
	assert_int_equal(refresh(), 0);
	assert_int_equal(hurdles.error, 0);
	assert_false(hurdles.egress);
	assert_true(load("table inet filter { chain input { type filter hook input priority 0; }; }"));
	assert_int_equal(refresh(), 0);
}

static void both_kinds(void **state)
{
	(void)state;
	assert_true(load("table netdev fw { chain out { type filter hook egress device nft1 priority 0; }; "
			 "chain in { type filter hook ingress device nft0 priority 0; }; "
			 "chain lo { type filter hook ingress device lo priority 0; }; }"));
	assert_int_equal(refresh(), 2); /* lo is no vNIC */
	expect(0, "nft0", NFT_HOOK_INGRESS, "fw/in");
	expect(1, "nft1", NFT_HOOK_EGRESS, "fw/out");
	assert_true(hurdles.egress);
}

static void sorted(void **state)
{
	(void)state;
	assert_true(load("table netdev fw { chain in { type filter hook ingress "
			 "devices = { other0, nft1, nft10, nft0 } priority 0; }; }"));
	assert_int_equal(refresh(), 4);
	for (size_t i = 1; i < hurdles.n; i++)
		assert_true(hurdles.list[i - 1].ifindex < hurdles.list[i].ifindex);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(none, setup, teardown),
		cmocka_unit_test_setup_teardown(both_kinds, setup, teardown),
		cmocka_unit_test_setup_teardown(sorted, setup, teardown),
	};

	netns_enter();
	need_nft();
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
