/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What `set` makes of a model: several changes, all of them or none, and what it says of those that it refuses. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "daemon/control/setting.h"

#include "base/cleanup.h"

#include <errno.h>
#include <string.h>

#define TEXT                                                                                 \
	"uplinks:\n"                                                                         \
	"- name: eno1\n"                                                                     \
	"  capacity: 100mbit\n"                                                              \
	"  networks:\n"                                                                      \
	"  - name: tenant-a\n"                                                               \
	"    networks:\n"                                                                    \
	"    - name: front\n"                                                                \
	"      devices:\n"                                                                   \
	"      - {name: web, nic: tap0, share: 60}\n"                                        \
	"      - {name: v1.2, nic: tap1}\n"                                                  \
	"  - name: tenant-b\n"                                                               \
	"    devices:\n"                                                                     \
	"    - {name: web, nic: tap2}\n"                                                     \
	"    - {name: db, nic: tap3, limit: 20mbit, burst: 64kb}\n"

static void parse(struct model *m)
{
	struct spec_error err = { 0 };

	if (spec_parse(TEXT, strlen(TEXT), m, &err) < 0)
		fail_msg("%u: %s", err.line, err.text);
}

/* words: NULL: it is done. Else it is refused with them. */
static void change(const char *args, const char *words, struct model *m)
{
	json_auto_t *j = json_loads(args, 0, NULL);
	struct spec_error err = { 0 };
	struct plan running = { 0 };
	int r;

	assert_non_null(j);
	parse(m);
	r = setting_change(&running, j, m, &err);
	if (words)
		assert_int_equal(r, -EINVAL);
	if ((r < 0) != !!words || (words && !strstr(err.text, words)))
		fail_msg("%s: %s", args, err.text);
	assert_int_equal(err.line, 0);
}

static void changes_all(void **state)
{
	_cleanup_(model_free) struct model m = { 0 };

	(void)state;
	change("{\"shares\":{\"front/web\":7,\"tenant-b\":3},\"nodes\":{\"db\":{\"limit\":\"none\",\"burst\":\"none\","
	       "\"reserve\":\"10mbit\"},\"tenant-a\":{\"limit\":\"50mbit\",\"reserve\":\"5mbit\",\"share\":\"9\"},"
	       "\"v1.2\":{\"burst\":\"8kb\"},\"eno1\":{\"capacity\":\"80mbit\"}},\"schedule\":{\"slots\":\"7\"}}",
	       NULL, &m);
	assert_int_equal(m.nodes[0].limit.bytes_ps, 10000000);
	assert_true(m.nodes[1].limit.bytes_ps == 6250000 && m.nodes[1].reserve.bytes_ps == 625000);
	assert_int_equal(m.nodes[1].share.weight, 9);
	assert_int_equal(m.nodes[3].share.weight, 7);
	assert_int_equal(m.nodes[4].burst, 8192);
	assert_int_equal(m.nodes[5].share.weight, 3);
	assert_true(rate_is_unlimited(m.nodes[7].limit) && !m.nodes[7].burst);
	assert_int_equal(m.nodes[7].reserve.bytes_ps, 1250000);
	assert_int_equal(m.schedule.slots, 7);
}

/* A capacity is a rate or a part of a speed, whichever was said last. */
static void capacity_of_link(void **state)
{
	_cleanup_(model_free) struct model m = { 0 };
	struct spec_error err = { 0 };

	(void)state;
	change("{\"nodes\":{\"eno1\":{\"capacity\":\"95% of link\"}}}", NULL, &m);
	assert_true(rate_is_unlimited(m.nodes[0].limit) && m.nodes[0].of_link.ppm == 950000);
	assert_int_equal(spec_set_node(&m.nodes[0], "capacity", "1gbit", &err), 0);
	assert_true(m.nodes[0].limit.bytes_ps == 125000000 && m.nodes[0].of_link.ppm == 0);
}

static void refuses(void **state)
{
	static const struct {
		const char *args, *words;
	} rows[] = {
		{ "{}", "expected at least one NAME=SHARE" },
		{ "{\"nodes\":{}}", "expected at least one NAME=SHARE" },
		{ "{\"shares\":{\"web\":3}}", "\"web\" is there several times: write network/name" },
		{ "{\"nodes\":{\"wbe\":{\"limit\":\"1mbit\"}}}", "no device or network \"wbe\"; did you mean" },
		{ "{\"nodes\":{\"db\":{\"limit\":\"50\"}}}", "db: limit: \"50\": no unit; write 50mbit" },
		{ "{\"nodes\":{\"db\":{\"limit\":7}}}", "db: limit: a rate is missing" },
		{ "{\"nodes\":{\"db\":{\"resrve\":\"5mbit\"}}}",
		  "db: \"resrve\" of a device cannot be set; expected share, reserve, limit, burst or rx" },
		{ "{\"nodes\":{\"db\":{\"name\":\"x\"}}}", "\"name\" of a device cannot be set" },
		{ "{\"nodes\":{\"db\":{\"limit\":\"200mbit\"}}}", "limit 200mbit, expected 8kbit to 100mbit" },
		{ "{\"nodes\":{\"eno1\":{\"reserve\":\"5mbit\"}}}",
		  "eno1: \"reserve\" of an uplink cannot be set; expected capacity, burst or rx_capacity" },
		{ "{\"nodes\":{\"eno1\":{\"capacity\":\"10mbit\"}}}", "device \"tenant-b/db\": limit 20mbit" },
		{ "{\"shares\":{\"eno1\":3}}", "\"eno1\" is an uplink, which has no share" },
		{ "{\"shares\":{\"db\":0}}", "db: share out of range, expected a whole number from 1 to 1000000" },
		{ "{\"shares\":{\"slots\":3}}", "written schedule.slots=VALUE" },
		{ "{\"schedule\":{\"slots\":\"0\"}}", "schedule.slots: \"0\"" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_(model_free) struct model m = { 0 };

		change(rows[i].args, rows[i].words, &m);
	}
}

/* The schedule counts for what a device may be: what runs has to be read again at the next start. */
static void schedule_is_checked(void **state)
{
	static const char text[] = "uplinks: [{name: eno1, capacity: 100mbit, devices: [{name: w, vm: \"w*\", as: one}]}]\n";
	json_auto_t *args = json_loads("{\"schedule\":{\"resource\":\"cpu\"}}", 0, NULL);
	_cleanup_(model_free) struct model m = { 0 };
	struct spec_error err = { 0 };
	struct plan running = { 0 };

	(void)state;
	assert_int_equal(spec_parse(text, strlen(text), &m, &err), 0);
	assert_int_equal(setting_change(&running, args, &m, &err), -EINVAL);
	assert_non_null(strstr(err.text, "CPU slots are a VM's own: expected as: each"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes_all),
		cmocka_unit_test(capacity_of_link),
		cmocka_unit_test(refuses),
		cmocka_unit_test(schedule_is_checked),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
