/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Stand-ins for all that slots/ asks of the kernel and of the guard: a test that includes this links with its
 * functions instead of those of kernel/cgroup/ and slots/guard.c, and needs no root. A VM of process
 * FAKE_PID + i is fake[i].
 *
 * They check the promise to the guard themselves: see broken_promises.
 */

#include "base/clock.h"
#include "base/log.h"
#include "kernel/vmm/vhost.h"
#include "kernel/cgroup/guard_cgroup.h"
#include "kernel/proc/privilege.h"
#include "slots/vm.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FAKES 1100
#define FAKE_PID 5000

static struct fake {
	uint64_t cpu_ns;    /* its clock of CPU time; a busy VM's goes on by itself while it runs */
	uint64_t opened_ns; /* when it was let run last */
	bool busy;
	bool closed;       /* its gate */
	bool guard_paused; /* what the guard's table says */
	bool placed;       /* it is in a cgroup of its own */
	bool counted;      /* its gate was opened by gate_run(), and not closed since */
	bool refused;      /* it gets no cgroup */
	bool gateless;     /* its gate cannot be opened */
	bool quotaless;    /* the quota gate's cannot */
	int frozen_error;  /* it cannot be let run once it is paused, nor moved: negative errno; or 0 */
	enum gate_kind gate;
	bool gone;  /* its cgroup has vanished */
	bool held;  /* another program has frozen it */
	bool held_above; /* or a cgroup above its own, which does not show in it */
	unsigned workers;   /* kernel threads of vhost that it has; their pid is the VM's, too */
	uint64_t worker_ns; /* CPU time that each has used */
	bool moved; /* another program has moved it to another cgroup */
	unsigned pauses, runs, reads, removed;
} fake[FAKES];

static unsigned broken_promises;         /* a gate moved while the guard's table did not say "paused" */
static unsigned n_running, most_running; /* gates that gate_run() has opened; the most at one time */
static unsigned n_reserve, n_opens, n_guards, n_recovered;
static int recover_error; /* what gate_recover() returns; 0: two were paused */
static bool guard_dead, guard_hopeless, no_guard, no_cgroups;
static char journal[512]; /* +0: the guard knows of VM 0's pause, P0 paused, R0 runs, -0 the guard knows */
static char logged[4096];

static inline void note(char what, int i)
{
	size_t k = strlen(journal);

	snprintf(journal + k, sizeof(journal) - k, "%c%d", what, i);
}

static inline void fakes_reset(void)
{
	memset(fake, 0, sizeof(fake));
	broken_promises = n_running = most_running = n_opens = n_recovered = 0;
	guard_dead = guard_hopeless = no_guard = no_cgroups = false;
	journal[0] = logged[0] = '\0';
}

/* A VM as slot_vm_open() leaves it. The caller's to free. */
static inline struct slot_vm *fake_vm(int i)
{
	const struct member want = { .pid = FAKE_PID + i, .start_time = 1, .part.ppm = 1000 };
	struct slot_vm *vm = slot_vm_new(&want);

	assert_non_null(vm);
	vm->gate.control = vm->clock.fd = vm->guard_slot = i;
	return vm;
}

/* --- vhost.h --- */

int vhost_kthreads(const char *root, struct vhost_kthread **list, size_t *n)
{
	(void)root;
	*list = calloc(2 * FAKES, sizeof(**list));
	assert_non_null(*list);
	*n = 0;
	for (int i = 0; i < FAKES; i++)
		for (unsigned k = 0; k < fake[i].workers; k++)
			(*list)[(*n)++] = (struct vhost_kthread){ .owner = FAKE_PID + i, .pid = FAKE_PID + i };
	return 0;
}

int vhost_kthread_cpu(const char *root, const struct vhost_kthread *k, uint64_t *ns)
{
	(void)root;
	*ns = fake[k->pid - FAKE_PID].worker_ns;
	return 0;
}

/* --- gate.h --- */

static inline enum cgroup_tree fake_tree(const struct cgroup_host *h)
{
	(void)h;
	return CGROUP_V2;
}

