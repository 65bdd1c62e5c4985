/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Dividing the host's processors instead of the wire, as libvirt's <cputune> and Proxmox VE's cpuunits and
 * cpulimit do: a control group for each VM's QEMU, with a weight (v2 cpu.weight; v1 cpu.shares) or a quota
 * (v2 cpu.max; v1 cpu.cfs_quota_us). kernel: Documentation/admin-guide/cgroup-v2.rst,
 * Documentation/scheduler/sched-bwc.rst.
 *
 * The groups are made at the top of the hierarchy, beside what else runs there, and each VM goes back to
 * where it was. The lab is in the machine's own mount namespace (network namespaces alone are entered), so it
 * writes the files itself and notes what a shell would have said.
 */

#include "base/cleanup.h"
#include "kernel/cgroup/cgroup.h"
#include "peer.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct peer_cgroups {
	struct cgroup_host host;
	enum cgroup_tree tree;
	bool enabled; /* we had the root's children get the cpu controller */
	size_t n;
	struct {
		char dir[CGROUP_PATH_SIZE + 32], origin[CGROUP_PATH_SIZE];
		bool made, moved;
	} vm[TOPO_VMS_MAX];
};

/* --- how much -------------------------------------------------------------------------------------- */

/* share * n * one group's default / all shares, nearest. */
static unsigned weight(const struct share *shares, size_t n, size_t vm, unsigned one, unsigned min,
		       unsigned max)
{
	uint64_t all = 0, w;

	for (size_t i = 0; i < n; i++)
		all += shares[i].weight;
	w = ((uint64_t)shares[vm].weight * n * one + all / 2) / all;
	return w < min ? min : w > max ? max : (unsigned)w;
}

unsigned cpu_weight_v2(const struct share *shares, size_t n, size_t vm)
{
	return weight(shares, n, vm, 100, 1, 10000);
}

unsigned cpu_shares_v1(const struct share *shares, size_t n, size_t vm)
{
	return weight(shares, n, vm, 1024, 2, 262144);
}

unsigned cpu_quota_us(const struct share *shares, size_t n, size_t vm, unsigned vcpus, unsigned cpus)
{
	uint64_t all = 0, together = (uint64_t)(vcpus < cpus ? vcpus : cpus) * CPU_PERIOD_US, us;

	for (size_t i = 0; i < n; i++)
		all += shares[i].weight;
	us = together * shares[vm].weight / all;
	return us < 1000 ? 1000 : (unsigned)us;
}

static unsigned host_cpus(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
}

/* --- the groups ------------------------------------------------------------------------------------ */

static int put(struct scheduling *s, const char *dir, const char *file, const char *value, struct errtext *e)
{
	char line[CGROUP_PATH_SIZE + 100];
	int r;

	snprintf(line, sizeof(line), "echo %s > %s/%s", value, dir, file);
	scheduling_note(s, line);
	r = cgroup_write(dir, file, value);
	return r < 0 ? errtext_set(e, r, "%s: %s", line, strerror(-r)) : 0;
}

static bool children_have_cpu(const char *root)
{
	char path[CGROUP_PATH_SIZE + 32];
	_cleanup_free_ char *text = NULL;
	char *rest;

	snprintf(path, sizeof(path), "%s/cgroup.subtree_control", root);
	if (proc_read_ns(NULL, path, &text) < 0)
		return false;
	for (char *w = strtok_r(text, " \n", &rest); w; w = strtok_r(NULL, " \n", &rest))
		if (strcmp(w, "cpu") == 0)
			return true;
	return false;
}

static int open_tree(struct scheduling *s, struct errtext *e)
{
	_cleanup_free_ struct peer_cgroups *c = calloc(1, sizeof(*c));
	const char *root;
	int r;

	if (!c)
		return errtext_set(e, -ENOMEM, "out of memory");
	r = cgroup_probe("", &c->host);
	c->tree = r == 0 && c->host.v2_cpu ? CGROUP_V2 : CGROUP_V1_CPU;
	root = c->host.mount[c->tree];
	if (r < 0 || !*root)
		return errtext_set(e, -ENOENT, "no control group hierarchy has the cpu controller");
	if (c->tree == CGROUP_V2 && !children_have_cpu(root)) {
		r = put(s, root, "cgroup.subtree_control", "+cpu", e);
		if (r < 0)
			return r;
		c->enabled = true;
	}
	s->cgroups = TAKE_PTR(c);
	return 0;
}

static int make(struct scheduling *s, size_t vm, struct errtext *e)
{
	struct peer_cgroups *c = s->cgroups;
	char dir[CGROUP_PATH_SIZE + 32], line[CGROUP_PATH_SIZE + 50];
	int r;

	r = cgroup_of(&c->host, c->tree, vm_pid(s->vm[vm]), c->vm[vm].origin);
	if (r < 0)
		return errtext_set(e, r, "the control group of VM %s: %s", s->scenario->vms[vm].name,
				   strerror(-r));
	snprintf(dir, sizeof(dir), "%s/" PEER_CGROUP_FORMAT, c->host.mount[c->tree], (int)getpid(), vm);
	snprintf(line, sizeof(line), "mkdir %s", dir);
	scheduling_note(s, line);
	if (mkdir(dir, 0755) < 0)
		return errtext_set(e, -errno, "%s: %s", line, strerror(errno));
	memcpy(c->vm[vm].dir, dir, sizeof(dir));
	c->vm[vm].made = true;
	c->n = vm + 1;
	return 0;
}

