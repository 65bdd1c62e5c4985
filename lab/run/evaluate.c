/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "result.h"

#include "base/cleanup.h"
#include "lab/measure/entitled.h"
#include "scheduling.h"

#include <errno.h>
#include <math.h>

static bool has_sequence_numbers(const struct scenario_vm *vm)
{
	return vm->sends && (vm->traffic.kind == TRAFFIC_UDP || vm->traffic.kind == TRAFFIC_UDP2);
}

/*
 * Of its entitlement, a guest has enough to send from here on. A flood of pings goes on as answers come, so
 * what it offers is what is taken, to the rounding of a token bucket.
 */
#define ENOUGH 0.99

static double offered_mbps(const struct scenario_vm *vm, const struct phase_result *p, size_t i)
{
	if (!vm->receives)
		return measure_mbps(p->end.tap_bytes[i] - p->warm.tap_bytes[i],
				    (struct window){ p->warm.at_ns, p->end.at_ns });
	return vm->traffic.rate_bps ? (double)vm->traffic.rate_bps * 1e-6 : (double)INFINITY;
}

/*
 * Whether what the VM offers can be told from its tap while nothing holds it back. TCP offers what it gets.
 */
static bool offers_freely(const struct scenario_vm *vm)
{
	return vm->sends && vm->traffic.kind != TRAFFIC_TCP;
}

static double entitled_mbps(const struct scenario *s, const struct scenario_phase *p, size_t vm)
{
	double weights = 0;

	for (size_t i = 0; i < s->n_vms; i++)
		if (scenario_sends(s, p, i) && s->vms[i].receives == s->vms[vm].receives)
			weights += p->shares[i].weight;
	return weights > 0 && scenario_sends(s, p, vm) ?
		       (double)s->capacity.bytes_ps * 8e-6 * p->shares[vm].weight / weights :
		       0;
}

/* Datagrams that the receiver missed, over reports that lie wholly in the window. */
static double loss_pct(const struct heard *h, struct window w)
{
	uint64_t lost = 0, total = 0;

	for (size_t i = 0; i < h->n_intervals; i++) {
		const struct traffic_interval *v = &h->intervals[i];

		if (v->at_ns < w.from_ns + v->span_ns || v->at_ns > w.to_ns)
			continue;
		lost += v->lost;
		total += v->total;
	}
	return total ? 100 * (double)lost / (double)total : (double)NAN;
}

static int round_trips(const struct heard *h, struct window w, struct vm_result *v)
{
	_cleanup_free_ uint64_t *rtt = NULL;
	size_t n = 0;

	v->rtt_p50_ms = v->rtt_p99_ms = (double)NAN;
	v->n_rtts = 0;
	if (h->n_rtts == 0)
		return 0;
	rtt = malloc(h->n_rtts * sizeof(*rtt));
	if (!rtt)
		return -ENOMEM;
	for (size_t i = 0; i < h->n_rtts; i++)
		if (h->rtts[i].at_ns >= w.from_ns && h->rtts[i].at_ns < w.to_ns)
			rtt[n++] = h->rtts[i].rtt_ns;
	if (n == 0)
		return 0;
	measure_ascending(rtt, n);
	v->n_rtts = n;
	v->rtt_p50_ms = (double)measure_quantile(rtt, n, 0.5) / 1e6;
	v->rtt_p99_ms = (double)measure_quantile(rtt, n, 0.99) / 1e6;
	return 0;
}