static const struct gate_ops fake_gates[] = {
	{ .kind = GATE_FREEZE,
	  .slot_min_ns = GATE_FREEZE_SLOT_MIN_NS,
	  .slot_min_why = "so",
	  .tree = fake_tree },
	{ .kind = GATE_QUOTA,
	  .slot_min_ns = GATE_QUOTA_SLOT_MIN_NS,
	  .slot_min_why = "so",
	  .controller = "cpu",
	  .tree = fake_tree },
};

const struct gate_ops *gate_of(enum gate_kind kind)
{
	return &fake_gates[kind];
}

int gate_open(struct gate *g, const struct gate_ops *ops, const struct place *p, char why[PLACE_WHY_SIZE])
{
	int i = p->vm.pid - FAKE_PID;

	if (fake[i].gateless || (fake[i].quotaless && ops->kind == GATE_QUOTA)) {
		snprintf(why, PLACE_WHY_SIZE, "no gate for process %d", p->vm.pid);
		return -EBUSY;
	}
	fake[i].gate = ops->kind;
	*g = (struct gate){ .ops = ops, .control = i };
	snprintf(g->undo.path, sizeof(g->undo.path), "%d", i);
	n_opens++;
	return 0;
}

int gate_pause(struct gate *g)
{
	struct fake *f = &fake[g->control];
	uint64_t now = clock_now_ns();

	note('P', g->control);
	broken_promises += !f->guard_paused;
	if (f->gone)
		return -ENODEV;
	f->cpu_ns += f->busy && !f->closed && f->opened_ns ? now - f->opened_ns : 0;
	n_running -= f->counted;
	f->counted = false;
	f->closed = true;
	f->pauses++;
	return 0;
}

int gate_run(struct gate *g)
{
	struct fake *f = &fake[g->control];

	note('R', g->control);
	broken_promises += !f->guard_paused;
	if (f->gone || f->frozen_error)
		return f->gone ? -ENODEV : f->frozen_error;
	f->opened_ns = clock_now_ns();
	f->closed = false;
	f->counted = true;
	f->runs++;
	n_running++;
	most_running = n_running > most_running ? n_running : most_running;
	return 0;
}

int gate_state(struct gate *g, enum gate_state *out)
{
	struct fake *f = &fake[g->control];

	if (f->gone)
		return -ENODEV;
	*out = f->held ? GATE_HELD : f->closed ? GATE_PAUSED : GATE_RUNNING;
	return 0;
}

bool gate_held_above(const struct gate *g)
{
	return fake[g->control].held_above;
}

int gate_close(struct gate *g)
{
	struct fake *f = &fake[g->control];

	if (!g->ops)
		return 0;
	if (f->closed && !f->gone && f->frozen_error)
		return f->frozen_error;
	f->closed = false;
	g->ops = NULL;
	return 0;
}

void gate_abandon(struct gate *g)
{
	g->ops = NULL;
}

int gate_recover(const struct cgroup_host *h)
{
	(void)h;
	n_recovered++;
	return recover_error ? recover_error : 2;
}

/* --- cputime.h --- */

int cputime_open(struct cputime *c, const struct cgroup_host *h, const struct place *p)
{
	(void)h;
	*c = (struct cputime){ .fd = p->vm.pid - FAKE_PID };
	return 0;
}

int cputime_read(const struct cputime *c, uint64_t *ns)
{
	struct fake *f = &fake[c->fd];

	f->reads++;
	if (f->gone)
		return -ENODEV;
	*ns = f->cpu_ns + (f->busy && !f->closed && f->opened_ns ? clock_now_ns() - f->opened_ns : 0);
	return 0;
}

void cputime_close(struct cputime *c)
{
	c->fd = -1;
}

/* --- cgroup.h, place.h, guard_cgroup.h, privilege.h --- */

int cgroup_probe(const char *prefix, struct cgroup_host *h)
{
	(void)prefix;
	if (no_cgroups)
		return -ENOENT;
	*h = (struct cgroup_host){ .v2_freeze = true };
	return 0;
}

const char *cgroup_mode(const struct cgroup_host *h)
{
	(void)h;
	return "v2";
}

