/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Theory of Operation
 *
 * A run owns everything it makes in struct run, and frees it in down() in the reverse order, whether it came
 * to its end, failed, or was interrupted: traffic, daemon, meters. Network and VMs are the testbed's, which
 * the next run may use: what a run did to them is undone, or the testbed goes too. Waiting is done in loop.h
 * only, which returns -EINTR once a signal asked for the end.
 *
 * A phase is: note the time, have the scheduler changed (which returns when the change is acknowledged), read
 * all counters, go on for the phase's seconds with a line each, read the counters at 2 s and at the end. What
 * was delivered is not read from counters at all, but afterwards from the meters' traces; what a VM received,
 * from its device's counter at each look.
 */

#include "run.h"

#include "base/cleanup.h"
#include "demand.h"
#include "lab/probes/backlog.h"
#include "lab/probes/intake.h"
#include "lab/probes/meter.h"
#include "lab/probes/observe.h"
#include "lab/probes/observe_cpu.h"
#include "lab/proc/loop.h"
#include "lab/schedulers/divvy.h"
#include "load.h"
#include "scheduling.h"

#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* Of each run, for its daemon: followed by the lab's pid. */
#define RUN_DIR "/run/divvy-lab-"

/* How often queues are looked into. No divisor of a second, so as not to keep step with anything. */
#define LOOK_NS (23 * NSEC_PER_MSEC)

/*
 * Room in a meter's trace: frames at the wire's rate, of the VM's own size if that is small, else of 300
 * bytes, for TCP's are mixed; a million at least, 256 MiB at most.
 */
#define TRACE_FRAME 300
#define TRACE_HEADERS 42 /* Ethernet, IP, UDP */
#define TRACE_MIN 1000000U
#define TRACE_MAX 32000000U
#define TRACE_OPEN 8000000U /* without a limit of the wire */

struct run {
	struct scenario *s;
	struct testbed *testbed;
	const struct run_watch *watch;
	unsigned seconds; /* gone through */
	struct result result;
	struct scheduling scheduling;
	struct load load;
	struct meter *meter[TOPO_VMS_MAX]; /* NULL: of a VM that receives */
	struct intake intake;
	struct backlog *backlog;
	char dir[64];       /* of this run, removed at its end */
	char log[PATH_MAX]; /* of divvyd */
};

/* --- up and down ---------------------------------------------------------------------------------- */

static uint32_t trace_room(const struct scenario *s, size_t vm)
{
	unsigned size = s->vms[vm].traffic.size ? s->vms[vm].traffic.size + TRACE_HEADERS : TRACE_FRAME;
	uint64_t n =
		s->wire.bytes_ps / (size < TRACE_FRAME ? size : TRACE_FRAME) * (scenario_seconds(s) + 20);

	if (scenario_unlimited(s))
		return TRACE_OPEN;
	return n < TRACE_MIN ? TRACE_MIN : n > TRACE_MAX ? TRACE_MAX : (uint32_t)n;
}

static int open_meters(struct run *run, struct errtext *e)
{
	const struct scenario *s = run->s;
	const struct topo *topo = &run->testbed->topo;
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->n_vms; i++) {
		if (s->vms[i].receives)
			continue;
		r = meter_open(topo->sw, topo->meter_if, topo->vm[i].server_mac, trace_room(s, i),
			       &run->meter[i]);
		if (r < 0)
			return errtext_set(e, r, "the wire's meter: %s", strerror(-r));
	}
	r = backlog_open(topo, s->n_guests, &run->backlog);
	return r < 0 ? errtext_set(e, r, "rtnetlink: %s", strerror(-r)) : 0;
}

static int set_half_demand(struct run *run, struct errtext *e)
{
	uint64_t demand;
	int r = demand_measure(run->testbed, run->s, &demand, e);

	if (r < 0)
		return r;
	scenario_set_wire(run->s, (struct rate){ demand / 2 });
	printf("the guests ask for %.1f Mbit/s; the wire carries half of that\n", (double)demand * 8e-6);
	fflush(stdout);
	return topo_set_wire(&run->testbed->topo, rate_bits(run->s->wire), e);
}

static void close_meters(struct run *run)
{
	for (size_t i = 0; i < run->s->n_vms; i++)
		run->meter[i] = meter_close(run->meter[i]);
	intake_free(&run->intake);
	run->backlog = backlog_close(run->backlog);
}

