/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "lab/scenario/catalog.h"
#include "lab/scenario/scenario.h"

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

	assert_int_equal(load("name: x\ntitle: t\nwire: none\nqueue: 25000\npin: 2\nvms: [{name: a, traffic: udp}]\nphases:\n"
			      "  - {name: p, scheduler: none, seconds: 5}\n"
			      "  - {name: q, scheduler: cpu, seconds: 5, schedule: \"{resource: cpu, policy: paper}\"}\n",
			      &s, &e),
			 0);
	assert_true(scenario_unlimited(s));
	assert_int_equal(s->queue, 25000);
	assert_int_equal(s->pin, 2);
	assert_true(s->capacity.bytes_ps >= 1000000000 / 8);
	assert_int_equal(scenario_set_schedule(s, "policy: adrr, lanes: 2", &e), 0);
	assert_null(s->phases[0].schedule);
	assert_string_equal(s->phases[1].schedule, "{resource: cpu, policy: adrr, lanes: 2}");
	assert_int_equal(scenario_set_schedule(s, "adrr", &e), -EINVAL);
	assert_non_null(strstr(e.text, "adrr"));
	assert_int_equal(scenario_set_schedule(s, "polcy: adrr", &e), -EINVAL);
	assert_non_null(strstr(e.text, "did you mean \"policy\"?"));
	assert_int_equal(scenario_set_schedule(s, "slot: 1ms", &e), -EINVAL);
	assert_non_null(strstr(e.text, "too short for gate freeze"));
	assert_string_equal(s->phases[1].schedule, "{resource: cpu, policy: adrr, lanes: 2}");
	s->phases[1].scheduler = SCHEDULER_NONE;
	assert_int_equal(scenario_set_schedule(s, "policy: adrr", &e), -EINVAL);
	assert_non_null(strstr(e.text, "x has no phase with CPU slots"));
	scenario_free(s);
}

