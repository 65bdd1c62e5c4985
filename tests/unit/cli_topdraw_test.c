/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `divvy top` without a terminal: its lines, bars and numbers. */
#include "top_rig.h"

#include "cli/bars.h"
#include "cli/shorten.h"
#include "cli/topdraw.h"
#include "cli/topview.h"

#include <locale.h>
#include <math.h>

static void test_bars(void **state)
{
	char bar[BARS_SIZE];
	const float values[] = { NAN, NAN, 0, 1, 8, 8 };

	(void)state;
	bars_bar(50, 75, 100, 8, false, bar);
	assert_string_equal(bar, "████░░  ");
	bars_bar(56.25, 75, 100, 8, false, bar);
	assert_string_equal(bar, "████▌░  ");
	bars_bar(75, 50, 100, 8, false, bar);
	assert_string_equal(bar, "████▒▒  ");
	bars_bar(75, 50, 100, 8, true, bar);
	assert_string_equal(bar, "####++  ");
	bars_bar(50, 75, 100, 8, true, bar);
	assert_string_equal(bar, "####..  ");
	bars_bar(NAN, NAN, 0, 4, false, bar);
	assert_string_equal(bar, "    ");
	bars_bar(NAN, 50, 100, 4, false, bar);
	assert_string_equal(bar, "░░  ");
	bars_bar(1e30, 1e30, 1, 4, false, bar);
	assert_string_equal(bar, "████");
	bars_spark(values, 6, 8, 6, false, bar);
	assert_string_equal(bar, "   ▁██");
	bars_spark(values, 6, 800, 3, false, bar);
	assert_string_equal(bar, " ▁▁");
	bars_spark(values, 6, 8, 12, false, bar);
	assert_int_equal(shorten_width(bar), 12);
}

