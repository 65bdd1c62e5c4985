/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "lab/scenario.h"

#include <errno.h>
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static int load(const char *text, struct scenario **s, struct errtext *e)
{
	char path[] = "/tmp/divvy-scenario-XXXXXX";
	int fd = mkstemp(path), r;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	r = scenario_load(path, s, e);
	unlink(path);
	return r;
}

static void test_all_load(void **state)
{
	(void)state;
	const char *const needed[] = { "demo", "udp-60-40", "udp-50-30-20", "tcp-60-40" };
	size_t found = 0;
	glob_t g;

	assert_int_equal(glob("lab/scenarios/*.yaml", 0, NULL, &g), 0);
	for (size_t i = 0; i < g.gl_pathc; i++) {
		const char *base = strrchr(g.gl_pathv[i], '/') + 1;
		struct scenario *s = NULL;
		struct errtext e = {};

		if (scenario_load(g.gl_pathv[i], &s, &e) < 0)
			fail_msg("%s", e.text);
		/* A file is found by the name that it gives itself. */
		assert_int_equal(strlen(s->name) + strlen(".yaml"), strlen(base));
		assert_int_equal(strncmp(s->name, base, strlen(s->name)), 0);
		for (size_t k = 0; k < 4; k++)
			found += strcmp(needed[k], s->name) == 0;
		scenario_free(s);
	}
	globfree(&g);
	assert_int_equal(found, 4);
}

static void test_no_limit(void **state)
{
	(void)state;
	struct scenario *s = NULL;
	struct errtext e = {};

	assert_int_equal(load("name: x\ntitle: t\nwire: none\nqueue: 25000\nvms: [{name: a, traffic: udp}]\nphases:\n"
			      "  - {name: p, scheduler: none, seconds: 5}\n"
			      "  - {name: q, scheduler: cpu, seconds: 5, schedule: \"{resource: cpu, policy: paper}\"}\n",
			      &s, &e),
			 0);
	assert_true(scenario_unlimited(s));
	assert_int_equal(s->queue, 25000);
	assert_true(s->capacity.bytes_ps >= 1000000000 / 8);
	assert_int_equal(scenario_set_schedule(s, "policy: adrr, lanes: 2", &e), 0);
	assert_null(s->phases[0].schedule);
	assert_string_equal(s->phases[1].schedule, "{resource: cpu, policy: adrr, lanes: 2}");
	assert_int_equal(scenario_set_schedule(s, "adrr", &e), -EINVAL);
	assert_non_null(strstr(e.text, "adrr"));
	scenario_free(s);
}

static void test_fields(void **state)
{
	(void)state;
	struct scenario *s = NULL;
	struct errtext e = {};

	assert_int_equal(load("name: x\ntitle: t\nwire: 200mbit\ncapacity: 150mbit\ntopology: routed\nrepeat: 3\n"
			      "vms:\n  - {name: a, traffic: tcp, streams: 4, ping: true, nic: e1000}\n"
			      "  - {name: b, traffic: udp, rate: 5mbit, size: 64}\n  - {name: c}\n"
			      "phases:\n  - {name: p, scheduler: none, seconds: 5, idle: true}\n"
			      "  - {name: q, scheduler: divvy, action: apply, shares: [1, 2, 3], seconds: 7, "
			      "backpressure: \"off\", schedule: \"{resource: cpu}\"}\n",
			      &s, &e),
			 0);
	assert_int_equal(s->wire.bytes_ps, 25000000);
	assert_int_equal(s->capacity.bytes_ps, 18750000);
	assert_int_equal(s->topology, TOPO_ROUTED);
	assert_int_equal(s->n_vms, 3);
	assert_true(s->tcp);
	assert_int_equal(s->vms[0].traffic.streams, 4);
	assert_true(s->vms[0].ping && s->vms[0].sends && !s->vms[1].ping && !s->vms[2].sends);
	assert_int_equal(s->vms[0].nic, VM_NIC_E1000);
	assert_int_equal(s->vms[1].traffic.rate_bps, 5000000);
	assert_int_equal(s->vms[1].traffic.size, 64);
	assert_true(s->phases[0].idle && !s->phases[0].has_shares);
	assert_int_equal(s->phases[0].shares[2].weight, 1);
	assert_int_equal(s->phases[1].scheduler, SCHEDULER_DIVVY);
	assert_int_equal(s->phases[1].shares[2].weight, 3);
	assert_string_equal(s->phases[1].backpressure, "off");
	assert_string_equal(s->phases[1].schedule, "{resource: cpu}");
	assert_int_equal(scenario_seconds(s), 36);
	assert_int_equal(scenario_set_seconds(s, 2), -EINVAL);
	assert_int_equal(scenario_set_seconds(s, 4), 0);
	assert_int_equal(scenario_seconds(s), 24);
	scenario_free(s);
}

#define HEAD "name: x\ntitle: t\nwire: 100mbit\nvms: [{name: a, traffic: udp}, {name: b}]\n"
#define PHASE(text) HEAD "phases: [{name: p, " text "}]\n"

static void test_refused(void **state)
{
	(void)state;
	static const struct {
		const char *text, *says;
	} bad[] = {
		{ "", "" },
		{ "name: x\n", "title" },
		{ HEAD "phases: []\n", "" },
		{ HEAD "colour: red\n", "colour" },
		{ PHASE("scheduler: magic, seconds: 5"), "magic" },
		{ PHASE("scheduler: none, seconds: 2"), "3..3600" },
		{ PHASE("scheduler: none, seconds: -1"), "" },
		{ PHASE("scheduler: none, seconds: 5, action: apply"), "nothing to apply" },
		{ PHASE("scheduler: divvy, seconds: 5, action: release"), "release" },
		{ PHASE("scheduler: divvy, seconds: 5, shares: [1]"), "1 shares for 2 VMs" },
		{ PHASE("scheduler: divvy, seconds: 5, shares: [1, 0]"), "share" },
		{ PHASE("scheduler: divvy, seconds: 5, backpressure: perhaps"), "backpressure" },
		{ "name: x\ntitle: t\nwire: 100mbps\nvms: [{name: a}]\nphases: [{name: p, scheduler: none, seconds: 5}]\n",
		  "wire" },
		{ "name: x\ntitle: t\nwire: 1gbit\nvms: [{name: a, traffic: smoke}]\n"
		  "phases: [{name: p, scheduler: none, seconds: 5}]\n",
		  "smoke" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct scenario *s = (struct scenario *)&bad; /* must stay untouched */
		struct errtext e = {};

		if (load(bad[i].text, &s, &e) != -EINVAL)
			fail_msg("accepted: %s", bad[i].text);
		if (!strstr(e.text, bad[i].says) || strchr(e.text, '\n') || !e.text[0])
			fail_msg("\"%s\" does not say \"%s\"", e.text, bad[i].says);
		assert_ptr_equal(s, (struct scenario *)&bad);
	}
	struct errtext e = {};
	struct scenario *s = NULL;
	assert_int_equal(scenario_load("/nonexistent/x.yaml", &s, &e), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_load),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_no_limit),
		cmocka_unit_test(test_refused),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
