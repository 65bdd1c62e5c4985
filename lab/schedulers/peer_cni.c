/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The CNI bandwidth plugin (containernetworking/plugins v1.1.1, which Debian 12 has, to v1.4.1, and v1.6.0 to
 * v1.9.1; v1.5 had HTB): plugins/meta/bandwidth/ifb_creator.go, CreateIfb(), CreateEgressQdisc(),
 * createTBF(). It speaks rtnetlink; here are the same requests as commands. A cap for each device, nothing is
 * lent: a VM's rate is its share of the capacity.
 *
 * What the plugin leaves to its configuration is egressBurst. containerd (toCNIBandWidth()) puts 2^32 - 1
 * bits there, 512 MiB, which at 60 Mbit/s is a minute without any limit, so the lab gives 10 ms of the rate,
 * as tc-tbf(8) advises for HZ=100, never less than the 16 frames' worth that a busy host needs.
 *
 * It has ADD and DEL and no way to change: a change is both.
 */

#include "peer.h"

#include <inttypes.h>

#define LATENCY_MS 25 /* latencyInMillis of ifb_creator.go */
#define BURST_DIVISOR 100
#define BURST_MIN (16 * 1514)
#define TAP_MTU 1500 /* the IFB gets its device's */

void cni_plan(struct rate rate, struct cni_tbf *out)
{
	uint64_t burst = rate.bytes_ps / BURST_DIVISOR;

	if (burst < BURST_MIN)
		burst = BURST_MIN;
	/*
	 * The plugin is told bits, and counts bytes again; the latency's part of the limit is rounded down.
	 */
	*out = (struct cni_tbf){
		.rate_bits = rate.bytes_ps * 8,
		.burst_bits = burst * 8,
		.burst = burst,
		.limit = rate.bytes_ps * LATENCY_MS / 1000 + burst,
	};
}

/* ADD, for what leaves the VM. */
static int add(struct scheduling *s, const struct scenario_phase *p, size_t vm, struct errtext *e)
{
	const char *tap = s->topo->vm[vm].tap;
	struct cni_tbf t;

	cni_plan(peer_rate(s->scenario, p, vm), &t);
	/* The plugin's name for it is "bwp" and 12 digits of a hash. txqueuelen: LinkAttrs' zero value. */
	return scheduling_run(s, e,
			      "ip link add bwp%zu mtu %d txqueuelen 0 up type ifb\n"
			      "tc qdisc add dev %s handle ffff: ingress\n"
			      "tc filter add dev %s parent ffff: protocol all prio 1 u32 match u32 0 0 flowid 1:1 "
			      "action mirred egress redirect dev bwp%zu\n"
			      "tc qdisc add dev bwp%zu root handle 1: tbf rate %" PRIu64 "bit burst %" PRIu64 "b limit %" PRIu64 "b",
			      vm, TAP_MTU, tap, tap, vm, vm, t.rate_bits, t.burst, t.limit);
}

/*
 * DEL: TeardownIfb(). The plugin leaves the ingress qdisc to go with the container's device; the tap stays.
 */
static int del(struct scheduling *s, size_t vm, struct errtext *e)
{
	int r = scheduling_run(s, e, "ip link del bwp%zu", vm);
	int err = scheduling_run(s, r < 0 ? NULL : e, "tc qdisc del dev %s ingress", s->topo->vm[vm].tap);

	return r < 0 ? r : err;
}

static int cni_apply(struct scheduling *s, const struct scenario_phase *p, struct errtext *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->scenario->n_vms; i++)
		r = add(s, p, i, e);
	return r;
}

static int cni_set(struct scheduling *s, const struct scenario_phase *p, struct errtext *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->scenario->n_vms; i++) {
		r = del(s, i, e);
		if (r == 0)
			r = add(s, p, i, e);
	}
	return r;
}

static int cni_release(struct scheduling *s, struct errtext *e)
{
	int r = 0;

	for (size_t i = 0; i < s->scenario->n_vms; i++) {
		int err = del(s, i, r < 0 ? NULL : e);

		r = r < 0 ? r : err;
	}
	return r;
}

const struct scheduler scheduler_cni = {
	.apply = cni_apply,
	.set = cni_set,
	.release = cni_release,
	.needs = { PART_IFB, PART_INGRESS, PART_U32, PART_MIRRED, PART_TBF },
};
