/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `divvy top` without a terminal: rows, their order, and lines. */
#include "cli/bars.h"
#include "cli/shorten.h"
#include "cli/topdraw.h"
#include "cli/toprows.h"
#include "cli/topview.h"

#include "base/cleanup.h"

#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* JSON, with ' where it has ". */
static json_t *parse(const char *text)
{
	_cleanup_free_ char *quoted = strdup(text);
	json_t *j;

	for (char *at = quoted; (at = strchr(at, '\''));)
		*at = '"';
	j = json_loads(quoted, 0, NULL);
	assert_non_null(j);
	return j;
}

static struct top_rows read_first(const char *text)
{
	const struct top_rows none = { 0 };
	struct top_rows r;

	assert_int_equal(toprows_read(parse(text), &none, &r), 0);
	return r;
}

/* The reading after it; the one before is freed. */
static void read_next(struct top_rows *r, const char *text)
{
	struct top_rows next;

	assert_int_equal(toprows_read(parse(text), r, &next), 0);
	toprows_free(r);
	*r = next;
}

/* clang-format off */
#define DEVICE(name, share, entitled, delivered, drops) \
	"{'name':'" name "','nic':'n-" name "','state':'bound','share':" #share ",'entitled_bps':" #entitled \
	",'delivered_bps':" #delivered ",'error_pp':0.5,'dropped_packets':" #drops ",'backpressure':'on','why':''," \
	"'vm':{'name':'vm-" name "','pid':7,'vmm':'qemu'}}"
#define WAITING(name, share) \
	"{'name':'" name "','nic':'','state':'waiting','share':" #share ",'entitled_bps':0,'delivered_bps':0," \
	"'error_pp':0,'dropped_packets':0,'backpressure':'unavailable','why':'no such interface','vm':null}"
#define STATUS(devices) "{'monotonic_ns':5,'schedule':null,'uplinks':[{'name':'eno1','present':true," \
	"'capacity_bps':100000000,'delivered_bps':null,'devices':[" devices "]}]}"
/* clang-format on */

#define TREE                                                                                                  \
	STATUS(DEVICE("web", 60, 30000000, 30000000, 0) "," DEVICE("a/x/db", 1, 10000000, 8000000, 5) "," DEVICE( \
		"a/x/log", 2, 1000000, 9000000, 0) "," WAITING("a/old", 3) "," DEVICE("b/mail", 4, null, null, 2))

static void expect_names(const struct top_rows *r, const struct topview *v, const char *expected)
{
	char all[512] = "";

	for (size_t i = 0; i < v->n; i++) {
		const struct top_row *row = &r->list[v->order[i]];

		snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%u:%s", i ? " " : "", row->depth, row->label);
	}
	assert_string_equal(all, expected);
}

static struct top_row *row_of(struct top_rows *r, const char *name)
{
	for (size_t i = 0; i < r->n; i++)
		if (strcmp(r->list[i].name, name) == 0)
			return &r->list[i];
	fail_msg("no row %s", name);
	return NULL;
}

/* Networks come from the names; their numbers are sums of what is known. */
static void test_tree(void **state)
{
	struct top_rows r = read_first(TREE);
	struct topview v = { 0 };

	(void)state;
	assert_int_equal(topview_arrange(&v, &r, TOP_NONE), 0);
	expect_names(&r, &v, "0:eno1 1:web 1:a 2:x 3:db 3:log 2:old 1:b 2:mail");
	assert_true(row_of(&r, "a/x")->flow[TOP_TX].delivered == 17e6);
	assert_true(row_of(&r, "a")->flow[TOP_TX].entitled == 11e6);
	assert_int_equal(row_of(&r, "a")->flow[TOP_TX].dropped, 5);
	assert_int_equal(row_of(&r, "eno1")->devices, 5);
	assert_int_equal(row_of(&r, "eno1")->waiting, 1);
	assert_true(row_of(&r, "eno1")->flow[TOP_TX].entitled == 100e6);
	assert_true(row_of(&r, "eno1")->flow[TOP_TX].delivered == 47e6);
	/* What was not measured is not 0. */
	assert_true(isnan(row_of(&r, "b/mail")->flow[TOP_TX].delivered));
	assert_true(isnan(row_of(&r, "b")->flow[TOP_TX].delivered));
	assert_true(isnan(row_of(&r, "a/old")->flow[TOP_TX].delivered));
	assert_true(isnan(row_of(&r, "a/old")->error_pp));
	assert_false(r.directions[TOP_RX]);
	topview_free(&v);
	toprows_free(&r);
}