/* What concerns one VM alone. */
static int evaluate_vm(struct result *r, struct phase_result *p, size_t i, uint64_t *bytes)
{
	struct vm_result *v = &p->vm[i];
	const struct scenario_vm *vm = &r->scenario->vms[i];
	struct trace t = measure_slice(r->trace[i], p->steady);
	uint64_t cpu_ns = p->end.cpu_ns[vm->of] - p->warm.cpu_ns[vm->of];
	int err;

	*bytes = measure_bytes(t);
	v->mbps = measure_mbps(*bytes, p->steady);
	v->offered_mbps = offered_mbps(vm, p, i);
	v->entitled_mbps = entitled_mbps(r->scenario, p->phase, i);
	v->share_pct = v->error_pp = v->entitlement_error_pp = (double)NAN;
	v->video = video_none;
	for (size_t k = 0; k < measure_n_kinds; k++)
		v->measures[k] = vm->receives ? (double)NAN : measure_kinds[k].of(t, p->steady);
	v->loss_pct = has_sequence_numbers(vm) ? loss_pct(&r->heard[i], p->steady) :
								   (double)NAN;
	/* A VM that sends and receives is counted once. */
	v->cpu_cores = vm->of == i ? measure_cores(cpu_ns, (struct window){ p->warm.at_ns, p->end.at_ns }) : (double)NAN;
	v->cpu_per_mbit = v->mbps > 0 ? v->cpu_cores / v->mbps : (double)NAN;
	v->empty_pct = p->backlog[i].samples ?
			       100 * (double)p->backlog[i].empty / (double)p->backlog[i].samples :
			       (double)NAN;
	v->sndbuf = vm->receives ? 0 : p->sndbuf[i];
	v->bound_ms = v->sndbuf > 0 && v->entitled_mbps > 0 ? v->sndbuf * 8e-3 / v->entitled_mbps :
							      (double)NAN;

	err = vm->receives ? -ENODATA : measure_gaps(t, &v->gaps);
	if (err == -ENOMEM)
		return err;
	v->has_gaps = err == 0;
	return round_trips(&r->heard[i], p->steady, v);
}

static uint64_t drops_between(const struct scenario *s, const struct observation *a,
			      const struct observation *b)
{
	/* A queue that went away took its counter with it. */
	uint64_t n = b->qdisc_drops > a->qdisc_drops ? b->qdisc_drops - a->qdisc_drops : 0;

	for (size_t i = 0; i < s->n_vms; i++)
		n += b->tap_drops[i] - a->tap_drops[i] + (s->rx ? b->unread_drops[i] - a->unread_drops[i] : 0);
	return n;
}

#define WAKE_NS (10 * NSEC_PER_MSEC)

/*
 * When a VM that rested is heard of: the first 10 ms in which it delivers a tenth of what it is entitled to.
 * Before that are the few packets with which programs greet each other.
 */
static uint64_t woken_ns(struct trace t, double entitled_mbps, struct window w)
{
	const double enough = entitled_mbps * 1e6 / 8 * (double)WAKE_NS / 1e9 / 10;

	for (uint64_t at = w.from_ns; at + WAKE_NS <= w.to_ns; at += WAKE_NS)
		if ((double)measure_bytes(measure_slice(t, (struct window){ at, at + WAKE_NS })) >= enough)
			return at;
	return w.to_ns;
}

/* Whether something changed after which all VMs should come to their shares, and from when on. */
static bool settles(const struct result *r, const struct phase_result *p, struct window *since)
{
	bool woken = false;

	*since = p->window;
	for (size_t i = 0; i < r->scenario->n_vms; i++) {
		uint64_t at;

		if (r->scenario->vms[i].sends && !scenario_sends(r->scenario, p->phase, i))
			return false;
		if (r->scenario->vms[i].traffic.kind == TRAFFIC_VIDEO || r->scenario->vms[i].receives)
			return false; /* sends what it has, whatever its share; is not looked at often enough */
		if (!p->woken[i])
			continue;
		at = woken_ns(r->trace[i], p->vm[i].entitled_mbps,
			      (struct window){ p->acked_ns, p->window.to_ns });
		if (!woken || at > since->from_ns)
			since->from_ns = at;
		woken = true;
	}
	return woken || p->changed;
}