static int move(struct scheduling *s, size_t vm, const char *dir, struct errtext *e)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", (int)vm_pid(s->vm[vm]));
	return put(s, dir, "cgroup.procs", pid, e);
}

/* Give a VM's group its limit. */
typedef int (*limit_fn)(struct scheduling *s, const struct scenario_phase *p, size_t vm, struct errtext *e);

static int each(struct scheduling *s, const struct scenario_phase *p, struct errtext *e, limit_fn limit)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->scenario->n_vms; i++)
		r = limit(s, p, i, e);
	return r;
}

/* Put the VM in its group once that has its limit. */
static int enter(struct scheduling *s, const struct scenario_phase *p, struct errtext *e, limit_fn limit)
{
	int r = open_tree(s, e);

	for (size_t i = 0; r == 0 && i < s->scenario->n_vms; i++) {
		r = make(s, i, e);
		if (r == 0)
			r = limit(s, p, i, e);
		if (r == 0)
			r = move(s, i, s->cgroups->vm[i].dir, e);
		if (r == 0)
			s->cgroups->vm[i].moved = true;
	}
	return r;
}

static int leave(struct scheduling *s, size_t vm, struct errtext *e)
{
	struct peer_cgroups *c = s->cgroups;
	char line[CGROUP_PATH_SIZE + 50];
	int r = 0;

	if (c->vm[vm].moved && vm_alive(s->vm[vm]))
		r = move(s, vm, c->vm[vm].origin, e);
	if (!c->vm[vm].made)
		return r;
	snprintf(line, sizeof(line), "rmdir %s", c->vm[vm].dir);
	scheduling_note(s, line);
	if (rmdir(c->vm[vm].dir) < 0 && r == 0)
		r = errtext_set(e, -errno, "%s: %s", line, strerror(errno));
	return r;
}

int peer_cgroup_release(struct scheduling *s, struct errtext *e)
{
	_cleanup_free_ struct peer_cgroups *c = s->cgroups;
	int r = 0;

	for (size_t i = 0; c && i < c->n; i++) {
		int err = leave(s, i, r == 0 ? e : NULL);

		r = r == 0 ? err : r;
	}
	if (c && c->enabled) {
		int err = put(s, c->host.mount[c->tree], "cgroup.subtree_control", "-cpu", r == 0 ? e : NULL);

		r = r == 0 ? err : r;
	}
	s->cgroups = NULL;
	return r;
}

/* --- weights --------------------------------------------------------------------------------------- */

static int weigh(struct scheduling *s, const struct scenario_phase *p, size_t vm, struct errtext *e)
{
	bool v2 = s->cgroups->tree == CGROUP_V2;
	char value[16];

	snprintf(value, sizeof(value), "%u",
		 (v2 ? cpu_weight_v2 : cpu_shares_v1)(p->shares, s->scenario->n_vms, vm));
	return put(s, s->cgroups->vm[vm].dir, v2 ? "cpu.weight" : "cpu.shares", value, e);
}

static int weight_apply(struct scheduling *s, const struct scenario_phase *p, struct errtext *e)
{
	return enter(s, p, e, weigh);
}

static int weight_set(struct scheduling *s, const struct scenario_phase *p, struct errtext *e)
{
	return each(s, p, e, weigh);
}

const struct scheduler scheduler_cpu_weight = {
	.apply = weight_apply,
	.set = weight_set,
	.release = peer_cgroup_release,
	.needs = { PART_CPU_WEIGHT },
	.by_cpu = true,
};

/* --- quotas ---------------------------------------------------------------------------------------- */

static int allow(struct scheduling *s, const struct scenario_phase *p, size_t vm, struct errtext *e)
{
	size_t n = s->scenario->n_vms;
	/* Each of the lab's VMs has one virtual processor. */
	unsigned us = cpu_quota_us(p->shares, n, vm, (unsigned)n, host_cpus());
	const char *dir = s->cgroups->vm[vm].dir;
	char value[32];
	int r;

	if (s->cgroups->tree == CGROUP_V2) {
		snprintf(value, sizeof(value), "%u %u", us, CPU_PERIOD_US);
		return put(s, dir, "cpu.max", value, e);
	}
	snprintf(value, sizeof(value), "%u", CPU_PERIOD_US);
	r = put(s, dir, "cpu.cfs_period_us", value, e);
	snprintf(value, sizeof(value), "%u", us);
	return r < 0 ? r : put(s, dir, "cpu.cfs_quota_us", value, e);
}

static int quota_apply(struct scheduling *s, const struct scenario_phase *p, struct errtext *e)
{
	return enter(s, p, e, allow);
}

static int quota_set(struct scheduling *s, const struct scenario_phase *p, struct errtext *e)
{
	return each(s, p, e, allow);
}

const struct scheduler scheduler_cpu_quota = {
	.apply = quota_apply,
	.set = quota_set,
	.release = peer_cgroup_release,
	.needs = { PART_CPU_QUOTA },
	.by_cpu = true,
};
