/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "exporter/metrics.h"

#include "base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* JSON, with ' where it has ". NUL-terminated metrics: free(). */
static char *metrics_of(const char *status, bool open)
{
	_cleanup_free_ char *quoted = status ? strdup(status) : NULL;
	json_auto_t *j = NULL;
	struct text out = { 0 };

	for (char *at = quoted; at && (at = strchr(at, '\''));)
		*at = '"';
	if (quoted) {
		j = json_loads(quoted, 0, NULL);
		assert_non_null(j);
	}
	metrics_write(&(struct metrics_source){ j, 0.25, "9" }, open, &out);
	text_put(&out, "", 1);
	assert_false(out.failed);
	return out.buf;
}

static void has(const char *text, const char *line)
{
	_cleanup_free_ char *whole = NULL, *all = NULL;

	assert_true(asprintf(&whole, "\n%s\n", line) > 0 && asprintf(&all, "\n%s", text) > 0);
	if (!strstr(all, whole))
		fail_msg("no line \"%s\" in:\n%s", line, text);
}

static void has_not(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("\"%s\" in:\n%s", part, text);
}

#define STATUS                                                                                                          \
	"{'uplinks':[{'name':'eno1','present':true,'capacity_bps':8000,'delivered_bps':null,'rx':{'capacity_bps':1600,'delivered_bps':800},'networks':["    \
	"{'name':'a','share':3,'entitled_bps':80,'rx':{'share':4,'entitled_bps':160,'conformance':{'reserve_missed':1," \
	"'below_entitlement':0,'settled_after_ms':500}}}],'devices':["                   \
	"{'name':'a/web','state':'bound','share':60,'entitled_bps':4000,'delivered_bps':2000,'sent_bytes':1234567890123,"   \
	"'sent_packets':5,'sent_ns':7,'offered_bytes':9,'offered_packets':6,'offered_ns':0,'dropped_packets':3,"            \
	"'burst_dropped_packets':4,'conformance':{'reserve_missed':2,'below_entitlement':3,'settled_after_ms':70},'backpressure':'on','repaired':{'total':2},'cpu':null," \
	"'rx':{'state':'bound','undivided':{'known':false},'share':70,'limit_bps':1600,'entitled_bps':800,'delivered_bps':null,'dropped_packets':1," \
	"'conformance':{'reserve_missed':0,'below_entitlement':4,'settled_after_ms':null}}},"                                                                       \
	"{'name':'db','state':'waiting','share':40,'entitled_bps':0,'delivered_bps':0,'sent_bytes':0,'sent_ns':0,"          \
	"'dropped_packets':0,'burst_dropped_packets':0,'backpressure':'unavailable','cpu':null},"                           \
	"{'name':'log','state':'bound','share':1,'backpressure':'off','nics':[{'undivided':null},{'undivided':{}}],'rx':{'state':'waiting','entitled_bps':1}, " \
	"'cpu':{'used_ns':1500000000,'entitled_ns':2000000000}}]}],"                                                        \
	"'warnings':['x','y'],'unclaimed':[],'specification':{'unsaved':'disk full','as_found':false}}"