static int up(struct run *run, struct errtext *e)
{
	int r = testbed_prepare(run->testbed, run->s, e);

	if (r == 0 && run->s->half_demand)
		r = set_half_demand(run, e);
	if (r == 0)
		r = open_meters(run, e);
	if (r == 0)
		r = scheduling_start(&run->scheduling, e);
	if (r == 0)
		r = load_start_pings(&run->load, e);
	return r;
}

/* The testbed is left as it was found, or not at all. */
static void down(struct run *run)
{
	const struct scenario_phase nothing = { .scheduler = SCHEDULER_NONE };
	int r;

	load_free(&run->load);
	r = scheduling_enter(&run->scheduling, &nothing, NULL);
	scheduling_stop(&run->scheduling);
	close_meters(run);
	if (r < 0)
		testbed_down(run->testbed);
	if (run->dir[0])
		proc_run(NULL, NULL, NULL, "rm -rf %s", run->dir);
	result_free(&run->result);
}

/* --- a phase -------------------------------------------------------------------------------------- */

static int poll_meters(struct run *run)
{
	run->result.arrivals_lost = 0;
	for (size_t i = 0; i < run->s->n_vms; i++) {
		uint64_t lost = 0;
		int r;

		if (run->s->vms[i].receives) {
			run->result.trace[i] = intake_trace(&run->intake, run->s->vms[i].of);
			continue;
		}
		r = meter_poll(run->meter[i], &lost);

		if (r < 0 && r != -ENOBUFS)
			return r;
		run->result.arrivals_lost += lost;
		run->result.trace[i] = meter_trace(run->meter[i]);
	}
	return 0;
}

/* "  12 s  apply 60:40   a  60.0 Mbit/s  60.0 % (60)  b ...": what was delivered in a window. */
static void say_line(const struct scenario *s, const struct scenario_phase *p, double at_s, const uint64_t *bytes,
		     struct window w)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < s->n_vms; i++)
		sum += bytes[i];
	printf("%4.0f s  %-14s", at_s, p->name);
	for (size_t i = 0; i < s->n_vms; i++) {
		printf("   %s %6.1f Mbit/s %5.1f %%", s->vms[i].name, measure_mbps(bytes[i], w),
		       sum ? 100 * (double)bytes[i] / (double)sum : 0);
		if (p->scheduler != SCHEDULER_NONE)
			printf(" (share %u)", p->shares[i].weight);
	}
	printf("\n");
	fflush(stdout);
}

static int second(struct run *run, struct phase_result *p, uint64_t from_ns, uint64_t to_ns,
		  struct errtext *e)
{
	const struct scheduler *by = scheduling_of(p->phase->scheduler);
	struct window w = { from_ns, to_ns };
	uint64_t bytes[TOPO_VMS_MAX] = {};
	int r = 0;

	backlog_find(run->backlog, by && p->phase->scheduler != SCHEDULER_CPU ? by->queues : QUEUES_UNKNOWN);
	for (uint64_t at = from_ns; r == 0 && at < to_ns; at += LOOK_NS) {
		r = loop_until(at + LOOK_NS < to_ns ? at + LOOK_NS : to_ns);
		backlog_sample(run->backlog);
		if (r == 0 && run->s->rx)
			r = intake_look(&run->intake, &run->testbed->topo, run->s->n_guests, e);
	}
	p->late_ms = fmax(p->late_ms, ((double)clock_now_ns() - (double)to_ns) / 1e6);
	if (r == 0)
		r = poll_meters(run);
	if (r < 0)
		return r == -EINTR ? r : errtext_set(e, r, "the wire's meter: %s", strerror(-r));
	for (size_t i = 0; i < run->s->n_vms; i++) {
		if (!vm_alive(run->testbed->vm[run->s->vms[i].of]))
			return errtext_set(e, -EPIPE, "VM %s ended by itself", run->s->vms[i].name);
		if (!load_running(&run->load, i, e))
			return -EPIPE;
		bytes[i] = measure_bytes(measure_slice(run->result.trace[i], w));
	}
	say_line(run->s, p->phase, (double)(to_ns - run->result.start_ns) / 1e9, bytes, w);
	run->seconds++;
	if (run->watch->on_second)
		run->watch->on_second(run->watch->arg, p->phase->name, run->seconds, scenario_seconds(run->s));
	return 0;
}