#define MATCH(name, of, vm, share) \
	"{'name':'" name "','of':'" of "','nic':'n0','state':'bound','share':" #share ",'entitled_bps':10000000," \
	"'delivered_bps':1000000,'dropped_packets':0,'backpressure':'on','why':'','vm':{'name':'" vm "','pid':7,'vmm':'qemu'}}"

/* What a pattern matched stands below the pattern, whatever the VM is called; the pattern has the share of each. */
static void test_matches(void **state)
{
	struct top_rows r = read_first(STATUS(MATCH("web/acme/front/1", "web", "acme/front/1", 5) "," MATCH(
		"web/b", "web", "b", 5) "," MATCH("t/web/a/b", "web", "a/b", 6) "," MATCH("u/u/u/x", "u", "u/x", 7)));
	struct topview v = { 0 };

	(void)state;
	assert_int_equal(topview_arrange(&v, &r, TOP_NONE), 0);
	expect_names(&r, &v, "0:eno1 1:web 2:acme/front/1 2:b 1:t 2:web 3:a/b 1:u 2:u 3:u/x");
	assert_int_equal(row_of(&r, "web")->share, 5);
	assert_int_equal(row_of(&r, "t/web")->share, 6);
	assert_int_equal(row_of(&r, "u/u")->share, 7);
	assert_int_equal(row_of(&r, "u")->share, 0);
	topview_free(&v);
	toprows_free(&r);
}

#define NETWORKS                                                                                                \
	"{'schedule':null,'uplinks':[{'name':'eno1','present':true,'capacity_bps':100000000,'delivered_bps':null,"      \
	"'networks':[{'name':'a','share':7,'reserve_bps':20000000,'limit_bps':null,'entitled_bps':25000000}],"         \
	"'devices':[" DEVICE("a/x", 1, 10000000, 8000000, 5) "," DEVICE("b/x", 1, 1000000, 800000, 0) "]}]}"

/* Networks that the status names: what it says of them holds. */
static void test_networks(void **state)
{
	struct top_rows r = read_first(NETWORKS);

	(void)state;
	assert_int_equal(row_of(&r, "a")->share, 7);
	assert_true(row_of(&r, "a")->reserve == 20e6 && isnan(row_of(&r, "a")->limit));
	assert_true(row_of(&r, "a")->flow->entitled == 25e6);
	assert_true(row_of(&r, "b")->flow->entitled == 1e6);
	assert_true(r.reserves && !r.limits);
	toprows_free(&r);
}

static void test_readings(void **state)
{
	struct top_rows r = read_first(TREE);
	struct top_flow *f;

	(void)state;
	row_of(&r, "a")->folded = true;
	read_next(&r, STATUS(DEVICE("b/mail", 4, 1, 70, 3) "," DEVICE("new", 1, 1, 1, 9) "," DEVICE("a/x/db", 1, 1, 60, 5)));
	f = row_of(&r, "b/mail")->flow;
	assert_true(f->dropping);
	assert_true(isnan(f->history[TOP_HISTORY - 2]) && f->history[TOP_HISTORY - 1] == 70);
	f = row_of(&r, "a/x/db")->flow;
	assert_false(f->dropping);
	assert_true(f->history[TOP_HISTORY - 2] == 8e6F && f->history[TOP_HISTORY - 1] == 60);
	assert_true(isnan(f->history[TOP_HISTORY - 3]));
	assert_true(row_of(&r, "a")->folded);
	/* Drops of before the first reading are no news. */
	assert_false(row_of(&r, "new")->flow->dropping);
	assert_int_equal(row_of(&r, "new")->before, TOP_NONE);
	toprows_free(&r);
}

