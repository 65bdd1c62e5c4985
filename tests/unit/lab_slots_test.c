/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The grid of CPU slots, divvyd's account of CPU time, and schedules' texts. */

#include "lab/probes/slots.h"
#include "lab/probes/cpu.h"
#include "lab/scenario/schedule.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const pid_t pids[] = { 7, 9 };

/* Out of order, of another process, begun before the window, ended after it, without length. */
#define TURNS                                                                                               \
	"{\"version\":1,\"turns\":[{\"pid\":7,\"start_ns\":300,\"end_ns\":400},"                            \
	"{\"pid\":7,\"start_ns\":100,\"end_ns\":200},{\"pid\":9,\"start_ns\":200,\"end_ns\":300},"          \
	"{\"pid\":8,\"start_ns\":200,\"end_ns\":300},{\"pid\":9,\"start_ns\":50,\"end_ns\":150},"           \
	"{\"pid\":9,\"start_ns\":900,\"end_ns\":1001},{\"pid\":9,\"start_ns\":500,\"end_ns\":500}]}"

static void test_parse(void **state)
{
	(void)state;
	struct slots s;

	assert_int_equal(slots_parse(TURNS, pids, 2, (struct window){ 100, 1000 }, &s), 0);
	assert_int_equal(s.n[0], 2);
	assert_int_equal(s.turn[0][0].from_ns, 100);
	assert_int_equal(s.turn[0][0].to_ns, 200);
	assert_int_equal(s.turn[0][1].from_ns, 300);
	assert_int_equal(s.n[1], 1);
	assert_int_equal(s.turn[1][0].from_ns, 200);
	assert_int_equal(slots_longest_pause(&s, 0), 100);
	assert_int_equal(slots_longest_pause(&s, 1), 0);
	assert_false(slots_empty(&s, 2));
	slots_free(&s);
	assert_int_equal(slots_parse("{}", pids, 2, (struct window){ 0, 1 }, &s), -EBADMSG);
	assert_int_equal(slots_parse("nonsense", pids, 2, (struct window){ 0, 1 }, &s), -EBADMSG);
}

static void test_shift(void **state)
{
	(void)state;
	struct slots s, back, forth;

	assert_int_equal(slots_parse(TURNS, pids, 2, (struct window){ 100, 1000 }, &s), 0);
	assert_int_equal(slots_shift(&s, 2, 100, 20, 220, &back), 0);
	assert_int_equal(back.n[0], 1); /* the second would end at 320 */
	assert_int_equal(back.turn[0][0].from_ns, 20);
	assert_int_equal(back.turn[0][0].to_ns, 120);
	assert_int_equal(back.n[1], 1);
	assert_int_equal(back.turn[1][0].to_ns, 220);
	assert_int_equal(slots_shift(&s, 2, 100, 5100, 9999, &forth), 0);
	assert_int_equal(forth.n[0], 2);
	assert_int_equal(forth.turn[0][1].from_ns, 5300);
	slots_free(&s);
	slots_free(&back);
	slots_free(&forth);
	assert_true(slots_empty(&s, 2));
}

#define STATUS                                                                                                         \
	"{\"schedule\":{\"scheduler_cpu_ns\":5,\"decisions\":6,\"late_slots\":7,\"skipped_slots\":8,\"late_max_ms\":1.5,"  \
	"\"realtime\":true},\"uplinks\":[{\"devices\":[{\"name\":\"b\",\"cpu\":{\"used_ns\":20,\"entitled_ns\":30,"       \
	"\"pauses\":4}},{\"name\":\"a\",\"cpu\":null}]}]}"

static void test_reading(void **state)
{
	(void)state;
	const char *const names[] = { "a", "b" };
	struct cpu_reading c = { .decisions = 99 };

	assert_int_equal(cpu_reading_parse("{\"schedule\":null,\"uplinks\":[]}", names, 2, &c), -ENODATA);
	assert_int_equal(cpu_reading_parse("{}", names, 2, &c), -EBADMSG);
	assert_int_equal(c.decisions, 99);
	assert_int_equal(cpu_reading_parse(STATUS, names, 2, &c), 0);
	assert_true(c.there && c.realtime);
	assert_false(c.vm[0].member);
	assert_true(c.vm[1].member);
	assert_int_equal(c.vm[1].used_ns, 20);
	assert_int_equal(c.vm[1].entitled_ns, 30);
	assert_int_equal(c.vm[1].pauses, 4);
	assert_int_equal(c.scheduler_ns, 5);
	assert_int_equal(c.decisions, 6);
	assert_int_equal(c.late_slots, 7);
	assert_int_equal(c.skipped_slots, 8);
}

static void test_override(void **state)
{
	(void)state;
	static const struct {
		const char *text, *over, *want; /* want NULL: refused */
	} cases[] = {
		{ "{resource: cpu, policy: paper}", "policy: adrr, lanes: 2, gate: quota",
		  "{resource: cpu, policy: adrr, lanes: 2, gate: quota}" },
		{ NULL, "lanes: 2", "{resource: cpu, lanes: 2}" },
		{ "{ resource: cpu,lanes: 2 }", "{slot: 5ms}", "{resource: cpu, lanes: 2, slot: 5ms}" },
		{ "{a: 1}", "a:2,b:3", "{a: 2, b: 3}" },
		{ "{resource: cpu}", "", "{resource: cpu}" },
		{ "{resource: cpu}", "policy", NULL },
		{ "{resource: cpu}", "policy: ", NULL },
		{ "{resource: cpu}", ": x", NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *got = NULL;
		int r = schedule_override(cases[i].text, cases[i].over, &got);

		if (cases[i].want) {
			assert_int_equal(r, 0);
			assert_string_equal(got, cases[i].want);
		} else {
			assert_int_equal(r, -EINVAL);
			assert_null(got);
		}
		free(got);
	}
}

static void test_value(void **state)
{
	(void)state;
	char v[8] = "before";

	assert_false(schedule_value(NULL, "lanes", v, sizeof(v)));
	assert_false(schedule_value("{resource: cpu, policy: smooth}", "lanes", v, sizeof(v)));
	assert_false(schedule_value("{lanes: 123456789}", "lanes", v, sizeof(v)));
	assert_string_equal(v, "before");
	assert_true(schedule_value("{resource: cpu, lanes: 2}", "lanes", v, sizeof(v)));
	assert_string_equal(v, "2");
	assert_true(schedule_value("{lanes: 2, slots: 9}", "slots", v, sizeof(v)));
	assert_string_equal(v, "9");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),	 cmocka_unit_test(test_shift), cmocka_unit_test(test_reading),
		cmocka_unit_test(test_override), cmocka_unit_test(test_value),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
