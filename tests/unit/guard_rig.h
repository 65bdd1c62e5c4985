/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What tests of divvy-guard share: real busy processes as VMs, each in a cgroup of its own, and divvyd's
 * stand-in ("the holder"), which pauses them slot by slot. Needs root.
 */
#include "slots/guard.h"

#include "core/types.h"
#include "kernel/cgroup/guard_cgroup.h"
#include "tests/clock.h"
#include "tests/unit/process_of.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

#define VMS 3

static struct cgroup_host host;
static const struct gate_ops *ops;
static char program[PATH_MAX], dir[] = "/tmp/divvy-guard-XXXXXX", socket_path[64];
static pid_t vm[VMS];
static _Atomic pid_t *guard_in_use; /* by a stand-in that gives slots */
static struct place place[VMS];

/* What the kernel says of a VM's own cgroup, whoever paused it. */
static inline bool is_paused(int i)
{
	char path[CGROUP_PATH_SIZE + 32], text[64] = "";
	bool v2 = place[i].tree == CGROUP_V2;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", place[i].dir, v2 ? "cgroup.freeze" : "freezer.state");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_true(read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	return v2 ? text[0] == '1' : strncmp(text, "THAWED", 6) != 0;
}

static inline int paused_vms(void)
{
	int n = 0;

	for (int i = 0; i < VMS; i++)
		n += is_paused(i);
	return n;
}

/* --- divvyd's stand-in ------------------------------------------------------------------------------ */

struct holding {
	struct guard *guard;
	struct gate gate[VMS];
	int slot[VMS];
};

static inline void hold_all(struct holding *h, uint32_t stall_ms)
{
	char why[PLACE_WHY_SIZE];

	if (guard_open(&h->guard, socket_path, program) < 0)
		_exit(10);
	guard_set_stall(h->guard, stall_ms);
	for (int i = 0; i < VMS; i++) {
		if (gate_open(&h->gate[i], ops, &place[i], why) < 0)
			_exit(11);
		h->slot[i] = guard_add(h->guard, &h->gate[i].undo);
		if (h->slot[i] < 0)
			_exit(12);
	}
}

static inline void pause_vm(struct holding *h, int i)
{
	guard_set(h->guard, h->slot[i], true);
	if (gate_pause(&h->gate[i]) < 0)
		_exit(13);
}

static inline void run_vm(struct holding *h, int i)
{
	if (gate_run(&h->gate[i]) < 0)
		_exit(14);
	guard_set(h->guard, h->slot[i], false);
}

/* Slots of 1 ms: one VM runs, the others are paused. */
static inline void slots(struct holding *h)
{
	for (int turn = 0;; turn++) {
		for (int i = 0; i < VMS; i++)
			if (i == turn % VMS)
				run_vm(h, i);
			else
				pause_vm(h, i);
		guard_beat(h->guard, now_ns());
		if (guard_repair(h->guard) < 0)
			_exit(15);
		atomic_store(guard_in_use, guard_pid(h->guard));
		nap_us(1000);
	}
}

/* Until the stand-in's VMs are in that guard's table, seconds on a machine with other work. */
static inline void await_guard_in_use(pid_t guard)
{
	uint64_t deadline = now_ns() + 10 * NSEC_PER_SEC;

	while (atomic_load(guard_in_use) != guard && now_ns() < deadline)
		nap_us(1000);
	assert_int_equal(atomic_load(guard_in_use), guard);
}

struct stand_in {
	pid_t pid;
	int said; /* a pid_t of its guard comes out of it, once all is set up */
	pid_t guard;
};

enum act { SLOTS, PAUSE_ALL, PAUSE_ALL_AND_ABORT };