static void test_sort(void **state)
{
	struct top_rows r = read_first(TREE);
	struct topview v = { .sort = TOPVIEW_BY_DELIVERED };

	(void)state;
	topview_arrange(&v, &r, TOP_NONE);
	expect_names(&r, &v, "0:eno1 1:web 1:a 2:x 3:log 3:db 2:old 1:b 2:mail");
	v.sort = TOPVIEW_BY_DROPS;
	topview_arrange(&v, &r, TOP_NONE);
	expect_names(&r, &v, "0:eno1 1:a 2:x 3:db 3:log 2:old 1:b 2:mail 1:web");
	v.sort = TOPVIEW_BY_STATE;
	topview_arrange(&v, &r, TOP_NONE);
	expect_names(&r, &v, "0:eno1 1:a 2:old 2:x 3:db 3:log 1:web 1:b 2:mail");
	v.sort = TOPVIEW_BY_NAME;
	topview_arrange(&v, &r, TOP_NONE);
	expect_names(&r, &v, "0:eno1 1:a 2:old 2:x 3:db 3:log 1:b 2:mail 1:web");
	topview_free(&v);
	toprows_free(&r);
}

static void test_fold_and_filter(void **state)
{
	struct top_rows r = read_first(TREE);
	struct topview v = { 0 };

	(void)state;
	row_of(&r, "a")->folded = true;
	topview_arrange(&v, &r, TOP_NONE);
	expect_names(&r, &v, "0:eno1 1:web 1:a 1:b 2:mail");
	/* A filter finds what is folded, too, by name, vNIC or VM. */
	snprintf(v.filter, sizeof(v.filter), "VM-A/X/D");
	topview_arrange(&v, &r, TOP_NONE);
	expect_names(&r, &v, "0:eno1 1:a 2:x 3:db");
	snprintf(v.filter, sizeof(v.filter), "n-web");
	topview_arrange(&v, &r, TOP_NONE);
	expect_names(&r, &v, "0:eno1 1:web");
	/* With a network all that it holds. */
	snprintf(v.filter, sizeof(v.filter), "a/x");
	topview_arrange(&v, &r, TOP_NONE);
	expect_names(&r, &v, "0:eno1 1:a 2:x 3:db 3:log");
	snprintf(v.filter, sizeof(v.filter), "nothing like it");
	topview_arrange(&v, &r, TOP_NONE);
	expect_names(&r, &v, "");
	assert_int_equal(topview_selected(&v), TOP_NONE);
	topview_move(&v, 1, 5);
	assert_int_equal(v.selected, 0);
	topview_free(&v);
	toprows_free(&r);
}

static void test_move(void **state)
{
	struct top_rows r = read_first(TREE);
	struct topview v = { 0 };

	(void)state;
	topview_arrange(&v, &r, TOP_NONE);
	topview_move(&v, 3, 4);
	assert_int_equal(v.first, 0);
	topview_move(&v, 1, 4);
	assert_int_equal(v.first, 1);
	topview_move(&v, 100, 4);
	assert_int_equal(v.selected, 8);
	assert_int_equal(v.first, 5);
	topview_move(&v, -100, 4);
	assert_int_equal(v.selected, 0);
	assert_int_equal(v.first, 0);
	/* A larger screen shows what is there. */
	topview_move(&v, 100, 4);
	topview_move(&v, 0, 9);
	assert_int_equal(v.first, 0);
	/* The selection follows its row. */
	topview_arrange(&v, &r, 4);
	v.sort = TOPVIEW_BY_DROPS;
	topview_arrange(&v, &r, topview_selected(&v));
	assert_int_equal(topview_selected(&v), 4);
	topview_free(&v);
	toprows_free(&r);
}

#define PROMISE(missed, below, at, settled) \
	"'conformance':{'reserve_missed':" #missed ",'below_entitlement':" #below ",'violated_ns':" #at ",'settled_after_ms':" #settled "}"
#define RX(state, entitled, delivered, more) "'rx':{'state':'" state "','entitled_bps':" #entitled \
	",'delivered_bps':" #delivered ",'dropped_packets':7," more "}"
#define BOTH(name, promise, rx) "{'name':'" name "','nic':'t','state':'bound','share':60,'entitled_bps':1000000," \
	"'delivered_bps':1000000,'dropped_packets':0,'backpressure':'on','why':''," promise "," rx "}"
