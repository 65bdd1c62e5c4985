/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packets sent where the kernel's count is short. */
#include "datapath/sentcount.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka.h needs those above. */
#include <cmocka.h>

#define SEGMENT 1502 /* of TCP, headers included: so many bytes each count in both */

/* A vNIC that has offered so many segments, of which some wait, and whose kernel counts none. */
static struct sent_reading reading(uint64_t offered, uint64_t waiting, uint64_t dropped)
{
	return (struct sent_reading){ .key = 7,
				      .class_bytes = (offered - waiting - dropped) * SEGMENT,
				      .waiting_bytes = waiting * SEGMENT,
				      .dropped_packets = dropped,
				      .offered_bytes = offered * SEGMENT,
				      .offered_packets = offered };
}

static void test_segments_are_counted(void **state)
{
	struct sent_reading r = reading(1400, 0, 0);

	(void)state;
	assert_int_equal(sentcount_estimate(&r), 1400);
	r = reading(1400, 28, 0);
	assert_int_equal(sentcount_estimate(&r), 1372);
	r = reading(1400, 28, 14);
	assert_int_equal(sentcount_estimate(&r), 1358);
}

static void test_a_part_of_a_packet_waits(void **state)
{
	struct sent_reading r = reading(1400, 0, 0);

	(void)state;
	r.waiting_bytes = 1;
	assert_int_equal(sentcount_estimate(&r), 1399);
}

static void test_kernel_that_counts(void **state)
{
	struct sent_reading r = reading(1400, 28, 0);

	(void)state;
	r.class_packets = 1372;
	assert_int_equal(sentcount_estimate(&r), 1372);
	/* Most of it was sent before this divvyd was there. */
	r.class_packets = 100000;
	assert_int_equal(sentcount_estimate(&r), 100000);
}

static void test_nothing_was_read(void **state)
{
	struct sent_reading r = { .key = 7 };

	(void)state;
	assert_int_equal(sentcount_estimate(&r), 0);
	/* The classifier was asked before the first packet, the class after it. */
	r.waiting_bytes = SEGMENT;
	assert_int_equal(sentcount_estimate(&r), 0);
	r.dropped_packets = 3;
	assert_int_equal(sentcount_estimate(&r), 0);
}

static void test_largest_numbers(void **state)
{
	struct sent_reading r = { .offered_bytes = UINT64_MAX,
				  .offered_packets = UINT64_MAX / 1000,
				  .waiting_bytes = 1000000000 };

	(void)state;
	assert_int_equal(sentcount_estimate(&r), UINT64_MAX / 1000 - 1000000);
}

static void test_never_falls(void **state)
{
	struct sentcount c = { 0 };
	struct sent_reading r = reading(1000, 10, 0);
	uint64_t packets;

	(void)state;
	assert_int_equal(sentcount_update(&c, &r, 1, &packets), 0);
	assert_int_equal(packets, 990);
	/* A burst has come between the two readings that one of them does not know. */
	r.waiting_bytes = 30ULL * SEGMENT;
	assert_int_equal(sentcount_update(&c, &r, 1, &packets), 0);
	assert_int_equal(packets, 990);
	r = reading(1040, 0, 0);
	assert_int_equal(sentcount_update(&c, &r, 1, &packets), 0);
	assert_int_equal(packets, 1040);
	sentcount_free(&c);
}

static void test_class_made_anew(void **state)
{
	struct sentcount c = { 0 };
	struct sent_reading r = reading(1000, 0, 0);
	uint64_t packets;

	(void)state;
	assert_int_equal(sentcount_update(&c, &r, 1, &packets), 0);
	r = reading(14, 0, 0);
	assert_int_equal(sentcount_update(&c, &r, 1, &packets), 0);
	assert_int_equal(packets, 14);
	sentcount_free(&c);
}

static void test_many_in_any_order(void **state)
{
	struct sentcount c = { 0 };
	struct sent_reading r[3] = { reading(30, 0, 0), reading(10, 0, 0), reading(20, 0, 0) };
	uint64_t packets[3];

	(void)state;
	for (uint32_t i = 0; i < 3; i++)
		r[i].key = 30 - 10 * i;
	assert_int_equal(sentcount_update(&c, r, 3, packets), 0);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(packets[i], r[i].offered_packets);
		r[i].waiting_bytes = r[i].offered_bytes; /* none would have been sent */
	}
	assert_int_equal(sentcount_update(&c, r, 3, packets), 0);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(packets[i], r[i].offered_packets);
	assert_int_equal(sentcount_update(&c, r, 0, packets), 0);
	assert_int_equal(c.n, 0);
	sentcount_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_segments_are_counted),
		cmocka_unit_test(test_a_part_of_a_packet_waits),
		cmocka_unit_test(test_kernel_that_counts),
		cmocka_unit_test(test_nothing_was_read),
		cmocka_unit_test(test_largest_numbers),
		cmocka_unit_test(test_never_falls),
		cmocka_unit_test(test_class_made_anew),
		cmocka_unit_test(test_many_in_any_order),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("datapath/sentcount", tests, NULL, NULL);
}