static void test_text(void **state)
{
	_cleanup_free_ char *m = metrics_of(STATUS, false);

	(void)state;
	has(m, "divvy_exporter_build_info{version=\"9\"} 1");
	has(m, "divvy_up 1");
	has(m, "divvy_status_seconds 0.25");
	has(m, "divvy_warnings 2");
	has(m, "divvy_specification_unsaved 1");
	has(m, "divvy_specification_lost 0");
	has(m, "divvy_uplink_capacity_bytes_per_second{uplink=\"eno1\",direction=\"tx\"} 1000");
	has(m, "divvy_uplink_capacity_bytes_per_second{uplink=\"eno1\",direction=\"rx\"} 200");
	has(m, "divvy_uplink_delivered_bytes_per_second{uplink=\"eno1\",direction=\"rx\"} 100");
	has(m, "divvy_network_share{uplink=\"eno1\",network=\"a\",direction=\"rx\"} 4");
	has(m, "divvy_network_violations_total{uplink=\"eno1\",network=\"a\",direction=\"rx\"} 1");
	has(m, "divvy_network_settle_seconds{uplink=\"eno1\",network=\"a\",direction=\"rx\"} 0.5");
	has(m, "divvy_device_share{uplink=\"eno1\",device=\"db\",direction=\"tx\"} 40");
	has(m, "divvy_device_share{uplink=\"eno1\",device=\"a/web\",direction=\"rx\"} 70");
	has(m, "divvy_device_limit_bytes_per_second{uplink=\"eno1\",device=\"a/web\",direction=\"rx\"} 200");
	has(m, "divvy_device_entitled_bytes_per_second{uplink=\"eno1\",device=\"a/web\",direction=\"tx\"} 500");
	has(m, "divvy_device_entitled_bytes_per_second{uplink=\"eno1\",device=\"a/web\",direction=\"rx\"} 100");
	has(m, "# TYPE divvy_device_delivered_bytes_total counter");
	has(m, "divvy_device_delivered_bytes_total{uplink=\"eno1\",device=\"a/web\",direction=\"tx\"} 1234567890123");
	has(m, "divvy_device_dropped_packets_total{uplink=\"eno1\",device=\"a/web\",direction=\"tx\",cause=\"burst\"} 4");
	has(m, "divvy_device_dropped_packets_total{uplink=\"eno1\",device=\"a/web\",direction=\"rx\",cause=\"queue\"} 1");
	has(m, "divvy_device_state{uplink=\"eno1\",device=\"db\",direction=\"tx\",state=\"waiting\"} 1");
	has(m, "divvy_device_state{uplink=\"eno1\",device=\"log\",direction=\"tx\",state=\"undivided\"} 1");
	has(m, "divvy_device_state{uplink=\"eno1\",device=\"log\",direction=\"tx\",state=\"bound\"} 0");
	has(m, "divvy_device_state{uplink=\"eno1\",device=\"a/web\",direction=\"rx\",state=\"unknown\"} 1");
	has(m, "divvy_device_state{uplink=\"eno1\",device=\"a/web\",direction=\"rx\",state=\"bound\"} 0");
	has(m, "divvy_device_backpressure{uplink=\"eno1\",device=\"a/web\"} 1");
	has(m, "divvy_device_backpressure{uplink=\"eno1\",device=\"log\"} 0");
	has(m, "divvy_device_cpu_used_seconds_total{uplink=\"eno1\",device=\"log\"} 1.5");
	has_not(m, "# EOF");
	/* What was not measured: no answer yet, not read yet, not bound; and a family of nothing. */
	has(m, "divvy_device_state{uplink=\"eno1\",device=\"log\",direction=\"rx\",state=\"waiting\"} 1");
	has_not(m, "device=\"db\",direction=\"rx\"");
	has_not(m, "bytes_per_second{uplink=\"eno1\",device=\"log\",direction=\"rx\"");
	has_not(m, "divvy_uplink_delivered_bytes_per_second{uplink=\"eno1\",direction=\"tx\"");
	has_not(m, "divvy_device_offered_bytes_total");
	has_not(m, "bytes_per_second{uplink=\"eno1\",device=\"db\"");
	has_not(m, "dropped_packets_total{uplink=\"eno1\",device=\"db\"");
	has(m, "divvy_device_violations_total{uplink=\"eno1\",device=\"a/web\",direction=\"tx\"} 5");
	has(m, "divvy_device_settle_seconds{uplink=\"eno1\",device=\"a/web\",direction=\"tx\"} 0.070000000000000007");
	has(m, "divvy_device_violations_total{uplink=\"eno1\",device=\"a/web\",direction=\"rx\"} 4");
	has_not(m, "divvy_device_settle_seconds{uplink=\"eno1\",device=\"a/web\",direction=\"rx\"");
	has_not(m, "divvy_network_violations_total{uplink=\"eno1\",network=\"a\",direction=\"tx\"");
	has_not(m, "violations_total{uplink=\"eno1\",device=\"log\"");
	has_not(m, "nan");
}

/* Each family stands once, with all its samples behind its head. */
static void test_families(void **state)
{
	_cleanup_free_ char *m = metrics_of(STATUS, true);

	(void)state;
	for (char *at = m; (at = strstr(at, "# TYPE ")); at++) {
		char name[101], head[120];

		assert_int_equal(sscanf(at, "# TYPE %100s", name), 1);
		snprintf(head, sizeof(head), "# TYPE %s ", name);
		assert_null(strstr(at + 1, head));
	}
}

static void test_openmetrics(void **state)
{
	_cleanup_free_ char *m = metrics_of(STATUS, true);
	size_t len = strlen(m);

	(void)state;
	has(m, "# TYPE divvy_device_delivered_bytes counter");
	has(m, "divvy_device_delivered_bytes_total{uplink=\"eno1\",device=\"a/web\",direction=\"tx\"} 1234567890123");
	assert_string_equal(m + len - strlen("# EOF\n"), "# EOF\n");
}

/* divvyd is gone: that is a measurement, too. */
static void test_no_answer(void **state)
{
	_cleanup_free_ char *m = metrics_of(NULL, false);

	(void)state;
	has(m, "divvy_up 0");
	has_not(m, "divvy_warnings");
}

static void test_escapes(void **state)
{
	_cleanup_free_ char *m = metrics_of("{'uplinks':[{'name':'a\\\\x20\\nb\\u0022{','present':true,'devices':[]}]}", false);

	(void)state;
	has(m, "divvy_uplink_present{uplink=\"a\\\\x20\\nb\\\"{\"} 1");
}

static void test_accept(void **state)
{
	static const struct {
		const char *accept;
		bool open;
	} cases[] = {
		{ NULL, false },
		{ "*/*", false },
		{ "text/plain;version=0.0.4", false },
		{ "application/openmetrics-text", true },
		{ "application/openmetrics-text; version=1.0.0; charset=utf-8", true },
		{ "application/openmetrics-text;version=0.0.1", false },
		{ "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
		  "text/plain;version=0.0.4;q=0.5,*/*;q=0.1", true },
		{ "text/plain;q=0.9, application/openmetrics-text;version=1.0.0;q=0.5", false },
		{ "application/openmetrics-text;q=0", false },
		{ "application/openmetrics-textual", true }, /* harmless */
		{ ",,;q=,", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(metrics_wants_openmetrics(cases[i].accept), cases[i].open);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_families),
		cmocka_unit_test(test_text),	cmocka_unit_test(test_openmetrics), cmocka_unit_test(test_no_answer),
		cmocka_unit_test(test_escapes), cmocka_unit_test(test_accept),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