#define RX_TREE                                                                                                  \
	"{'monotonic_ns':100000000000,'schedule':null,'uplinks':[{'name':'eno1','present':true,'capacity_bps':100000000," \
	"'rx':{'capacity_bps':50000000},'networks':[{'name':'a','share':1,'entitled_bps':9000000," PROMISE(0, 0, null, null) \
	",'rx':{'entitled_bps':4000000," PROMISE(5, 0, 99000000000, null) "}}],'devices':["                               \
	BOTH("a/web", PROMISE(1, 2, 20000000000, 120), RX("bound", 3000000, 2000000, PROMISE(0, 4, 97500000000, null))) "," \
	BOTH("a/new", "'conformance':null", RX("waiting", 0, 0, "'why':'no place'")) "," BOTH("db", PROMISE(0, 3, 30000000000, 40), "'rx':null") \
	"]}]}"

/* Both directions, and whether promises are kept: of the row itself, and how many are below. */
static void test_receive(void **state)
{
	struct top_rows r = read_first(RX_TREE);
	const struct top_row *web = row_of(&r, "a/web"), *new = row_of(&r, "a/new"), *up = row_of(&r, "eno1");

	(void)state;
	assert_true(r.directions[TOP_RX]);
	assert_true(web->flow[TOP_RX].delivered == 2e6);
	assert_int_equal(web->flow[TOP_TX].violations, 3);
	assert_int_equal(web->state, TOP_VIOLATED);
	assert_true(web->flow[TOP_TX].settled_ms == 120 && isnan(web->flow[TOP_RX].settled_ms));
	assert_int_equal(new->state, TOP_RX_WAITING);
	assert_true(isnan(new->flow[TOP_RX].entitled) && new->flow[TOP_TX].delivered == 1e6);
	/* The one of db is long ago. */
	assert_int_equal(row_of(&r, "db")->state, TOP_BOUND);
	assert_int_equal(row_of(&r, "db")->flow[TOP_TX].violations, 3);
	assert_true(row_of(&r, "a")->flow[TOP_RX].entitled == 4e6 && row_of(&r, "a")->flow[TOP_RX].delivered == 2e6);
	assert_int_equal(row_of(&r, "a")->violated, 2);
	assert_int_equal(row_of(&r, "a")->flow[TOP_RX].violations, 5);
	assert_int_equal(row_of(&r, "a")->waiting, 1);
	assert_int_equal(up->flow[TOP_RX].dropped, 14);
	assert_true(up->flow[TOP_RX].entitled == 5e7);
	assert_int_equal(up->flow[TOP_TX].violations, 6);
	assert_int_equal(up->flow[TOP_RX].violations, 4);
	toprows_free(&r);
}

#define CPU(used, entitled, at)                                                                               \
	"{'monotonic_ns':" #at ",'schedule':{'policy':'paper'},'uplinks':[{'name':'eno1','present':true,"                \
	"'capacity_bps':1,'devices':[{'name':'web','state':'bound','share':1,'nic':'t','backpressure':'unavailable',"   \
	"'cpu':{'entitled_ns':" #entitled ",'used_ns':" #used ",'error_pp':1.5}},"                                      \
	"{'name':'out','state':'bound','share':1,'nic':'u','backpressure':'unavailable','cpu':null}]}]}"

/* CPU time: percent of a core, from two readings. */
static void test_cpu(void **state)
{
	struct top_rows r = read_first(CPU(5000, 7000, 1000000));

	(void)state;
	assert_true(r.cpu && isnan(row_of(&r, "web")->flow->delivered));
	read_next(&r, CPU(505000, 257000, 2000000));
	assert_true(row_of(&r, "web")->flow->delivered == 50);
	assert_true(row_of(&r, "web")->flow->entitled == 25);
	assert_true(isnan(row_of(&r, "out")->flow->delivered));
	assert_int_equal(row_of(&r, "web")->state, TOP_BOUND);
	/* divvyd began anew. */
	read_next(&r, CPU(10, 10, 3000000));
	assert_true(isnan(row_of(&r, "web")->flow->delivered));
	toprows_free(&r);
}

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
		cmocka_unit_test(test_tree),	cmocka_unit_test(test_matches),
		cmocka_unit_test(test_networks), cmocka_unit_test(test_readings),    cmocka_unit_test(test_sort),
		cmocka_unit_test(test_fold_and_filter), cmocka_unit_test(test_move), cmocka_unit_test(test_receive),
		cmocka_unit_test(test_cpu),	cmocka_unit_test(test_bars),	    cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_both_lines),	cmocka_unit_test(test_every_width), cmocka_unit_test(test_nothing),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
