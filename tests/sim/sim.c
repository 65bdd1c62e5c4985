/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Theory of Operation
 *
 * Time goes from slot boundary to slot boundary. Between two, only arrivals are looked at (a heap, one
 * entry for each VM that is waiting for its next arrival): busy VMs cost nothing but their slots. A VM that
 * has a lane uses CPU time from `from` on until its work is done; that is worked out when something happens
 * to it.
 *
 * What the scheduler is told is what a daemon can know: for policies that pause idle VMs, nothing but the
 * CPU time used in a slot; for the others, also that a VM is idle, and when it wakes up.
 */

#include "sim.h"
#include "base/cleanup.h"
#include "core/slots/pq.h"
#include "tests/clock.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#define NEVER UINT64_MAX
/* Latencies by power of two and 16 steps in each: 6 % resolution. */
#define HIST_STEPS 16U
#define HIST_SIZE (64U * HIST_STEPS)

struct sim_vm {
	uint64_t work_ns;  /* CPU time still wanted; NEVER: busy */
	uint64_t from_ns;  /* while it has a lane: accounted for up to here */
	uint64_t used_ns;  /* in all */
	uint64_t slot_used_ns;
	uint64_t woke_ns;  /* idle until then, and has not run since; NEVER: no */
	uint64_t wait_ns;  /* wants to run since; NEVER: it runs, or is idle */
	uint64_t window_used_ns; /* used_ns at the last sample */
	uint64_t period;   /* the slot in which it had a lane last */
	uint32_t share;
	uint8_t demand;
	bool lane;
};

struct sim {
	const struct sim_config *c;
	struct rounds *r;
	struct sim_vm *vm;
	struct pq arrivals;
	struct slot_set set;
	uint64_t now, end;
	uint64_t period;
	uint64_t random;
	double io_interval_ns, off_ns;
	uint64_t busy_shares;
	uint32_t *hist;
	struct sim_result res;
};