static void test_fields(void **state)
{
	(void)state;
	struct scenario *s = NULL;
	struct errtext e = {};

	assert_int_equal(load("name: x\ntitle: t\nwire: 200mbit\ncapacity: 150mbit\ntopology: routed\nrepeat: 3\npin: 1\npin_devices: true\n"
			      "vms:\n  - {name: a, traffic: tcp, streams: 4, ping: true, nic: e1000, qdisc: fq_codel}\n"
			      "  - {name: b, kind: libvirt, traffic: udp, rate: 5mbit, size: 64}\n  - {name: c, kind: container}\n"
			      "phases:\n  - {name: p, scheduler: none, seconds: 5, idle: true}\n"
			      "  - {name: q, scheduler: divvy, action: apply, shares: [1, 2, 3], seconds: 7, "
			      "backpressure: \"off\", schedule: \"{resource: cpu}\"}\n",
			      &s, &e),
			 0);
	assert_int_equal(s->wire.bytes_ps, 25000000);
	assert_int_equal(s->capacity.bytes_ps, 18750000);
	assert_int_equal(s->topology, TOPO_ROUTED);
	assert_int_equal(s->n_vms, 3);
	assert_true(s->pin == 1 && s->pin_devices);
	assert_true(s->tcp);
	assert_int_equal(s->vms[0].traffic.streams, 4);
	assert_true(s->vms[0].ping && s->vms[0].sends && !s->vms[1].ping && !s->vms[2].sends);
	assert_int_equal(s->vms[0].nic, VM_NIC_E1000);
	assert_int_equal(s->vms[0].qdisc, VM_QDISC_FQ_CODEL);
	assert_int_equal(s->vms[1].qdisc, VM_QDISC_PFIFO_FAST);
	assert_int_equal(s->vms[0].kind, VM_QEMU);
	assert_int_equal(s->vms[1].kind, VM_LIBVIRT);
	assert_int_equal(s->vms[2].kind, VM_CONTAINER);
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

static const char under_text[] =
	"name: x\ntitle: t\nsection: peers\nfigures: [5, 7]\nquick: 4\nwire: 100mbit\ncapacity: 99.5%\nrepeat: 2\n"
	"vms: [{name: a, traffic: udp}, {name: b, traffic: tcp}]\n"
	"under:\n  - {name: nothing, scheduler: none}\n"
	"  - {name: slots, scheduler: cpu, schedule: \"{resource: cpu}\", full: true}\n"
	"  - {name: device, scheduler: divvy, backpressure: \"off\"}\n"
	"phases:\n  - {shares: [60, 40], seconds: 9, senders: [a]}\n  - {name: both, shares: [40, 60], seconds: 5}\n";

static void test_under(void **state)
{
	(void)state;
	struct scenario *s = NULL;
	struct errtext e = {};

	if (load(under_text, &s, &e) < 0)
		fail_msg("%s", e.text);
	assert_int_equal(s->capacity.bytes_ps, 12437500);
	assert_int_equal(s->n_phases, 6);
	assert_string_equal(s->phases[2].name, "slots");
	assert_null(s->phases[2].step);
	assert_string_equal(s->phases[3].name, "slots, both");
	assert_string_equal(s->phases[3].schedule, "{resource: cpu}");
	assert_string_equal(s->phases[5].under, "device");
	assert_string_equal(s->phases[5].step, "both");
	assert_string_equal(s->phases[5].backpressure, "off");
	for (size_t k = 0; k < 6; k++) {
		assert_int_equal(s->phases[k].fresh, k % 2 == 0);
		assert_true(scenario_sends(s, &s->phases[k], 0));
		assert_int_equal(scenario_sends(s, &s->phases[k], 1), k % 2);
	}
	assert_int_equal(scenario_seconds(s), 2 * 3 * 14);
	assert_int_equal(scenario_make_quick(s), 0);
	assert_int_equal(s->n_phases, 4); /* slots are for the full evaluation */
	assert_string_equal(s->phases[2].under, "device");
	assert_int_equal(scenario_seconds(s), 4 * 4);
	scenario_set_wire(s, (struct rate){ 2000 });
	assert_int_equal(s->capacity.bytes_ps, 1990);
	scenario_free(s);
}

/* Who sends can be said of a scheduler's turn, before what the step says. */
static void test_under_senders(void **state)
{
	(void)state;
	static const char text[] =
		"name: x\ntitle: t\nwire: 1gbit\n"
		"vms: [{name: v, traffic: video}, {name: f, traffic: udp}]\n"
		"under: [{name: alone, scheduler: none, senders: [v]}, {name: both, scheduler: none}]\n"
		"phases: [{seconds: 5}]\n";
	struct scenario *s = NULL;
	struct errtext e = {};

	if (load(text, &s, &e) < 0)
		fail_msg("%s", e.text);
	assert_int_equal(s->n_phases, 2);
	assert_true(scenario_sends(s, &s->phases[0], 0) && scenario_sends(s, &s->phases[1], 0));
	assert_false(scenario_sends(s, &s->phases[0], 1));
	assert_true(scenario_sends(s, &s->phases[1], 1));
	assert_int_equal(s->vms[0].traffic.kind, TRAFFIC_VIDEO);
	scenario_free(s);
}

/* What a VM receives beside what it sends is an entry of its own, behind all VMs, with the VM's share. */
static void test_receives(void **state)
{
	(void)state;
	struct scenario *s = NULL;
	struct errtext e = {};

	if (load("name: x\ntitle: t\nwire: 1gbit\nvms:\n  - {name: a, traffic: udp, receives: tcp, rate: 8mbit, ping: true}\n"
		 "  - {name: b, receives: udp}\n"
		 "under: [{name: rest, scheduler: none, idle: true}, {name: device, scheduler: divvy}]\n"
		 "phases: [{seconds: 5, shares: [60, 40]}]\n",
		 &s, &e) < 0)
		fail_msg("%s", e.text);
	assert_true(s->rx && s->tcp);
	assert_int_equal(s->n_guests, 2);
	assert_int_equal(s->n_vms, 3);
	assert_string_equal(s->vms[2].name, "a-rx");
	assert_int_equal(s->vms[2].of, 0);
	assert_int_equal(s->vms[1].of, 1);
	assert_true(s->vms[1].receives && s->vms[2].receives && !s->vms[0].receives);
	assert_true(s->vms[2].traffic.from_server && !s->vms[0].traffic.from_server);
	assert_int_equal(s->vms[0].traffic.kind, TRAFFIC_UDP);
	assert_int_equal(s->vms[2].traffic.kind, TRAFFIC_TCP);
	assert_int_equal(s->vms[2].traffic.rate_bps, 8000000);
	assert_true(s->vms[0].ping && !s->vms[2].ping);
	assert_int_equal(s->phases[1].shares[2].weight, 60);
	assert_true(s->phases[0].idle && !s->phases[1].idle);
	assert_false(scenario_sends(s, &s->phases[0], 2));
	scenario_free(s);
}

static bool is_there(const struct catalog *c, const char *name)
{
	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->items[i].name, name) == 0)
			return true;
	return false;
}

static void test_evaluation(void **state)
{
	(void)state;
	struct catalog all = {}, quick = {}, one = {};
	char path[PATH_MAX];
	struct errtext e = {};

	setenv("DIVVY_LAB_SCENARIOS", "lab/scenarios", 1);
	if (catalog_evaluation(NULL, false, &all, &e) < 0 || catalog_evaluation("", true, &quick, &e) < 0)
		fail_msg("%s", e.text);
	assert_true(is_there(&all, "fig05") && is_there(&all, "fig12") && !is_there(&all, "demo"));
	assert_true(is_there(&quick, "fig06"));
	assert_true(quick.n <= all.n);
	/* Figures come first, and few VMs before many. */
	assert_string_equal(all.items[0].section, "figures");
	for (size_t i = 1; i < all.n; i++)
		if (all.items[i].scenario && all.items[i - 1].scenario &&
		    strcmp(all.items[i].section, all.items[i - 1].section) == 0)
			assert_true(all.items[i].scenario->n_guests >= all.items[i - 1].scenario->n_guests);

	assert_int_equal(catalog_evaluation("fig07, fig11", false, &one, &e), 0);
	assert_int_equal(one.n, 2);
	assert_true(is_there(&one, "fig05") && is_there(&one, "fig11"));
	catalog_path("fig08", path);
	assert_string_equal(path, "lab/scenarios/fig05.yaml");
	assert_int_equal(catalog_evaluation("fig06,fig99", false, &one, &e), -EINVAL);
	assert_non_null(strstr(e.text, "fig99"));
	catalog_free(&all);
	catalog_free(&quick);
	catalog_free(&one);
}