static void test_numbers(void **state)
{
	static const struct {
		double v;
		const char *text;
	} cases[] = {
		{ 0, "0" },	      { 999, "999" },	    { 1000, "1.00k" },	  { 9994, "9.99k" },   { 9996, "10.0k" },
		{ 99949, "99.9k" },   { 99950, "100k" },    { 999499, "999k" },	  { 999500, "1.00M" }, { 12345678, "12.3M" },
		{ 1e11, "100G" },     { NAN, "-" }, { -5, "0" },
	};
	char out[BARS_NUMBER_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(bars_rate(cases[i].v, out), cases[i].text);
	assert_string_equal(bars_count(999999, out), "999999");
	assert_string_equal(bars_count(1e6, out), "1.00M");
}

static void line(struct topdraw *d, uint32_t row, const char *expected)
{
	struct strip s;

	topdraw_row(d, row, false, &s);
	assert_string_equal(s.text, expected);
}

static void test_lines(void **state)
{
	struct top_rows r = read_first(TREE);
	struct topview v = { 0 };
	struct topdraw d = { .rows = &r, .view = &v, .columns = 80, .directions = { true, true } };
	struct strip s;

	(void)state;
	topview_arrange(&v, &r, TOP_NONE);
	topdraw_layout(&d);
	topdraw_headers(&d, &s);
	assert_string_equal(s.text, "NAME         SHARE ENTITLED DELIVERED            LAST MINUTE   DROPS STATE      ");
	line(&d, 0, "▾ eno1           -     100M     47.0M ████▊░░░░░            ▄      7 1 waiting  ");
	line(&d, 1, "  web           60    30.0M     30.0M ██████████            █      0 bound      ");
	line(&d, 4, "      db         1    10.0M     8.00M ████████░░            ▆      5 bound      ");
	line(&d, 5, "      log        2    1.00M     9.00M █▒▒▒▒▒▒▒▒             █      0 bound      ");
	line(&d, 6, "    old          3        -         -                              0 waiting    ");
	topdraw_title(&d, "PAUSED", &s);
	assert_string_equal(s.text, "eno1: 47.0M of 100M bit/s, 5 devices, 1 waiting                           PAUSED");
	v.selected = 6;
	topdraw_detail(&d, &s);
	assert_true(strstr(s.text, "a/old  no such interface") == s.text);
	d.columns = 40;
	d.ascii = true;
	topdraw_layout(&d);
	line(&d, 0, "- eno1           47.0M 1 waiting  ");
	topview_free(&v);
	toprows_free(&r);
}

/* 80 columns have the bars of both directions; less have rates alone. */
static void test_both_lines(void **state)
{
	struct top_rows r = read_first(RX_TREE);
	struct topview v = { 0 };
	struct topdraw d = { .rows = &r, .view = &v, .columns = 80, .directions = { true, true } };
	struct strip s;

	(void)state;
	topview_arrange(&v, &r, TOP_NONE);
	topdraw_layout(&d);
	topdraw_headers(&d, &s);
	assert_string_equal(s.text, "NAME         SHARE TX ENT TX GOT SENT       RX ENT RX GOT RECEIVED   STATE      ");
	line(&d, 0, "▾ eno1           -   100M  3.00M ▎░░░░░░░░░  50.0M  2.00M ▍░░░░░░░░░ 2 NOT KEPT ");
	line(&d, 1, "  ▾ a            1  9.00M  2.00M ██▎░░░░░░░  4.00M  2.00M █████░░░░░ 2 NOT KEPT ");
	line(&d, 2, "    web         60  1.00M  1.00M ██████████  3.00M  2.00M ██████▋░░░ NOT KEPT 7 ");
	line(&d, 3, "    new         60  1.00M  1.00M ██████████      -      -            rx waits   ");
	line(&d, 4, "  db            60  1.00M  1.00M █▏              -      -            bound !3   ");
	v.selected = 2;
	d.columns = 200;
	topdraw_title(&d, "", &s);
	assert_ptr_equal(strstr(s.text, "eno1: tx 3.00M of 100M, rx 2.00M of 50.0M, 3 devices, 2 NOT KEPT, 1 waiting"), s.text);
	topdraw_detail(&d, &s);
	assert_non_null(strstr(s.text, "a/web  NIC t  sent: 3 times less than promised, last 80 s ago  sent: settled 0.12 s after "
				       "the last change  received: 4 times less than promised, last 2.5 s ago "));
	v.selected = 3;
	topdraw_detail(&d, &s);
	assert_non_null(strstr(s.text, "received, not divided: no place"));
	d.columns = 60;
	topdraw_layout(&d);
	line(&d, 2, "    web         60  1.00M  1.00M  3.00M  2.00M NOT KEPT 7 ");
	d.directions[TOP_RX] = false;
	d.columns = 80;
	topdraw_layout(&d);
	line(&d, 2, "    web         60    1.00M     1.00M ██████████            █      0 NOT KEPT 3 ");
	topview_free(&v);
	toprows_free(&r);
}

/* Whatever the terminal and the names: each line has its columns, and no more. */
static void test_every_width(void **state)
{
	struct top_rows r = read_first(STATUS(DEVICE("日本語日本語/サーバー一号機", 60, 1, 2, 3) "," DEVICE(
		"a/b/c/d/e/a-device-with-a-name-that-never-ends-for-it-is-generated", 1, 1000000000000, 5, 6)));
	struct topview v = { 0 };

	(void)state;
	topview_arrange(&v, &r, TOP_NONE);
	for (size_t columns = 1; columns < 250; columns++)
		for (int ascii = 0; ascii < 2; ascii++) {
			struct topdraw d = { .rows = &r, .view = &v, .columns = columns, .ascii = ascii,
					     .directions = { true, true } };
			struct strip head, s;

			topdraw_layout(&d);
			topdraw_headers(&d, &head);
			for (uint32_t i = 0; i < r.n; i++) {
				topdraw_row(&d, i, i == 0, &s);
				assert_int_equal(s.columns, shorten_width(s.text));
				if (i && columns >= 16)
					assert_int_equal(s.columns, head.columns);
				assert_true(s.columns <= (columns < 16 ? 16 : columns));
			}
			topdraw_title(&d, "by name", &s);
			assert_true(s.columns <= columns + 1);
			v.selected = 1;
			topdraw_detail(&d, &s);
			assert_true(s.columns <= columns);
		}
	topview_free(&v);
	toprows_free(&r);
}

/* Not even an uplink. */
static void test_nothing(void **state)
{
	struct top_rows r = read_first("{'uplinks':[]}");
	struct topview v = { 0 };
	struct topdraw d = { .rows = &r, .view = &v, .columns = 60, .directions = { true, true } };
	struct strip s;

	(void)state;
	topview_arrange(&v, &r, TOP_NONE);
	topdraw_layout(&d);
	topdraw_title(&d, "", &s);
	assert_true(strstr(s.text, "Nothing is divided") == s.text);
	topdraw_headers(&d, &s);
	topdraw_detail(&d, &s);
	assert_string_equal(s.text, "");
	topview_free(&v);
	toprows_free(&r);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bars),	   cmocka_unit_test(test_numbers),     cmocka_unit_test(test_lines),
		cmocka_unit_test(test_both_lines), cmocka_unit_test(test_every_width), cmocka_unit_test(test_nothing),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
