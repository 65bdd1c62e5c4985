/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * HTB at the uplink as a reader of tc-htb(8) and net/sched/sch_htb.c sets it up: what
 * administrator.c does, and
 *  - quantum in the shares' proportions, by which HTB divides what is lent above the rates
 *    (htb_dequeue_tree(): a leaf may send until its deficit is used up). Each at least one GSO packet, or a
 *    leaf overdraws in every round. tc's default, rate / r2q, is cut at 1,000 and 200,000 bytes by the
 *    kernel, and so loses the proportions.
 *  - burst and cburst of 10 ms at rate and ceil; tc's default is one timer tick's worth or an MTU, and a host
 *    that is late for longer than that loses capacity.
 *  - a pfifo of 10 ms of full frames at each leaf, not one of the device's txqueuelen (1,000 packets, 0.2 s
 *    at 60 Mbit/s).
 */

#include "peer.h"

#include "spec/units.h"

#include <inttypes.h>
#include <limits.h>

/* GSO_LEGACY_MAX_SIZE of include/linux/netdevice.h, 65,536, with an Ethernet header */
#define GSO_BYTES 65550U
#define FRAME_BYTES 1514U
#define BURST_DIVISOR 100 /* of a second: 10 ms */
#define QUEUE_DIVISOR 100 /* 10 ms */
#define LIMIT_MIN 20U     /* packets */
#define LIMIT_MAX 1000U

static uint64_t burst_of(struct rate r)
{
	uint64_t bytes = r.bytes_ps / BURST_DIVISOR;

	return bytes < 2 * FRAME_BYTES ? 2 * FRAME_BYTES : bytes;
}

void htb_tuned_plan(const struct scenario *s, const struct scenario_phase *p, size_t vm,
		    struct htb_tuned *out)
{
	struct rate rate = peer_rate(s, p, vm);
	uint64_t packets = rate.bytes_ps / QUEUE_DIVISOR / FRAME_BYTES, quantum;
	uint32_t least = p->shares[0].weight;

	for (size_t i = 1; i < s->n_vms; i++)
		least = p->shares[i].weight < least ? p->shares[i].weight : least;
	quantum = (uint64_t)GSO_BYTES * p->shares[vm].weight / least;
	*out = (struct htb_tuned){
		.quantum = quantum > INT_MAX ? INT_MAX : (uint32_t)quantum, /* the kernel keeps an int */
		.burst = burst_of(rate),
		.cburst = burst_of(s->capacity),
		.limit = packets < LIMIT_MIN ? LIMIT_MIN :
			 packets > LIMIT_MAX ? LIMIT_MAX :
					       (uint32_t)packets,
	};
}

static int class(struct scheduling *s, const char *verb, const struct scenario_phase *p, size_t vm,
		 struct errtext *e)
{
	char rate[UNITS_RATE_SIZE], ceil[UNITS_RATE_SIZE];
	const char *up = s->topo->uplink;
	uint16_t minor = administrator_minor(vm);
	struct htb_tuned t;

	htb_tuned_plan(s->scenario, p, vm, &t);
	return scheduling_run(s, e,
			      "tc class %s dev %s parent 1:1 classid 1:%x htb rate %s ceil %s quantum %" PRIu32
			      " burst %" PRIu64 "b cburst %" PRIu64 "b\n"
			      "tc qdisc %s dev %s parent 1:%x handle %x: pfifo limit %" PRIu32,
			      verb, up, minor, units_format_rate(peer_rate(s->scenario, p, vm), rate),
			      units_format_rate(s->scenario->capacity, ceil), t.quantum, t.burst, t.cburst, verb, up, minor,
			      minor, t.limit);
}

static int classes(struct scheduling *s, const char *verb, const struct scenario_phase *p, struct errtext *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->scenario->n_vms; i++)
		r = class(s, verb, p, i, e);
	return r;
}

static int htb_tuned_apply(struct scheduling *s, const struct scenario_phase *p, struct errtext *e)
{
	uint64_t burst = burst_of(s->scenario->capacity);
	char capacity[UNITS_RATE_SIZE];
	int r;

	units_format_rate(s->scenario->capacity, capacity);
	r = scheduling_run(s, e,
			   "tc qdisc add dev %s root handle 1: htb\n"
			   "tc class add dev %s parent 1: classid 1:1 htb rate %s ceil %s burst %" PRIu64 "b cburst %" PRIu64 "b",
			   s->topo->uplink, s->topo->uplink, capacity, capacity, burst, burst);
	if (r == 0)
		r = classes(s, "add", p, e);
	return r < 0 ? r : uplink_classify(s, e);
}

static int htb_tuned_set(struct scheduling *s, const struct scenario_phase *p, struct errtext *e)
{
	return classes(s, "change", p, e);
}

const struct scheduler scheduler_htb_tuned = {
	.apply = htb_tuned_apply,
	.set = htb_tuned_set,
	.release = uplink_release,
	.needs = { PART_HTB, PART_FIFO, PART_U32 },
	.queues = QUEUES_UPLINK,
};
