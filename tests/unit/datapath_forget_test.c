/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Of a vNIC that is gone nothing stays in the classifier's maps, whatever was known of it: they have room for 65,536. */

#include "datapath/dataplane.h"

#include "base/cleanup.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define TAP 1000000U /* no interface has these numbers here */
#define OTHER 1000001U

static int set_up(void **state)
{
	struct dataplane *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	*state = p;
	assert_int_equal(classifier_open(&p->classifier, NULL, 0), 0);
	for (uint32_t i = TAP; i <= OTHER; i++) {
		assert_int_equal(classifier_set(p->classifier, i, (struct divvy_device){ .ifb = 1, .minor = 2 }), 0);
		assert_int_equal(classifier_set(p->classifier, i | DIVVY_RX, (struct divvy_device){ .ifb = 1, .minor = 2 }), 0);
	}
	return 0;
}

static int tear_down(void **state)
{
	struct dataplane *p = *state;

	classifier_close(p->classifier);
	free(p);
	return 0;
}

static bool is_known(struct dataplane *p, uint32_t key)
{
	struct divvy_counters c;
	bool counted = classifier_read(p->classifier, key, &c) != -ENOENT;

	assert_int_equal(classifier_await(p->classifier, key) != -ENOENT, counted);
	return counted;
}

static void check_gone(struct dataplane *p)
{
	assert_false(is_known(p, TAP));
	assert_false(is_known(p, TAP | DIVVY_RX));
	assert_true(is_known(p, OTHER));
	assert_true(is_known(p, OTHER | DIVVY_RX));
}

/* libvirt removes the qdisc of a VM's tap, which takes divvy's filter along, and then the tap. */
static void without_filter(void **state)
{
	dataplane_forget(*state, TAP);
	check_gone(*state);
}

static void events_were_lost(void **state)
{
	struct link links[] = { { .ifindex = OTHER, .name = "tap1" } };
	const struct host h = { .links = links, .n_links = 1 };

	dataplane_forget_gone(*state, &h);
	check_gone(*state);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(without_filter, set_up, tear_down),
		cmocka_unit_test_setup_teardown(events_were_lost, set_up, tear_down),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