/* Each has the capacity. */
static unsigned directions(const struct scenario *s)
{
	unsigned ways[2] = {};

	for (size_t i = 0; i < s->n_vms; i++)
		ways[s->vms[i].receives] |= s->vms[i].sends;
	return ways[0] + ways[1] > 1 ? 2 : 1;
}

static int evaluate_phase(struct result *r, struct phase_result *p)
{
	const struct scenario *s = r->scenario;
	uint64_t bytes[TOPO_VMS_MAX], sum = 0, settled;
	struct window since;
	int err;

	p->steady = measure_steady(p->window);
	for (size_t i = 0; i < s->n_vms; i++) {
		err = evaluate_vm(r, p, i, &bytes[i]);
		if (err < 0)
			return err;
		sum += bytes[i];
	}
	p->total_mbps = measure_mbps(sum, p->steady);
	p->utilisation = scenario_unlimited(s) ? (double)NAN :
						 measure_utilisation(sum, s->capacity, p->steady) / directions(s);
	p->jain = measure_jain(bytes, p->phase->shares, s->n_vms);
	p->queue_drops = drops_between(s, &p->begin, &p->end);
	p->wire_drops = p->end.wire_drops - p->begin.wire_drops;

	p->others_cores = measure_cores(p->end.busy_ns - p->warm.busy_ns,
					(struct window){ p->warm.at_ns, p->end.at_ns });
	for (size_t i = 0; i < s->n_guests; i++)
		p->others_cores -= p->vm[i].cpu_cores;

	p->settled_ms = (double)NAN;
	if (settles(r, p, &since) && measure_settled(r->trace, p->phase->shares, s->n_vms, since,
						     s->tcp ? &settle_tcp : &settle_udp, &settled) == 0)
		p->settled_ms = (double)settled / 1e6;
	return 0;
}

/* Where its processor is what a guest is held by, it offers what it may and not what it would. */
static bool floods_held(const struct phase_result *p, const struct scenario_vm *vm)
{
	const struct scheduler *by = scheduling_of(p->phase->scheduler);

	return (p->phase->scheduler == SCHEDULER_CPU || (by && by->by_cpu)) && vm->traffic.rate_bps == 0;
}

static bool unscheduled(const struct phase_result *p)
{
	return p->phase->scheduler == SCHEDULER_NONE && !p->phase->idle;
}

/*
 * With reserves a VM is entitled to what the others' demands leave, too. offered: what each VM offers where nothing
 * holds it.
 */
static void entitle_with_reserves(const struct result *r, struct phase_result *p, const double *offered)
{
	const struct scenario *s = r->scenario;
	const double capacity = (double)s->capacity.bytes_ps * 8e-6;
	struct claim claim[TOPO_VMS_MAX];
	double entitled[TOPO_VMS_MAX];

	for (size_t i = 0; i < s->n_vms; i++)
		claim[i] = (struct claim){
			.weight = p->phase->shares[i].weight,
			.reserve = (double)p->phase->reserve[i].bytes_ps * 8e-6,
			.demand = !scenario_sends(s, p->phase, i)    ? 0 :
				  offers_freely(&s->vms[i]) ? offered[i] :
							      (double)INFINITY,
		};
	measure_entitled(claim, s->n_vms, capacity, entitled);
	for (size_t i = 0; i < s->n_vms; i++) {
		p->vm[i].entitled_mbps = entitled[i];
		if (p->phase->scheduler != SCHEDULER_NONE)
			p->vm[i].entitlement_error_pp = 100 * (p->vm[i].mbps - entitled[i]) / capacity;
	}
}

/*
 * Could the guests fill the wire, and each of them its own part of it? What they offer shows where nothing
 * holds them.
 */
