// SPDX-License-Identifier: GPL-2.0-or-later
#include "fit.h"

#include "base/cleanup.h"
#include "core/slots/policy.h"
#include "core/types.h"

#include <errno.h>
#include <stdio.h>

/* What fit_check() says of a host that lacks it, and the way out. */
static const char *const gate_needs[] = {
	[GATE_FREEZE] = "cgroup.freeze (v2, Linux 5.2) nor the v1 freezer: use gate: quota, slot: 20ms",
	[GATE_QUOTA] = "cpu.max (v2) nor the v1 cpu controller: use gate: freeze",
};

int fit_check(const struct schedule *s, struct cgroup_host *h, const struct gate_ops **gate,
	      char why[SLOTS_WHY_SIZE])
{
	int err = cgroup_probe("", h);

	if (err < 0) {
		snprintf(why, SLOTS_WHY_SIZE,
			 "this host has no control groups: mount cgroup2 at /sys/fs/cgroup");
		return err;
	}
	*gate = gate_of(s->gate);
	if ((*gate)->tree(h) == CGROUP_TREES) {
		snprintf(why, SLOTS_WHY_SIZE, "gate %s: this host (cgroup %s) has neither %s",
			 gate_names[s->gate], cgroup_mode(h), gate_needs[s->gate]);
		return -EOPNOTSUPP;
	}
	if (s->slot_ns < (*gate)->slot_min_ns) {
		snprintf(why, SLOTS_WHY_SIZE,
			 "slot of %.3g ms is too short for gate %s: at least %.3g ms, %s",
			 (double)s->slot_ns / NSEC_PER_MSEC, gate_names[s->gate],
			 (double)(*gate)->slot_min_ns / NSEC_PER_MSEC, (*gate)->slot_min_why);
		return -EINVAL;
	}
	if (!policy_find(s->policy)) {
		snprintf(why, SLOTS_WHY_SIZE, "unknown policy \"%s\"", s->policy);
		return -EINVAL;
	}
	return 0;
}