#define HEAD "name: x\ntitle: t\nwire: 100mbit\nvms: [{name: a, traffic: udp}, {name: b}]\n"
#define RECEIVES(wire, phase) \
	"name: x\ntitle: t\nwire: " wire "\nvms: [{name: a, receives: udp}]\nphases: [" phase "]\n"
#define PHASE(text) HEAD "phases: [{name: p, " text "}]\n"

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
	{ PHASE("scheduler: divvy, seconds: 5, reserves: [50]"), "1 reserves for 2 VMs" },
	{ PHASE("scheduler: divvy, seconds: 5, reserves: [1000001, 0]"), "Mbit/s" },
	{ PHASE("scheduler: administrator, seconds: 5, reserves: [50, 0]"), "divvy's alone" },
	{ PHASE("scheduler: divvy, seconds: 5, backpressure: perhaps"), "backpressure" },
	{ PHASE("scheduler: cpu, seconds: 5, schedule: \"{polcy: paper}\""),
	  "did you mean \"policy\"?" },
	{ PHASE("seconds: 5"), "under" },
	{ PHASE("scheduler: none, seconds: 5, senders: [b]"), "\"b\" is no VM with traffic" },
	{ HEAD "under: [{name: u, scheduler: none}]\nphases: [{scheduler: none, seconds: 5}]\n",
	  "already" },
	{ HEAD "under: [{name: u, scheduler: magic}]\nphases: [{seconds: 5}]\n", "magic" },
	{ HEAD "under: [{name: u, scheduler: none, senders: [z]}]\nphases: [{seconds: 5}]\n",
	  "\"z\" is no VM" },
	{ HEAD "section: cellar\nphases: [{name: p, scheduler: none, seconds: 5}]\n", "cellar" },
	{ HEAD "quick: 1\nphases: [{name: p, scheduler: none, seconds: 5}]\n", "quick" },
	{ HEAD "capacity: 101%\nphases: [{name: p, scheduler: none, seconds: 5}]\n", "capacity" },
	{ "name: x\ntitle: t\nwire: 100mbps\nvms: [{name: a}]\nphases: [{name: p, scheduler: none, seconds: 5}]\n",
	  "wire" },
	{ "name: x\ntitle: t\nwire: 1gbit\nvms: [{name: a, traffic: smoke}]\n"
	  "phases: [{name: p, scheduler: none, seconds: 5}]\n",
	  "smoke" },
	{ "name: x\ntitle: t\nwire: 1gbit\nvms: [{name: a, qdisc: codel}]\n"
	  "phases: [{name: p, scheduler: none, seconds: 5}]\n",
	  "unknown qdisc \"codel\": expected pfifo_fast or fq_codel" },
	{ "name: x\ntitle: t\nwire: 1gbit\nvms: [{name: a, kind: container, qdisc: fq_codel}]\n"
	  "phases: [{name: p, scheduler: none, seconds: 5}]\n",
	  "no qdisc" },
	{ "name: x\ntitle: t\nwire: 1gbit\nvms: [{name: a, receives: icmp}]\n"
	  "phases: [{name: p, scheduler: none, seconds: 5}]\n",
	  "expected udp or tcp" },
	{ RECEIVES("1gbit", "{name: p, scheduler: cpu, seconds: 5}"), "divvy or administrator" },
	{ RECEIVES("1gbit", "{name: p, scheduler: divvy, seconds: 5, reserves: [1]}"), "by shares alone" },
	{ RECEIVES("half of demand", "{name: p, scheduler: none, seconds: 5}"), "nothing of what they receive" },
};

static void test_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct scenario other = {}, *s = &other; /* must stay untouched */
		struct errtext e = {};

		if (load(bad[i].text, &s, &e) != -EINVAL)
			fail_msg("accepted: %s", bad[i].text);
		if (!strstr(e.text, bad[i].says) || strchr(e.text, '\n') || !e.text[0])
			fail_msg("\"%s\" does not say \"%s\"", e.text, bad[i].says);
		assert_ptr_equal(s, &other);
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
		cmocka_unit_test(test_under),
		cmocka_unit_test(test_receives),
		cmocka_unit_test(test_under_senders),
		cmocka_unit_test(test_evaluation),
		cmocka_unit_test(test_no_limit),
		cmocka_unit_test(test_refused),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
