/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * For tests of gates: each kind on each hierarchy that this host has, with real busy processes behind it.
 * What the host has no hierarchy for is passed over with the reason. Needs root.
 */
#include "kernel/cgroup/gate.h"

#include "base/cleanup.h"
#include "core/types.h"
#include "kernel/cgroup/cputime.h"
#include "tests/clock.h"
#include "tests/unit/process_of.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

static struct cgroup_host host;

static inline void *spin(void *arg)
{
	for (volatile unsigned long i = 0;; i++)
		;
	return arg;
}

static inline pid_t start_busy(int threads)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 1; i < threads; i++) {
		pthread_t t;

		pthread_create(&t, NULL, spin, NULL);
	}
	spin(NULL);
	_exit(0);
}

static inline void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* A gate of one kind on one hierarchy, with a busy VM behind it. */
struct rig {
	const struct gate_ops *ops;
	enum cgroup_tree tree;
	pid_t pid;
	struct place place;
	struct gate gate;
	struct cputime cpu;
};

static const struct kind {
	enum gate_kind gate;
	enum cgroup_tree tree;
	const char *what;
} kinds[] = {
	{ GATE_FREEZE, CGROUP_V2, "freeze, v2" },
	{ GATE_FREEZE, CGROUP_V1_FREEZER, "freeze, v1" },
	{ GATE_QUOTA, CGROUP_V2, "quota, v2" },
	{ GATE_QUOTA, CGROUP_V1_CPU, "quota, v1" },
};

static inline bool available(const struct kind *k)
{
	bool yes = *host.mount[k->tree] &&
		   (k->tree != CGROUP_V2 || (k->gate == GATE_FREEZE ? host.v2_freeze : host.v2_cpu));

	if (!yes)
		print_message("# %s: not on this host (cgroup %s)\n", k->what, cgroup_mode(&host));
	return yes;
}

static inline void set_up(struct rig *r, const struct kind *k, int threads)
{
	char why[PLACE_WHY_SIZE] = "";

	*r = (struct rig){ .ops = gate_of(k->gate), .tree = k->tree, .pid = start_busy(threads) };
	if (place_find(&host, r->tree, process_of(r->pid), "gate_test", r->ops->controller, &r->place, why) ||
	    place_enter(&host, &r->place, r->ops->controller, why) ||
	    gate_open(&r->gate, r->ops, &r->place, why))
		fail_msg("%s: %s", k->what, why);
	assert_int_equal(cputime_open(&r->cpu, &host, &r->place), 0);
}

static inline void tear_down(struct rig *r)
{
	uint64_t deadline = now_ns() + NSEC_PER_SEC;
	int left;

	gate_close(&r->gate);
	cputime_close(&r->cpu);
	end(r->pid);
	do
		left = place_leave(&r->place);
	while (left == -EBUSY && now_ns() < deadline);
	assert_int_equal(left, 0);
	assert_int_not_equal(access(r->place.dir, F_OK), 0);
}

static inline uint64_t used(const struct rig *r)
{
	uint64_t ns;

	assert_int_equal(cputime_read(&r->cpu, &ns), 0);
	return ns;
}

static inline bool reaches(struct rig *r, enum gate_state want)
{
	uint64_t deadline = now_ns() + 2 * NSEC_PER_SEC;
	enum gate_state s;

	do
		assert_int_equal(gate_state(&r->gate, &s), 0);
	while (s != want && now_ns() < deadline);
	return s == want;
}

static inline bool makes_progress(struct rig *r)
{
	uint64_t deadline = now_ns() + 2 * NSEC_PER_SEC, before = used(r);

	while (used(r) < before + 20 * NSEC_PER_MSEC)
		if (now_ns() > deadline)
			return false;
	return true;
}

/* Call first in main(): there are cgroups to make, or all tests are skipped. */
static inline void need_cgroups(void)
{
	if (geteuid() != 0 || cgroup_probe("", &host) < 0) {
		printf("1..0 # SKIP needs root and a cgroup hierarchy\n");
		exit(EXIT_SUCCESS);
	}
}
