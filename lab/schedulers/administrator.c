/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The baseline: what an administrator who knows tc(8) types, and no more. HTB at the uplink, a class for each VM with
 * its share of the capacity as `rate` and all of it as `ceil`; quantum, burst and queues are tc's defaults.
 * VMs are told apart by source address, or, behind NAT, by the class that the firewall writes into the packet
 * where it still has its tap (nft(8), "meta priority"; HTB takes it without a filter).
 *
 * What VMs receive is led from the uplink's ingress through an IFB with the same HTB, by destination address. The
 * IFB is made with ip(8), which gives it a txqueuelen of 32: so long are the queues of its classes.
 */

#include "peer.h"

#include "spec/units.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct rate peer_rate(const struct scenario *s, const struct scenario_phase *p, size_t vm)
{
	uint64_t weights = 0;

	for (size_t i = 0; i < s->n_guests; i++)
		weights += p->shares[i].weight;
	return (struct rate){ s->capacity.bytes_ps * p->shares[vm].weight / weights };
}

#define IFB "ifb0"

static int class(struct scheduling *s, const char *dev, const char *verb, const struct scenario_phase *p, size_t vm,
		 struct errtext *e)
{
	char rate[UNITS_RATE_SIZE], ceil[UNITS_RATE_SIZE];

	return scheduling_run(s, e, "tc class %s dev %s parent 1:1 classid 1:%x htb rate %s ceil %s", verb,
			      dev, administrator_minor(vm),
			      units_format_rate(peer_rate(s->scenario, p, vm), rate),
			      units_format_rate(s->scenario->capacity, ceil));
}

/* end: "src" or "dst" */
static int filter_by(struct scheduling *s, const char *dev, const char *end, size_t vm, struct errtext *e)
{
	const char *address = s->topo->vm[vm].address;

	return scheduling_run(s, e,
			      "tc filter add dev %s parent 1: protocol ip u32 match ip %s %.*s/32 "
			      "flowid 1:%x",
			      dev, end, (int)strcspn(address, "/"), address, administrator_minor(vm));
}

static int class_by_tap(struct scheduling *s, size_t vm, struct errtext *e)
{
	return scheduling_run(s, e, "nft add rule ip shaping forward iifname %s meta priority set 1:%x",
			      s->topo->vm[vm].tap, administrator_minor(vm));
}

static int add_chain(struct scheduling *s, struct errtext *e)
{
	return scheduling_run(s, e, "nft add table ip shaping\n"
				    "nft add chain ip shaping forward { type filter hook forward priority mangle ; }");
}

int uplink_classify(struct scheduling *s, struct errtext *e)
{
	bool routed = s->topo->config.kind == TOPO_ROUTED;
	int r = routed ? add_chain(s, e) : 0;

	for (size_t i = 0; r == 0 && i < s->scenario->n_guests; i++)
		r = routed ? class_by_tap(s, i, e) : filter_by(s, s->topo->uplink, "src", i, e);
	return r;
}

static int tree(struct scheduling *s, const char *dev, const struct scenario_phase *p, struct errtext *e)
{
	char capacity[UNITS_RATE_SIZE];
	int r;

	units_format_rate(s->scenario->capacity, capacity);
	r = scheduling_run(s, e, "tc qdisc add dev %s root handle 1: htb\n"
				 "tc class add dev %s parent 1: classid 1:1 htb rate %s ceil %s", dev, dev, capacity, capacity);
	for (size_t i = 0; r == 0 && i < s->scenario->n_guests; i++)
		r = class(s, dev, "add", p, i, e);
	return r;
}

static int receive(struct scheduling *s, const struct scenario_phase *p, struct errtext *e)
{
	int r;

	if (s->topo->config.kind == TOPO_ROUTED)
		return errtext_set(e, -ENOTSUP, "behind NAT the uplink's ingress does not know which VM is meant");
	r = scheduling_run(s, e, "ip link add " IFB " type ifb\nip link set dev " IFB " up");
	if (r == 0)
		r = tree(s, IFB, p, e);
	for (size_t i = 0; r == 0 && i < s->scenario->n_guests; i++)
		r = filter_by(s, IFB, "dst", i, e);
	return r < 0 ? r : scheduling_run(s, e, "tc qdisc add dev %s handle ffff: ingress\n"
						"tc filter add dev %s parent ffff: protocol ip u32 match u32 0 0 action mirred "
						"egress redirect dev " IFB, s->topo->uplink, s->topo->uplink);
}

static int administrator_apply(struct scheduling *s, const struct scenario_phase *p, struct errtext *e)
{
	int r = tree(s, s->topo->uplink, p, e);

	if (r == 0)
		r = uplink_classify(s, e);
	return r == 0 && s->scenario->rx ? receive(s, p, e) : r;
}

static int administrator_set(struct scheduling *s, const struct scenario_phase *p, struct errtext *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->scenario->n_guests; i++) {
		r = class(s, s->topo->uplink, "change", p, i, e);
		if (r == 0 && s->scenario->rx)
			r = class(s, IFB, "change", p, i, e);
	}
	return r;
}

int uplink_release(struct scheduling *s, struct errtext *e)
{
	int r = scheduling_run(s, e, "tc qdisc del dev %s root", s->topo->uplink);
	int err = 0;

	if (s->topo->config.kind == TOPO_ROUTED)
		err = scheduling_run(s, r < 0 ? NULL : e, "nft delete table ip shaping");
	return r < 0 ? r : err;
}

static int administrator_release(struct scheduling *s, struct errtext *e)
{
	int r = uplink_release(s, e), err = 0;

	/* Without the IFB, the filter that leads to it would drop everything. */
	if (s->scenario->rx)
		err = scheduling_run(s, r < 0 ? NULL : e, "tc qdisc del dev %s ingress\nip link del " IFB, s->topo->uplink);
	return r < 0 ? r : err;
}

const struct scheduler scheduler_administrator = {
	.apply = administrator_apply,
	.set = administrator_set,
	.release = administrator_release,
	.needs = { PART_HTB, PART_U32 }, /* of receiving: what divvy needs, too */
	.queues = QUEUES_UPLINK,
};
