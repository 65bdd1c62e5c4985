/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What the peers compute. */

#include "base/cleanup.h"
#include "lab/run/scheduling.h"
#include "lab/schedulers/peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void fill(struct scenario *s, struct scenario_phase *p, uint64_t capacity_bits, size_t n,
		 const uint32_t *shares)
{
	*s = (struct scenario){ .capacity = { capacity_bits / 8 }, .n_vms = n, .n_guests = n };
	*p = (struct scenario_phase){ .seconds = 8 };
	for (size_t i = 0; i < n; i++)
		p->shares[i].weight = shares[i];
}

static void test_rates(void **state)
{
	(void)state;
	struct scenario s;
	struct scenario_phase p;

	fill(&s, &p, 99500000, 2, (const uint32_t[]){ 60, 40 });
	assert_int_equal(peer_rate(&s, &p, 0).bytes_ps, 99500000 / 8 * 6 / 10);
	assert_int_equal(peer_rate(&s, &p, 1).bytes_ps, 99500000 / 8 * 4 / 10);
	/* Never more than the capacity in all. */
	fill(&s, &p, 100000000, 3, (const uint32_t[]){ 1, 1, 1 });
	assert_int_equal(3 * peer_rate(&s, &p, 2).bytes_ps, 12499998);
}

static void test_htb_tuned(void **state)
{
	(void)state;
	struct scenario s;
	struct scenario_phase p;
	struct htb_tuned t[8];

	fill(&s, &p, 100000000, 8, (const uint32_t[]){ 8, 7, 6, 5, 4, 3, 2, 1 });
	for (size_t i = 0; i < 8; i++) {
		htb_tuned_plan(&s, &p, i, &t[i]);
		/* In the shares' proportions, the least is one GSO packet with its header. */
		assert_int_equal(t[i].quantum, (8 - i) * 65550);
		assert_int_equal(t[i].cburst, 125000); /* 10 ms */
		assert_true(t[i].burst >= 3028);
		assert_in_range(t[i].limit, 20, 1000);
	}
	assert_int_equal(t[0].burst, 12500000 * 8 / 36 / 100);
	assert_int_equal(t[0].limit, 20);

	fill(&s, &p, 1000000, 2, (const uint32_t[]){ 60, 40 });
	htb_tuned_plan(&s, &p, 0, &t[0]);
	htb_tuned_plan(&s, &p, 1, &t[1]);
	assert_int_equal(t[0].quantum * 2, t[1].quantum * 3);
	assert_int_equal(t[0].burst, 3028);
	assert_int_equal(t[1].limit, 20);

	fill(&s, &p, 99500000, 2, (const uint32_t[]){ 60, 40 });
	htb_tuned_plan(&s, &p, 0, &t[0]);
	assert_int_equal(t[0].limit, 7462500 / 100 / 1514);

	/* What the kernel keeps is an int. */
	fill(&s, &p, 100000000, 2, (const uint32_t[]){ SHARE_MAX, 1 });
	htb_tuned_plan(&s, &p, 0, &t[0]);
	assert_true(t[0].quantum <= 0x7fffffff);
}

static void test_cni(void **state)
{
	(void)state;
	struct cni_tbf t;

	cni_plan((struct rate){ 7500000 }, &t); /* 60 Mbit/s */
	assert_int_equal(t.rate_bits, 60000000);
	assert_int_equal(t.burst, 75000);
	assert_int_equal(t.burst_bits, 600000);
	/* limit() of ifb_creator.go: rate * latency / 10^6 µs + burst */
	assert_int_equal(t.limit, 187500 + 75000);

	cni_plan((struct rate){ 125001 }, &t);
	assert_int_equal(t.burst, 16 * 1514);
	assert_int_equal(t.limit, 3125 + 16 * 1514);
}

static void test_police(void **state)
{
	(void)state;

	assert_int_equal(libvirt_average((struct rate){ 7462500 }), 7462);
	/* 7.117 of what it calls MB/s: int(7.117 * 1024 * 1024) */
	assert_int_equal(proxmox_rate((struct rate){ 7462500 }), 7462715);
	assert_int_equal(proxmox_rate((struct rate){ 10485760 }), 10485760);
}

static void test_weights(void **state)
{
	(void)state;
	const struct share shares[] = { { 60 }, { 40 } }, odd[] = { { 1 }, { 1 }, { SHARE_MAX } };

	assert_int_equal(cpu_weight_v2(shares, 2, 0), 120);
	assert_int_equal(cpu_weight_v2(shares, 2, 1), 80);
	assert_int_equal(cpu_shares_v1(shares, 2, 0), 1229);
	assert_int_equal(cpu_shares_v1(shares, 2, 1), 819);
	assert_int_equal(cpu_weight_v2(odd, 3, 0), 1);
	assert_int_equal(cpu_shares_v1(odd, 3, 1), 2);
	assert_in_range(cpu_weight_v2(odd, 3, 2), 2, 10000);
}

static void test_quotas(void **state)
{
	(void)state;
	const struct share shares[] = { { 60 }, { 40 } }, three[] = { { 50 }, { 30 }, { 20 } };
	const struct share tiny[] = { { SHARE_MAX }, { 1 } };

	/* Two VMs of one vCPU each, on two processors and on sixteen: two is what they can use. */
	assert_int_equal(cpu_quota_us(shares, 2, 0, 2, 2), 120000);
	assert_int_equal(cpu_quota_us(shares, 2, 1, 2, 16), 80000);
	/* Three on two. */
	assert_int_equal(cpu_quota_us(three, 3, 0, 3, 2), 100000);
	assert_int_equal(cpu_quota_us(three, 3, 2, 3, 2), 40000);
	assert_int_equal(cpu_quota_us(shares, 2, 0, 2, 1), 60000);
	assert_int_equal(cpu_quota_us(tiny, 2, 1, 2, 2), 1000);
}

static void test_none_is_possible(void **state)
{
	(void)state;
	char why[200] = "untouched";

	assert_true(scheduling_possible(SCHEDULER_NONE, why, sizeof(why)));
	assert_true(scheduling_possible(SCHEDULER_DIVVY, why, sizeof(why)));
	assert_string_equal(why, "untouched");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rates),	 cmocka_unit_test(test_htb_tuned), cmocka_unit_test(test_cni),
		cmocka_unit_test(test_police),	 cmocka_unit_test(test_weights),   cmocka_unit_test(test_quotas),
		cmocka_unit_test(test_none_is_possible),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