static inline struct stand_in start(enum act part, uint32_t stall_ms)
{
	struct stand_in s = { 0 };
	int said[2];

	assert_int_equal(pipe2(said, O_CLOEXEC), 0);
	s.pid = fork();
	assert_true(s.pid >= 0);
	if (s.pid == 0) {
		struct holding h = { 0 };
		pid_t guard;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		hold_all(&h, stall_ms);
		guard = guard_pid(h.guard);
		guard_beat(h.guard, now_ns());
		for (int i = 0; i < VMS && part != SLOTS; i++)
			pause_vm(&h, i);
		if (write(said[1], &guard, sizeof(guard)) != sizeof(guard))
			_exit(16);
		if (part == SLOTS)
			slots(&h);
		if (part == PAUSE_ALL_AND_ABORT) {
			signal(SIGABRT, SIG_DFL);
			kill(getpid(), SIGABRT);
		}
		for (;;)
			pause();
	}
	close(said[1]);
	s.said = said[0];
	assert_int_equal(read(s.said, &s.guard, sizeof(s.guard)), sizeof(s.guard));
	return s;
}

static inline void reap(struct stand_in *s)
{
	close(s->said);
	kill(s->pid, SIGKILL);
	waitpid(s->pid, NULL, 0);
}

/* --- fixture --------------------------------------------------------------------------------------- */

static inline int make_vms(void **state)
{
	char why[PLACE_WHY_SIZE] = "";

	(void)state;
	guard_in_use = mmap(NULL, sizeof(*guard_in_use), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (guard_in_use == MAP_FAILED || !mkdtemp(dir))
		return -1;
	snprintf(socket_path, sizeof(socket_path), "%s/guard.sock", dir);
	for (int i = 0; i < VMS; i++) {
		char name[16];

		vm[i] = fork();
		if (vm[i] == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			for (;;) /* busy, but not all the time: others use this machine */
				for (volatile int k = 0; k < 100000; k++)
					if (k == 99999)
						nap_us(300);
		}
		snprintf(name, sizeof(name), "guard_test%d", i);
		if (place_find(&host, ops->tree(&host), process_of(vm[i]), name, ops->controller, &place[i],
			       why) ||
		    place_enter(&host, &place[i], ops->controller, why)) {
			print_message("# %s\n", why);
			return -1;
		}
	}
	return 0;
}

static inline int end_vms(void **state)
{
	struct guard *g = NULL;
	char path[128];

	(void)state;
	if (guard_open(&g, socket_path, program) == 0) {
		kill(guard_pid(g), SIGTERM);
		poll(&(struct pollfd){ .fd = guard_fd(g), .events = POLLIN }, 1, 1000);
		guard_close(g);
	}
	for (int i = 0; i < VMS; i++) {
		uint64_t deadline = now_ns() + NSEC_PER_SEC;

		gate_recover_below(place[i].dir);
		kill(vm[i], SIGKILL);
		waitpid(vm[i], NULL, 0);
		while (place_leave(&place[i]) == -EBUSY && now_ns() < deadline)
			;
	}
	munmap(guard_in_use, sizeof(*guard_in_use));
	snprintf(path, sizeof(path), "%s.lock", socket_path);
	unlink(path);
	unlink(socket_path);
	return rmdir(dir);
}

static inline void find_program(void)
{
	const char *given = getenv("DIVVY_GUARD");
	ssize_t k = readlink("/proc/self/exe", program, sizeof(program) - 64);

	program[k > 0 ? k : 0] = '\0';
	for (int i = 0; i < 3 && strrchr(program, '/'); i++) /* build/tests/unit/guard_test */
		*strrchr(program, '/') = '\0';
	strcat(program, "/divvy-guard");
	if (given)
		snprintf(program, sizeof(program), "%s", given);
}

/* Call first in main(): what the fixture needs is there, or all tests are skipped. */
static inline void need_freezer(void)
{
	ops = gate_of(GATE_FREEZE);
	if (geteuid() != 0 || cgroup_probe("", &host) < 0 || ops->tree(&host) == CGROUP_TREES) {
		printf("1..0 # SKIP needs root and a freezer\n");
		exit(EXIT_SUCCESS);
	}
	find_program();
}
