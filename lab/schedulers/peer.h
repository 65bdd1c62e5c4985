/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Peers: what else an administrator would set up today to share a host's network among VMs, each as the commands that
 * the peer itself runs. doc/peers.md names their sources. What they compute is here, apart from what they
 * run.
 */

#include "scheduler.h"

/* A VM's part of the capacity by its share, rounded down. */
struct rate peer_rate(const struct scenario *s, const struct scenario_phase *p, size_t vm);

/* --- HTB at the uplink: administrator.c and peer_htb.c --------------------------------------------- */

/* Minor number of a VM's class at the uplink. */
static inline uint16_t administrator_minor(size_t vm)
{
	return (uint16_t)(0x10 + vm);
}

/* Lead each VM's packets to its class: by source address, or by mark where the host does NAT. */
int uplink_classify(struct scheduling *s, struct errtext *e);
/* Take the uplink's HTB away, and the marks. */
int uplink_release(struct scheduling *s, struct errtext *e);

/* What an administrator who tunes HTB gives a class. */
struct htb_tuned {
	uint32_t quantum; /* bytes */
	uint64_t burst;   /* bytes, of rate and of ceil: 10 ms, never less than one GSO packet */
	uint64_t cburst;
	uint32_t limit;   /* of the leaf's queue, packets */
};
void htb_tuned_plan(const struct scenario *s, const struct scenario_phase *p, size_t vm,
		    struct htb_tuned *out);

/* --- caps of one tap: peer_cni.c, peer_police.c ----------------------------------------------------- */

/* The CNI bandwidth plugin's TBF. */
struct cni_tbf {
	uint64_t rate_bits;        /* bit/s, as its configuration's egressRate */
	uint64_t burst_bits;       /* as its configuration's egressBurst */
	uint64_t burst, limit;     /* bytes */
};
void cni_plan(struct rate rate, struct cni_tbf *out);

/*
 * bytes/s; how Proxmox VE's "rate=" (MB/s with two decimals) and libvirt's <outbound average=> (kB/s) round
 * it.
 */
uint64_t proxmox_rate(struct rate rate);
uint64_t libvirt_average(struct rate rate);

/* --- control groups: peer_cgroup.c ----------------------------------------------------------------- */

/*
 * CPU weight of a VM: as a group of its own by default has, on average over the n VMs. Within what the kernel
 * takes.
 */
unsigned cpu_weight_v2(const struct share *shares, size_t n, size_t vm); /* cpu.weight, 1..10000, 100 */
unsigned cpu_shares_v1(const struct share *shares, size_t n, size_t vm); /* cpu.shares, 2..262144, 1024 */

#define CPU_PERIOD_US 100000 /* the kernel's own default of cpu.max and cpu.cfs_period_us */
/*
 * CPU time of a VM in each CPU_PERIOD_US, in µs: its share of what the VMs can use together, that is of as
 * many CPUs as they have virtual ones, or as the host has, whichever is less. At least 1,000, the least that
 * the kernel takes.
 */
unsigned cpu_quota_us(const struct share *shares, size_t n, size_t vm, unsigned vcpus, unsigned cpus);

/* Leave every VM's control group and remove it; safe on none. 0, or what failed first with a text. */
int peer_cgroup_release(struct scheduling *s, struct errtext *e);
/*
 * Name of a VM's control group: begins as the names of the run's namespaces do, and is cleaned up with them.
 */
#define PEER_CGROUP_FORMAT "dvl%d-vm%zu"