/* splitmix64: Steele, Lea and Flood, Fast Splittable Pseudorandom Number Generators, OOPSLA 2014 */
static uint64_t rnd(struct sim *s)
{
	uint64_t z = s->random += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static uint64_t exponential(struct sim *s, double mean)
{
	double u = ((double)(rnd(s) >> 11) + 0.5) / 9007199254740992.0;
	double x = -mean * log(u);

	return x < 1 ? 1 : (uint64_t)x;
}

/* --- latency histogram ---------------------------------------------------------------------------- */

static uint32_t hist_at(uint64_t ns)
{
	uint32_t log2;

	if (ns < HIST_STEPS)
		return (uint32_t)ns;
	log2 = 63U - (uint32_t)__builtin_clzll(ns);
	return log2 * HIST_STEPS + (uint32_t)((ns >> (log2 - 4)) & (HIST_STEPS - 1));
}

static uint64_t hist_value(uint32_t at)
{
	uint32_t log2 = at / HIST_STEPS;

	if (at < HIST_STEPS || log2 < 4)
		return at;
	return (1ULL << log2) + ((uint64_t)(at % HIST_STEPS) << (log2 - 4));
}

static void woke(struct sim *s, uint64_t latency)
{
	s->hist[hist_at(latency)]++;
	s->res.wakes++;
	if (latency > s->res.wake_max_ns)
		s->res.wake_max_ns = latency;
}

static uint64_t quantile(const struct sim *s, double q)
{
	uint64_t want = (uint64_t)(q * (double)s->res.wakes), seen = 0;

	for (uint32_t i = 0; i < HIST_SIZE; i++) {
		seen += s->hist[i];
		if (s->hist[i] && seen > want)
			return hist_value(i) < s->res.wake_max_ns ? hist_value(i) : s->res.wake_max_ns;
	}
	return s->res.wake_max_ns;
}

/* --- VMs --------------------------------------------------------------------------------------------- */

static void arrive_at(struct sim *s, uint32_t id, uint64_t time)
{
	pq_set(&s->arrivals, id, time, id);
}

/* CPU time that a VM with a lane used until now_ns. */
static void use(struct sim *s, uint32_t id, uint64_t now_ns)
{
	struct sim_vm *v = &s->vm[id];
	uint64_t t;

	if (now_ns <= v->from_ns)
		return;
	t = now_ns - v->from_ns;
	if (v->demand != DEMAND_BUSY) {
		bool had_work = v->work_ns > 0;

		t = t < v->work_ns ? t : v->work_ns;
		v->work_ns -= t;
		if (had_work && !v->work_ns && v->demand == DEMAND_ON_OFF)
			arrive_at(s, id, v->from_ns + t + exponential(s, s->off_ns));
	}
	v->slot_used_ns += t;
	v->from_ns = now_ns;
}

/* When the slot ends by itself because all its VMs are idle; NEVER: they are not. */
static uint64_t idle_end(const struct sim *s)
{
	uint64_t last = s->now;

	if (s->c->rounds.policy->pauses_idle || s->c->rounds.strict)
		return NEVER;
	for (uint32_t i = 0; i < s->set.n; i++) {
		const struct sim_vm *v = &s->vm[s->set.vm[i]];

		if (v->demand == DEMAND_BUSY)
			return NEVER;
		if (v->from_ns + v->work_ns > last)
			last = v->from_ns + v->work_ns;
	}
	return s->set.n ? last + s->c->notice_ns : NEVER;
}

/* The earliest the slot may end for a VM that woke up at time. */
static uint64_t cut_for(const struct sim *s, uint64_t time)
{
	uint64_t least = s->set.n ? s->now + s->c->least_ns : s->now;

	return time > least ? time : least;
}

/* A VM wants CPU time; *slot_end may come earlier for it. */
static void arrival(struct sim *s, uint32_t id, uint64_t time, uint64_t *slot_end)
{
	struct sim_vm *v = &s->vm[id];
	bool was_idle;

	if (v->lane)
		use(s, id, time);
	was_idle = !v->work_ns;
	if (v->demand == DEMAND_IO) {
		v->work_ns += s->c->io_ns;
		arrive_at(s, id, time + exponential(s, s->io_interval_ns));
	} else {
		v->work_ns += exponential(s, (double)s->c->on_ns);
	}
	if (!was_idle)
		return;
	if (v->lane) {
		if (v->demand == DEMAND_IO)
			woke(s, v->from_ns > time ? v->from_ns - time : 0);
		return;
	}
	v->woke_ns = time;
	if (s->c->rounds.policy->pauses_idle)
		return;
	if (rounds_wake(s->r, id, time) == 1 && cut_for(s, time) < *slot_end)
		*slot_end = cut_for(s, time);
}

static uint64_t run_slot(struct sim *s)
{
	uint64_t slot_end = s->now + s->c->rounds.slot_ns;
	const struct pq_item *next;

	for (;;) {
		uint64_t idle = idle_end(s), stop = idle < slot_end ? idle : slot_end;
		uint64_t time;
		uint32_t id;

		next = pq_top(&s->arrivals);
		if (!next || next->hi >= stop)
			return stop > s->now ? stop : s->now + 1;
		time = next->hi;
		id = pq_pop(&s->arrivals);
		arrival(s, id, time, &slot_end);
	}
}

static void end_slot(struct sim *s)
{
	for (uint32_t i = 0; i < s->set.n; i++) {
		uint32_t id = s->set.vm[i];
		struct sim_vm *v = &s->vm[id];
		bool more;

		use(s, id, s->now);
		more = v->demand == DEMAND_BUSY || v->work_ns;
		rounds_report(s->r, id, v->slot_used_ns, more || s->c->rounds.policy->pauses_idle, s->now);
		v->used_ns += v->slot_used_ns;
		v->lane = false;
		v->wait_ns = more ? s->now : NEVER;
	}
}

static void begin_slot(struct sim *s)
{
	s->period++;
	rounds_next(s->r, s->now, &s->set);
	s->res.decisions++;
	for (uint32_t i = 0; i < s->set.n; i++) {
		struct sim_vm *v = &s->vm[s->set.vm[i]];
		bool kept = v->period + 1 == s->period;

		v->period = s->period;
		v->lane = true;
		v->slot_used_ns = 0;
		v->from_ns = s->now + (kept ? 0 : s->c->switch_ns);
		if (v->woke_ns != NEVER && v->demand == DEMAND_IO)
			woke(s, v->from_ns - v->woke_ns);
		v->woke_ns = NEVER;
		if (v->demand == DEMAND_BUSY && v->wait_ns != NEVER && s->now - v->wait_ns > s->res.wait_ns)
			s->res.wait_ns = s->now - v->wait_ns;
		v->wait_ns = NEVER;
	}
}

/* --- measures ------------------------------------------------------------------------------------------ */

static double share_error(const struct sim *s, bool window)
{
	double used = 0, worst = 0;

	for (uint32_t i = 0; i < s->c->vms; i++)
		if (s->vm[i].demand == DEMAND_BUSY)
			used += (double)(s->vm[i].used_ns - (window ? s->vm[i].window_used_ns : 0));
	for (uint32_t i = 0; used > 0 && i < s->c->vms; i++) {
		const struct sim_vm *v = &s->vm[i];
		double off;

		if (v->demand != DEMAND_BUSY)
			continue;
		off = (double)(v->used_ns - (window ? v->window_used_ns : 0)) / used -
		      (double)v->share / (double)s->busy_shares;
		worst = fabs(off) > worst ? fabs(off) : worst;
	}
	return 100 * worst;
}

static void sample(struct sim *s)
{
	struct sim_sample *p = &s->res.sample[s->res.n_samples++];

	*p = (struct sim_sample){
		.time_ns = s->now, .error = share_error(s, false), .error_window = share_error(s, true),
	};
	for (uint32_t i = 0; i < s->c->vms; i++)
		s->vm[i].window_used_ns = s->vm[i].used_ns;
}

static void judge(struct sim *s)
{
	double used = 0, busy = 0, sum = 0, squares = 0, n = 0;
	struct rounds_stats st;

	for (uint32_t i = 0; i < s->c->vms; i++) {
		const struct sim_vm *v = &s->vm[i];
		double x = (double)v->used_ns / v->share;

		used += (double)v->used_ns;
		if (v->demand != DEMAND_BUSY)
			continue;
		busy += (double)v->used_ns;
		sum += x;
		squares += x * x;
		n++;
		if (v->wait_ns != NEVER && s->now - v->wait_ns > s->res.wait_ns)
			s->res.wait_ns = s->now - v->wait_ns;
	}
	rounds_stats(s->r, &st);
	s->res.rounds = st.rounds;
	s->res.time_ns = s->now;
	s->res.error = share_error(s, false);
	s->res.error_slots = s->res.error / 100 * busy / (double)s->c->rounds.slot_ns;
	s->res.utilisation = used / ((double)s->now * s->c->rounds.lanes);
	s->res.jain = squares > 0 ? sum * sum / (n * squares) : 0;
	s->res.wake_p50_ns = quantile(s, 0.5);
	s->res.wake_p99_ns = quantile(s, 0.99);
}

/*
 * --- set up ----------------------------------------------------------------------------------------------
 */

void sim_config_default(struct sim_config *c)
{
	*c = (struct sim_config){
		.rounds = { .policy = &policy_paper, .slot_ns = 10 * NSEC_PER_MSEC, .lanes = 1 },
		.vms = 3,
		.n_rounds = 20,
		.on_ns = 100 * NSEC_PER_MSEC,
		.io_load = 0.02,
		.io_ns = 200 * NSEC_PER_USEC,
		/* What a freeze and a thaw cost: design, section 5. */
		.switch_ns = 60 * NSEC_PER_USEC,
		.notice_ns = NSEC_PER_MSEC,
		/* Xen's sched_ratelimit_us, 1,000. */
		.least_ns = NSEC_PER_MSEC,
		.seed = 1,
	};
}

/* So many that the smallest share is worth one, and no fewer than the schedule's default. */
static uint32_t enough_slots(const struct sim *s)
{
	uint64_t sum = 0, least = UINT64_MAX, slots;

	for (uint32_t i = 0; i < s->c->vms; i++) {
		sum += s->vm[i].share;
		least = s->vm[i].share < least ? s->vm[i].share : least;
	}
	slots = (sum + least - 1) / least;
	if (slots > ROUNDS_SLOTS_MAX)
		slots = ROUNDS_SLOTS_MAX;
	return slots > 100 ? (uint32_t)slots : 100;
}

static int add_vms(struct sim *s)
{
	const struct sim_config *c = s->c;
	uint32_t n_io = 0;

	for (uint32_t i = 0; i < c->vms; i++) {
		struct sim_vm *v = &s->vm[i];
		double x = ((double)i + 0.5) / c->vms;
		uint32_t id;
		int ret;

		/* Demands interleave: the golden ratio's multiples fill [0, 1) evenly at any n. */
		x = x * c->vms * 0.6180339887498949;
		x -= floor(x);
		v->demand = DEMAND_BUSY;
		if (i && x < c->part[DEMAND_IO])
			v->demand = DEMAND_IO;
		else if (i && x < c->part[DEMAND_IO] + c->part[DEMAND_ON_OFF])
			v->demand = DEMAND_ON_OFF;
		v->woke_ns = NEVER;
		v->wait_ns = v->demand == DEMAND_BUSY ? 0 : NEVER;
		if (v->demand == DEMAND_BUSY)
			s->busy_shares += v->share;
		n_io += v->demand == DEMAND_IO;

		ret = rounds_add(s->r, (struct part){ v->share }, 0, &id);
		if (ret)
			return ret;
		if (v->demand != DEMAND_BUSY && !c->rounds.policy->pauses_idle)
			rounds_block(s->r, id, 0);
	}
	s->off_ns = (double)c->on_ns * c->vms;
	if (n_io)
		s->io_interval_ns = (double)c->io_ns * n_io / (c->io_load * c->rounds.lanes);
	for (uint32_t i = 0; i < c->vms; i++)
		if (s->vm[i].demand != DEMAND_BUSY)
			arrive_at(
				s, i,
				exponential(s, s->vm[i].demand == DEMAND_IO ? s->io_interval_ns : s->off_ns));
	return 0;
}

static void loop(struct sim *s)
{
	uint64_t every = s->c->samples ? s->end / s->c->samples : NEVER, next = every;

	while (s->now < s->end) {
		begin_slot(s);
		s->now = run_slot(s);
		end_slot(s);
		if (s->now >= next && s->res.n_samples < s->c->samples) {
			sample(s);
			next += every;
		}
	}
}

static void sim_free(struct sim *s)
{
	rounds_free(s->r);
	free(s->vm);
	free(s->hist);
	pq_free(&s->arrivals);
	free(s->res.sample);
}

int sim_run(const struct sim_config *c, struct sim_result *out)
{
	_cleanup_(sim_free) struct sim s = { .c = c, .random = c->seed, .period = 1 };
	struct rounds_config rounds = c->rounds;
	uint64_t start = now_ns();
	int ret;

	if (!c->vms || !c->n_rounds || (c->share && !c->n_share) || !(c->io_load > 0))
		return -EINVAL;
	s.vm = calloc(c->vms, sizeof(*s.vm));
	s.hist = calloc(HIST_SIZE, sizeof(*s.hist));
	s.res.sample = calloc(c->samples + 1, sizeof(*s.res.sample));
	if (!s.vm || !s.hist || !s.res.sample || pq_reserve(&s.arrivals, c->vms))
		return -ENOMEM;
	for (uint32_t i = 0; i < c->vms; i++)
		s.vm[i].share = c->share ? c->share[i % c->n_share] : 1 + (uint32_t)(rnd(&s) % 10);
	if (!rounds.slots)
		rounds.slots = enough_slots(&s);
	ret = rounds_new(&s.r, &rounds, 0);
	if (ret)
		return ret;
	s.res.slots = rounds.slots > c->vms ? rounds.slots : c->vms;
	s.end = s.res.slots * c->rounds.slot_ns / c->rounds.lanes * c->n_rounds;
	ret = add_vms(&s);
	if (ret)
		return ret;
	loop(&s);
	judge(&s);
	s.res.wall_ns = now_ns() - start;
	*out = s.res;
	s.res.sample = NULL;
	return 0;
}

void sim_result_free(struct sim_result *r)
{
	free(r->sample);
	r->sample = NULL;
}