static void judge_load(struct result *r)
{
	const struct scenario *s = r->scenario;
	double offered[TOPO_VMS_MAX] = {};

	r->load_known = r->loaded = false;
	for (size_t k = 0; k < r->n_phases; k++) {
		struct phase_result *p = &r->phases[k];

		if (!unscheduled(p))
			continue;
		r->load_known = true;
		r->loaded |= p->utilisation >= RESULT_FULL;
		for (size_t i = 0; i < s->n_vms; i++)
			offered[i] = fmax(offered[i], p->vm[i].offered_mbps);
	}
	for (size_t k = 0; r->load_known && k < r->n_phases; k++)
		if (r->phases[k].phase->has_reserves && !r->phases[k].skipped[0])
			entitle_with_reserves(r, &r->phases[k], offered);
	for (size_t k = 0; k < r->n_phases; k++)
		for (size_t i = 0; i < s->n_vms; i++) {
			struct vm_result *v = &r->phases[k].vm[i];

			/* A tap that is held back tells what was taken, not what there was. */
			double could = v->sndbuf > 0 ? offered[i] : v->offered_mbps;

			/*
			 * In CPU slots a flood has always more to do; without a limit of the wire every VM
			 * has.
			 */
			v->backlogged = scenario_sends(s, r->phases[k].phase, i) &&
					s->vms[i].traffic.kind != TRAFFIC_VIDEO &&
					(!offers_freely(&s->vms[i]) || (v->sndbuf > 0 && !r->load_known) ||
					 scenario_unlimited(s) || floods_held(&r->phases[k], &s->vms[i]) ||
					 could >= ENOUGH * v->entitled_mbps);
		}
}

/* Of those that send, or of those that receive. */
static void evaluate_shares(const struct result *r, struct phase_result *p, bool receives)
{
	uint64_t bytes[TOPO_VMS_MAX] = {};
	double pct[TOPO_VMS_MAX], error[TOPO_VMS_MAX];
	bool counts[TOPO_VMS_MAX] = {};
	size_t n = r->scenario->n_vms;

	for (size_t i = 0; i < n; i++) {
		bytes[i] = measure_bytes(measure_slice(r->trace[i], p->steady));
		counts[i] = p->vm[i].backlogged && r->scenario->vms[i].receives == receives;
	}
	if (measure_shares(bytes, p->phase->shares, counts, n, pct, error) < 0)
		return;
	for (size_t i = 0; i < n; i++) {
		if (!counts[i])
			continue;
		p->vm[i].share_pct = pct[i];
		/*
		 * Without a scheduler no share is promised, unless the scenario names one to compare with.
		 */
		if (p->phase->scheduler != SCHEDULER_NONE || p->phase->has_shares)
			p->vm[i].error_pp = error[i];
	}
}

/* A phase that was not gone through: no figure, rather than zero. */
static void blank(struct phase_result *p)
{
	p->settled_ms = p->utilisation = p->jain = p->total_mbps = (double)NAN;
	for (size_t i = 0; i < TOPO_VMS_MAX; i++)
		p->vm[i] = (struct vm_result){
			.mbps = (double)NAN, .share_pct = (double)NAN, .error_pp = (double)NAN, .loss_pct = (double)NAN,
			.entitlement_error_pp = (double)NAN,
			.cpu_per_mbit = (double)NAN, .rtt_p50_ms = (double)NAN, .rtt_p99_ms = (double)NAN,
			.empty_pct = (double)NAN, .bound_ms = (double)NAN, .video = video_none,
		};
}

int result_evaluate(struct result *r)
{
	for (size_t k = 0; k < r->n_phases; k++) {
		struct phase_result *p = &r->phases[k];
		int err = 0;

		if (p->skipped[0])
			blank(p);
		else
			err = evaluate_phase(r, p);
		if (err < 0)
			return err;
	}
	judge_load(r);
	for (size_t k = 0; k < r->n_phases; k++) {
		struct phase_result *p = &r->phases[k];

		if (p->skipped[0])
			continue;
		if (!result_judged(r, p)) {
			p->jain = (double)NAN;
			continue;
		}
		evaluate_shares(r, p, false);
		if (r->scenario->rx)
			evaluate_shares(r, p, true);
	}
	return result_evaluate_cpu(r);
}