/*
 * Traffic that runs goes on while the scheduler changes. Traffic that rested, or starts anew under each
 * scheduler, starts after the change, so that it finds the wire's queue empty and not full of what came
 * before.
 */
static int enter(struct run *run, struct phase_result *p, struct errtext *e)
{
	bool was = run->scheduling.active != SCHEDULER_NONE, started = false;
	int r = 0;

	for (size_t i = 0; i < run->s->n_vms; i++)
		p->woken[i] = !p->phase->fresh && !run->load.flood[i] && scenario_sends(run->s, p->phase, i);
	if (p->phase->idle || p->phase->fresh)
		r = load_stop_floods(&run->load, e);
	if (r < 0)
		return r;
	p->asked_ns = clock_now_ns();
	r = scheduling_enter(&run->scheduling, p->phase, e);
	p->acked_ns = clock_now_ns();
	p->commands = scheduling_commands(&run->scheduling);
	p->changed = p->phase->scheduler != SCHEDULER_NONE && p->commands;
	if (was && p->phase->scheduler == SCHEDULER_NONE && r == 0) {
		printf("released\n");
		fflush(stdout);
	}
	if (r == 0)
		r = load_enter(&run->load, p->phase, &started, e);
	if (r == 0 && run->s->rx)
		r = intake_begin(&run->intake, &run->testbed->topo, run->s->n_guests, e);
	p->window.from_ns = started ? clock_now_ns() : p->acked_ns;
	if (!run->result.start_ns)
		run->result.start_ns = p->window.from_ns;
	return r;
}

static int observe_all(struct run *run, struct observation *out, struct errtext *e)
{
	int r = observe(&run->testbed->topo, run->testbed->vm, run->s->n_guests, out, e);

	if (r == 0 && run->scheduling.divvyd > 0)
		proc_cpu_ns(run->scheduling.divvyd, &out->daemon_ns);
	return r;
}

/* What this kernel has no part for is not gone through; p->skipped tells why. */
static bool skip(struct run *run, struct phase_result *p)
{
	if (scheduling_possible(p->phase->scheduler, p->skipped, sizeof(p->skipped)))
		return false;
	printf("%s: left out: %s\n", p->phase->name, p->skipped);
	fflush(stdout);
	run->seconds += p->phase->seconds;
	p->asked_ns = p->acked_ns = p->window.from_ns = p->window.to_ns = clock_now_ns();
	if (!run->result.start_ns)
		run->result.start_ns = p->asked_ns;
	return true;
}

/* From here on the phase counts. */
static int warm_up(struct run *run, struct phase_result *p, struct errtext *e)
{
	_cleanup_free_ char *status = NULL;

	backlog_reset(run->backlog);
	if (p->phase->scheduler == SCHEDULER_CPU && divvy_ask(&run->scheduling, "status", &status) == 0)
		observe_cpu(run->s, status, &p->cpu_warm);
	return observe_all(run, &p->warm, e);
}

static int go_through(struct run *run, struct phase_result *p, struct errtext *e)
{
	uint64_t from;
	int r;

	r = enter(run, p, e);
	if (r < 0)
		return r;
	from = p->window.from_ns;
	r = observe_all(run, &p->begin, e);
	for (unsigned k = 0; r == 0 && k < p->phase->seconds; k++) {
		r = second(run, p, from + k * NSEC_PER_SEC, from + (k + 1) * NSEC_PER_SEC, e);
		if (r == 0 && (k + 1) * NSEC_PER_SEC == MEASURE_WARMUP_NS)
			r = warm_up(run, p, e);
	}
	if (r < 0)
		return r;
	p->window.to_ns = from + p->phase->seconds * NSEC_PER_SEC;
	for (size_t i = 0; i < run->s->n_guests; i++)
		if (!run->s->vms[i].receives)
			p->backlog[i] = backlog_get(run->backlog, i);
	r = observe_all(run, &p->end, e);
	observe_sndbuf(&run->testbed->topo, run->testbed->vm, run->s->n_guests, p->sndbuf);
	if (p->phase->scheduler == SCHEDULER_DIVVY || p->phase->scheduler == SCHEDULER_CPU)
		divvy_ask(&run->scheduling, "status", &p->status);
	if (p->phase->scheduler == SCHEDULER_CPU) {
		observe_cpu(run->s, p->status, &p->cpu_end);
		observe_slots(&run->scheduling, run->testbed->vm, measure_steady(p->window), &p->slots);
	}
	return r;
}

