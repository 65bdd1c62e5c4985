/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* For tests of `divvy top`: divvyd's status as text, read as rows. */

#include "cli/toprows.h"

#include "base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* JSON, with ' where it has ". */
static inline json_t *parse(const char *text)
{
	_cleanup_free_ char *quoted = strdup(text);
	json_t *j;

	for (char *at = quoted; (at = strchr(at, '\''));)
		*at = '"';
	j = json_loads(quoted, 0, NULL);
	assert_non_null(j);
	return j;
}

static inline struct top_rows read_first(const char *text)
{
	const struct top_rows none = { 0 };
	struct top_rows r;

	assert_int_equal(toprows_read(parse(text), &none, &r), 0);
	return r;
}

/* The reading after it; the one before is freed. */
static inline void read_next(struct top_rows *r, const char *text)
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

static inline struct top_row *row_of(struct top_rows *r, const char *name)
{
	for (size_t i = 0; i < r->n; i++)
		if (strcmp(r->list[i].name, name) == 0)
			return &r->list[i];
	fail_msg("no row %s", name);
	return NULL;
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
