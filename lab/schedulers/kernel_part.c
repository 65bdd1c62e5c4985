/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What a peer needs of the kernel, and whether it is there. It is tried, not looked up in a configuration: in
 * a network namespace of its own, made for the question and removed after it, so that modules get loaded as
 * they would be.
 */

#include "kernel_part.h"

#include "base/cleanup.h"
#include "kernel/cgroup/cgroup.h"
#include "lab/net/topo.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* a0, with an ingress qdisc already if that is possible, and its peer a1 are there. */
static const struct {
	const char *name, *config;
	const char *command; /* NULL: a control group */
} parts[KERNEL_PARTS] = {
	[PART_INGRESS] = { "ingress qdisc", "NET_SCH_INGRESS", "tc qdisc show dev a0 ingress" },
	[PART_HTB] = { "htb qdisc", "NET_SCH_HTB", "tc qdisc replace dev a0 root handle 1: htb" },
	[PART_TBF] = { "tbf qdisc", "NET_SCH_TBF",
		       "tc qdisc replace dev a1 root handle 1: tbf rate 1mbit burst 16kb limit 64kb" },
	[PART_FIFO] = { "pfifo qdisc", "NET_SCHED",
			"tc qdisc replace dev a1 root handle 2: pfifo limit 100" },
	[PART_U32] = { "u32 classifier", "NET_CLS_U32",
		       "tc filter add dev a0 parent ffff: protocol all prio 1 u32 match u32 0 0 flowid :1" },
	[PART_BASIC] = { "basic classifier", "NET_CLS_BASIC",
			 "tc filter add dev a0 parent ffff: protocol all prio 50 basic flowid :1" },
	[PART_MIRRED] = { "act_mirred", "NET_ACT_MIRRED",
			  "tc actions add action mirred egress redirect dev a1" },
	[PART_POLICE] = { "act_police", "NET_ACT_POLICE",
			  "tc actions add action police rate 1mbit burst 64kb mtu 64kb drop" },
	[PART_IFB] = { "IFB devices", "IFB", "ip link add a2 type ifb" },
	[PART_CPU_WEIGHT] = { "control groups with CPU weights", "FAIR_GROUP_SCHED", NULL },
	[PART_CPU_QUOTA] = { "control groups with CPU quotas", "CFS_BANDWIDTH", NULL },
};

/* Without a command: the file is looked for in a group below the root, as the root has none. */
static bool has_cgroup(enum kernel_part part)
{
	struct cgroup_host h;

	if (cgroup_probe("", &h) < 0)
		return false;
	if (h.v2_cpu)
		return true; /* weight and quota came with it; quotas may be left out, rarely */
	if (!*h.mount[CGROUP_V1_CPU])
		return false;

	char path[CGROUP_PATH_SIZE + 32];

	snprintf(path, sizeof(path), "%s/%s", h.mount[CGROUP_V1_CPU],
		 part == PART_CPU_QUOTA ? "cpu.cfs_quota_us" : "cpu.shares");
	return access(path, W_OK) == 0;
}

static bool has_part(const char *netns, enum kernel_part part)
{
	return parts[part].command ? proc_run(netns, NULL, NULL, "%s", parts[part].command) == 0 :
				     has_cgroup(part);
}

/* Bits of the parts that are missing. If a namespace cannot be made, all are: nothing can be tried. */
static unsigned missing_of(const enum kernel_part *list)
{
	char netns[TOPO_NETNS_SIZE];
	unsigned missing = 0;
	bool scratch;

	snprintf(netns, sizeof(netns), "dvl%d-probe", (int)getpid());
	scratch = proc_run(NULL, NULL, NULL, "ip netns add %s", netns) == 0;
	if (scratch) {
		proc_run(netns, NULL, NULL, "ip link add a0 type veth peer name a1");
		proc_run(netns, NULL, NULL, "tc qdisc add dev a0 ingress");
	}
	for (size_t i = 0; i < KERNEL_PARTS_MAX && list[i] != PART_NONE; i++)
		if (!scratch || !has_part(netns, list[i]))
			missing |= 1U << list[i];
	if (scratch)
		proc_run(NULL, NULL, NULL, "ip netns del %s", netns);
	return missing;
}

/* "this kernel has no act_police (CONFIG_NET_ACT_POLICE) and no ..." */
static void tell(unsigned missing, char *why, size_t size)
{
	int n = snprintf(why, size, "this kernel has");

	for (unsigned i = 0, told = 0; i < KERNEL_PARTS; i++) {
		if (!(missing & 1U << i) || n < 0 || (size_t)n >= size)
			continue;
		n += snprintf(why + n, size - (size_t)n, "%s no %s (CONFIG_%s)", told++ ? " and" : "",
			      parts[i].name, parts[i].config);
	}
}

bool kernel_has(const enum kernel_part *list, char *why, size_t size)
{
	static unsigned asked, absent; /* bits of parts */
	unsigned all = 0;

	for (size_t i = 0; i < KERNEL_PARTS_MAX && list[i] != PART_NONE; i++)
		all |= 1U << list[i];
	if (all & ~asked)
		absent |= missing_of(list);
	asked |= all;
	if (absent & all)
		tell(absent & all, why, size);
	return !(absent & all);
}