int cgroup_of(const struct cgroup_host *h, enum cgroup_tree tree, pid_t pid, char dir[CGROUP_PATH_SIZE])
{
	(void)h, (void)tree;
	snprintf(dir, CGROUP_PATH_SIZE, "/%s%d", fake[pid - FAKE_PID].moved ? "elsewhere" : "vm",
		 pid - FAKE_PID);
	return 0;
}

int place_find(const struct cgroup_host *h, enum cgroup_tree tree, const struct process *vm, const char *name,
	       const char *controller, struct place *out, char why[PLACE_WHY_SIZE])
{
	pid_t pid = vm->pid;

	(void)name, (void)controller;
	if (fake[pid - FAKE_PID].refused) {
		snprintf(why, PLACE_WHY_SIZE, "no room for process %d", pid);
		return -EBUSY;
	}
	(void)h;
	*out = (struct place){ .vm = *vm, .tree = tree };
	snprintf(out->dir, sizeof(out->dir), "/vm%d", pid - FAKE_PID);
	return 0;
}

int place_enter(const struct cgroup_host *h, struct place *p, const char *controller,
		char why[PLACE_WHY_SIZE])
{
	struct fake *f = &fake[p->vm.pid - FAKE_PID];

	(void)h, (void)controller, (void)why;
	f->placed = true;
	f->gone = f->moved = false;
	return 0;
}

int place_leave(struct place *p)
{
	if (!p->vm.pid)
		return 0;
	if (fake[p->vm.pid - FAKE_PID].closed && fake[p->vm.pid - FAKE_PID].frozen_error)
		return -EBUSY;
	fake[p->vm.pid - FAKE_PID].placed = false;
	return 0;
}

int place_list(const struct cgroup_host *h, struct place **list, size_t *n)
{
	(void)h;
	*list = calloc(2, sizeof(**list));
	*n = 1;
	(*list)[0].vm.pid = FAKE_PID;
	return 0;
}

void guard_cgroup_sweep(void)
{
}

bool privilege_reserve(bool on)
{
	bool was = n_reserve > 0;

	n_reserve += on ? 1 : -1;
	return was;
}

/* --- slots/guard.h --- */

int guard_open(struct guard **ret, const char *socket_path, const char *program)
{
	static char there;

	(void)socket_path, (void)program;
	if (no_guard)
		return -ENOENT;
	n_guards++;
	*ret = (struct guard *)(void *)&there;
	return 0;
}

struct guard *guard_close(struct guard *g)
{
	n_guards -= g != NULL;
	return NULL;
}

bool guard_lives(const struct guard *g)
{
	(void)g;
	return !guard_dead;
}

int guard_repair(struct guard *g)
{
	(void)g;
	if (guard_hopeless)
		return -ENOENT;
	guard_dead = false;
	return 0;
}

int guard_add(struct guard *g, const struct gate_undo *undo)
{
	(void)g;
	return atoi(undo->path);
}

void guard_remove(struct guard *g, int slot)
{
	(void)g;
	/* The guard must not forget a VM that is paused. */
	broken_promises += fake[slot].closed && !fake[slot].gone;
	fake[slot].guard_paused = false;
	fake[slot].removed++;
}

void guard_set(struct guard *g, int slot, bool paused)
{
	(void)g;
	note(paused ? '+' : '-', slot);
	broken_promises += !paused && fake[slot].closed;
	fake[slot].guard_paused = paused;
}

void guard_set_stall(struct guard *g, uint32_t ms)
{
	(void)g, (void)ms;
}

void guard_beat(struct guard *g, uint64_t now_ns)
{
	(void)g, (void)now_ns;
}

/* --- base/log.h --- */

void log_line(int priority, const char *fmt, ...)
{
	size_t k = strlen(logged);
	va_list ap;

	va_start(ap, fmt);
	k += (size_t)snprintf(logged + k, sizeof(logged) - k, "<%d>", priority);
	if (k < sizeof(logged))
		vsnprintf(logged + k, sizeof(logged) - k, fmt, ap);
	va_end(ap);
}
