/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `divvy top` without a terminal: rows, and their order. */
#include "top_rig.h"

#include "cli/topview.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>

static void expect_names(const struct top_rows *r, const struct topview *v, const char *expected)
{
	char all[512] = "";

	for (size_t i = 0; i < v->n; i++) {
		const struct top_row *row = &r->list[v->order[i]];

		snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%u:%s", i ? " " : "", row->depth, row->label);
	}
	assert_string_equal(all, expected);
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

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tree),	 cmocka_unit_test(test_matches),	 cmocka_unit_test(test_networks),
		cmocka_unit_test(test_readings), cmocka_unit_test(test_sort),		 cmocka_unit_test(test_fold_and_filter),
		cmocka_unit_test(test_move),	 cmocka_unit_test(test_receive),	 cmocka_unit_test(test_cpu),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
