/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All send buffers of an IFB together, against what the kernel lets wait for it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "core/sizing.h"

#include <string.h>

#define MOST 64

static uint64_t packets_of(const struct sizing_buffer *list, size_t n)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += sizing_packets(list[i].sndbuf, list[i].queues);
	return sum;
}

/* Devices that are alike, of an uplink of this capacity. */
static void alike(struct sizing_buffer *list, size_t n, uint64_t mbit, uint32_t queues)
{
	struct sizing s;

	sizing_class(&sizing_host_default, (struct rate){ mbit * 125000 / n }, (struct rate){ mbit * 125000 }, 1, &s);
	for (size_t i = 0; i < n; i++)
		list[i] = (struct sizing_buffer){ s.sndbuf, s.own_sndbuf, queues };
}

static void packets(void **state)
{
	(void)state;
	assert_int_equal(sizing_packets(0, 4), 0);
	assert_int_equal(sizing_packets(1, 1), 1);
	assert_int_equal(sizing_packets(768, 1), 1); /* full */
	assert_int_equal(sizing_packets(769, 1), 2);
	assert_int_equal(sizing_packets(65536, 4), 4 * 86);
	assert_true(sizing_packets(INT32_MAX, UINT32_MAX) > UINT32_MAX);
}

static void as_they_are(const struct sizing_buffer *list, const struct sizing_buffer *before, size_t n)
{
	assert_memory_equal(list, before, n * sizeof(*list));
}

static void of_a_gigabit(void **state)
{
	struct sizing_buffer list[32], before[32];

	(void)state;
	alike(list, 16, 1000, 1);
	assert_true(packets_of(list, 16) > 1000);
	sizing_bound(list, 16, 1000);
	assert_in_range(packets_of(list, 16), 1000 - 16, 1000);
	assert_true(list[0].sndbuf > 44 * 1024); /* what is left of 64 KiB */
	alike(list, 32, 1000, 1);
	assert_true(packets_of(list, 32) > 1000);
	sizing_bound(list, 32, 1000);
	assert_in_range(packets_of(list, 32), 1000 - 32, 1000);
	/* Enough already, and too much for any. */
	alike(list, 8, 1000, 1);
	memcpy(before, list, sizeof(list));
	sizing_bound(list, 8, 1000);
	as_they_are(list, before, 8);
	alike(list, 32, 10000, 1);
	memcpy(before, list, sizeof(list));
	sizing_bound(list, 32, 1000);
	as_they_are(list, before, 32);
	/* Each queue has as much. */
	alike(list, 16, 1000, 4);
	memcpy(before, list, sizeof(list));
	sizing_bound(list, 16, 1000);
	as_they_are(list, before, 16);
	sizing_bound(list, 16, 4000);
	assert_in_range(packets_of(list, 16), 4000 - 64, 4000);
	sizing_bound(NULL, 0, 1000);
}

static uint64_t seed = 1;

static uint32_t below(uint32_t n)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL; /* Knuth, MMIX */
	return (uint32_t)((seed >> 33) % n);
}

static void any(void **state)
{
	unsigned int bounded = 0;

	(void)state;
	for (int k = 0; k < 20000; k++) {
		struct sizing_buffer list[MOST], before[MOST];
		size_t n = below(MOST);
		uint64_t limit = below(1 << (8 + below(16))), own = 0;

		for (size_t i = 0; i < n; i++) {
			struct sizing_buffer *b = &list[i];

			b->queues = 1 + below(4);
			b->own = 1 + below(1 << (8 + below(18)));
			b->sndbuf = b->own + below(1 << (8 + below(18)));
			if (below(8) == 0)
				*b = (struct sizing_buffer){ 0 }; /* not held back */
			own += sizing_packets(b->own, b->queues);
		}
		memcpy(before, list, n * sizeof(*list));
		sizing_bound(list, n, limit);
		if (packets_of(before, n) <= limit || own > limit) {
			as_they_are(list, before, n);
			continue;
		}
		bounded++;
		assert_true(packets_of(list, n) <= limit);
		for (size_t i = 0; i < n; i++)
			assert_in_range(list[i].sndbuf, before[i].own, before[i].sndbuf);
	}
	assert_true(bounded > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets),
		cmocka_unit_test(of_a_gigabit),
		cmocka_unit_test(any),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
