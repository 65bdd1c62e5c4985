/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Limits of one tap by policing what comes in from it: what is above the rate is dropped, nothing waits,
 * nothing is lent. A VM's rate is its share of the capacity.
 *
 * Proxmox VE: pve-common 9.2.1, src/PVE/Network.pm, tap_rate_limit() and setup_tc_rate_limit(), run for
 * "rate=" of a VM's network device when it starts and again when that changes. The class on the tap limits
 * what goes to the VM.
 *
 * libvirt: src/util/virnetdevbandwidth.c, virNetDevBandwidthSet() and virNetDevBandwidthClear(), run for
 * <bandwidth><outbound average=/></bandwidth> of an interface, and by `virsh domiftune --outbound`. A tap's
 * sides are swapped, so what the VM sends is what is received. Without burst= it is as many KiB as average
 * has kB/s: one second.
 */

#include "peer.h"

#include <inttypes.h>

#define MIB 1048576ULL
#define PROXMOX_BURST MIB /* tap_rate_limit() */

static int each(struct scheduling *s, const struct scenario_phase *p, struct errtext *e,
		int (*limit)(struct scheduling *s, const char *tap, struct rate rate, struct errtext *e))
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->scenario->n_vms; i++)
		r = limit(s, s->topo->vm[i].tap, peer_rate(s->scenario, p, i), e);
	return r;
}

static int clear_each(struct scheduling *s, void (*clear)(struct scheduling *s, const char *tap))
{
	for (size_t i = 0; i < s->scenario->n_vms; i++)
		clear(s, s->topo->vm[i].tap);
	return 0;
}

/* --- Proxmox VE ------------------------------------------------------------------------------------ */

/* rate= is a decimal number of what it calls MB/s; with three decimals here, nearest. */
uint64_t proxmox_rate(struct rate rate)
{
	uint64_t thousandths = (rate.bytes_ps * 1000 + MIB / 2) / MIB;

	return thousandths * MIB / 1000;
}

/* The first four are expected to fail where there is no limit yet. */
static void proxmox_clear(struct scheduling *s, const char *tap)
{
	scheduling_run(s, NULL, "tc class del dev %s parent 1: classid 1:1", tap);
	scheduling_run(s, NULL, "tc filter del dev %s parent ffff: protocol all pref 50 u32", tap);
	scheduling_run(s, NULL, "tc qdisc del dev %s ingress", tap);
	scheduling_run(s, NULL, "tc qdisc del dev %s root", tap);
}

static int proxmox_limit(struct scheduling *s, const char *tap, struct rate rate, struct errtext *e)
{
	uint64_t bps = proxmox_rate(rate);

	proxmox_clear(s, tap);
	return scheduling_run(s, e,
			      "tc qdisc add dev %s root handle 1: htb default 1\n"
			      "tc class add dev %s parent 1: classid 1:1 htb rate %" PRIu64 "bps burst %llub\n"
			      "tc qdisc add dev %s handle ffff: ingress\n"
			      "tc filter add dev %s parent ffff: prio 50 basic police rate %" PRIu64 "bps burst %llub mtu 64kb drop",
			      tap, tap, bps, PROXMOX_BURST, tap, tap, bps, PROXMOX_BURST);
}

static int proxmox_apply(struct scheduling *s, const struct scenario_phase *p, struct errtext *e)
{
	return each(s, p, e, proxmox_limit);
}

static int proxmox_release(struct scheduling *s, struct errtext *e)
{
	(void)e;
	return clear_each(s, proxmox_clear);
}

const struct scheduler scheduler_proxmox = {
	.apply = proxmox_apply,
	.set = proxmox_apply, /* the peer's own way, too */
	.release = proxmox_release,
	.needs = { PART_HTB, PART_INGRESS, PART_BASIC, PART_POLICE },
};

/* --- libvirt --------------------------------------------------------------------------------------- */

uint64_t libvirt_average(struct rate rate)
{
	return rate.bytes_ps / 1000;
}

/* Expected to fail where there is none. */
static void libvirt_clear(struct scheduling *s, const char *tap)
{
	scheduling_run(s, NULL, "tc qdisc del dev %s root", tap);
	scheduling_run(s, NULL, "tc qdisc del dev %s ingress", tap);
}

static int libvirt_limit(struct scheduling *s, const char *tap, struct rate rate, struct errtext *e)
{
	uint64_t average = libvirt_average(rate);

	libvirt_clear(s, tap);
	return scheduling_run(s, e,
			      "tc qdisc add dev %s ingress\n"
			      "tc filter add dev %s parent ffff: protocol all u32 match u32 0 0 police rate "
			      "%" PRIu64 "kbps burst %" PRIu64 "kb mtu 64kb drop flowid :1",
			      tap, tap, average, average);
}

static int libvirt_apply(struct scheduling *s, const struct scenario_phase *p, struct errtext *e)
{
	return each(s, p, e, libvirt_limit);
}

static int libvirt_release(struct scheduling *s, struct errtext *e)
{
	(void)e;
	return clear_each(s, libvirt_clear);
}

const struct scheduler scheduler_libvirt = {
	.apply = libvirt_apply,
	.set = libvirt_apply,
	.release = libvirt_release,
	.needs = { PART_INGRESS, PART_U32, PART_POLICE },
};