static int go(struct run *run, struct errtext *e)
{
	const struct scenario *s = run->s;
	struct result *res = &run->result;
	int r;

	res->phases = calloc(s->n_phases * s->repeat, sizeof(*res->phases));
	if (!res->phases)
		return errtext_set(e, -ENOMEM, "out of memory");
	for (unsigned turn = 1; turn <= s->repeat; turn++)
		for (size_t k = 0; k < s->n_phases; k++) {
			struct phase_result *p = &res->phases[res->n_phases++];

			p->phase = &s->phases[k];
			p->repetition = turn;
			r = skip(run, p) ? 0 : go_through(run, p, e);
			if (r < 0)
				return r;
		}
	r = load_stop(&run->load, e);
	if (r == 0)
		r = poll_meters(run);
	return r;
}

/* --- around it ------------------------------------------------------------------------------------ */

static int evaluate(struct result *r, struct errtext *e)
{
	int err = result_evaluate(r);

	return err < 0 ? errtext_set(e, err, "out of memory") : result_evaluate_video(r, e);
}

int run_clean(void)
{
	int removed = 0;
	glob_t g;

	if (glob(RUN_DIR "*", 0, NULL, &g) != 0)
		return 0;
	for (size_t i = 0; i < g.gl_pathc; i++) {
		pid_t pid = atoi(g.gl_pathv[i] + strlen(RUN_DIR));

		if (pid > 0 && kill(pid, 0) < 0 && errno == ESRCH)
			removed += proc_run(NULL, NULL, NULL, "rm -rf %s", g.gl_pathv[i]) == 0;
	}
	globfree(&g);
	return removed;
}

static void announce(const struct scenario *s)
{
	char wire[40];

	if (s->half_demand)
		snprintf(wire, sizeof(wire), "of half the demand");
	else if (scenario_unlimited(s))
		snprintf(wire, sizeof(wire), "without limit");
	else
		snprintf(wire, sizeof(wire), "%.0f Mbit/s", (double)s->wire.bytes_ps * 8e-6);
	printf("%s: %s\n%zu VMs, wire %s, %s, %u s\n", s->name, s->title, s->n_guests, wire,
	       topo_kind_name(s->topology), scenario_seconds(s));
	fflush(stdout);
}

int run_scenario(struct scenario *s, struct testbed *testbed, const char *out_dir,
		 const struct run_watch *watch, struct errtext *e)
{
	struct run run = { .s = s, .testbed = testbed, .watch = watch };
	int r;

	r = proc_runv(NULL, (const char *const[]){ "mkdir", "-p", out_dir, NULL }, NULL, NULL, e);
	if (r < 0)
		return r;
	snprintf(run.dir, sizeof(run.dir), RUN_DIR "%d", (int)getpid());
	snprintf(run.log, sizeof(run.log), "%.4000s/divvyd.log", out_dir);
	if (mkdir(run.dir, 0700) < 0)
		return errtext_set(e, -errno, "%s: %s", run.dir, strerror(errno));

	run.result.scenario = s;
	run.load = (struct load){ .scenario = s, .testbed = testbed, .heard = run.result.heard };
	run.scheduling = (struct scheduling){
		.scenario = s, .topo = &testbed->topo, .vm = testbed->vm, .dir = run.dir, .log_path = run.log,
	};
	result_describe(&run.result);
	announce(s);
	r = up(&run, e);
	run.result.accel = accel_name(testbed->accel);
	snprintf(run.result.accel_why, sizeof(run.result.accel_why), "%s", testbed->accel_why);
	snprintf(run.result.guest_kernel, sizeof(run.result.guest_kernel), "%s", testbed->image.release);
	if (r == 0)
		r = go(&run, e);
	if (r == 0)
		r = evaluate(&run.result, e);
	if (r == 0)
		r = watch->keep(&run.result, out_dir, e);
	down(&run);
	if (r < 0)
		testbed_down(testbed);
	return r;
}
