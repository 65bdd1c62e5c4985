// SPDX-License-Identifier: GPL-2.0-or-later
#include "slots.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "guard.h"
#include "kernel/cgroup/guard_cgroup.h"
#include "base/log.h"
#include "kernel/proc/privilege.h"
#include "thread.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* A VM that was asked for: takes part, or says why not. */
struct member {
	struct cpu_member want;
	struct cpu_vm *vm; /* owned; NULL: it does not take part */
	char why[CPU_WHY_SIZE];
	char logged[CPU_WHY_SIZE]; /* the why that the log knows */
	bool raised;               /* what the log knows */
};

struct cpu {
	struct cgroup_host host;
	struct schedule schedule;
	const struct gate_ops *gate;
	struct guard *guard;
	struct slot_thread slots;
	struct member *members; /* sorted by pid; owned */
	size_t n_members;
	unsigned slow_audits; /* in a row, at which this host's gates were slow for such slots */
	bool unguarded; /* and it was said */
};

/* Where gates take more of a slot than this, at so many audits in a row, it is told. */
#define SWITCH_PERMILLE 100
#define SLOW_AUDITS 3

static struct rounds_config rounds_config_of(const struct schedule *s)
{
	return (struct rounds_config){ .policy = policy_find(s->policy),
				       .slot_ns = s->slot_ns,
				       .slots = s->slots,
				       .lanes = s->lanes,
				       .burst_ns = s->burst_ns,
				       .strict = s->strict,
				       .spread = s->spread };
}

static int check(const struct schedule *s, struct cgroup_host *h, const struct gate_ops **gate,
		 char why[CPU_WHY_SIZE])
{
	int err = cgroup_probe("", h);

	if (err < 0) {
		snprintf(why, CPU_WHY_SIZE,
			 "this host has no control groups: mount cgroup2 at /sys/fs/cgroup");
		return err;
	}
	*gate = gate_of(s->gate);
	if ((*gate)->tree(h) == CGROUP_TREES) {
		snprintf(why, CPU_WHY_SIZE, "gate %s: this host (cgroup %s) has neither %s", gate_names[s->gate],
			 cgroup_mode(h),
			 s->gate == GATE_FREEZE ? "cgroup.freeze (v2, Linux 5.2) nor the v1 freezer: use gate: quota, slot: 20ms" :
						  "cpu.max (v2) nor the v1 cpu controller: use gate: freeze");
		return -EOPNOTSUPP;
	}
	if (s->slot_ns < (*gate)->slot_min_ns) {
		snprintf(why, CPU_WHY_SIZE, "slot of %.3g ms is too short for gate %s: at least %.3g ms, %s",
			 (double)s->slot_ns / NSEC_PER_MSEC, gate_names[s->gate],
			 (double)(*gate)->slot_min_ns / NSEC_PER_MSEC, (*gate)->slot_min_why);
		return -EINVAL;
	}
	if (!policy_find(s->policy)) {
		snprintf(why, CPU_WHY_SIZE, "unknown policy \"%s\"", s->policy);
		return -EINVAL;
	}
	return 0;
}

void cpu_recover(void)
{
	struct cgroup_host h;
	_cleanup_free_ struct place *left = NULL;
	size_t n = 0;
	int paused;

	if (cgroup_probe("", &h) < 0)
		return;
	privilege_reserve(true);
	guard_cgroup_sweep();
	paused = gate_recover(&h);
	if (paused > 0)
		log_warning("%d VM%s left paused by an earlier divvyd %s again", paused,
			    paused == 1 ? "" : "s", paused == 1 ? "runs" : "run");
	else if (paused < 0)
		log_warning("not every VM that an earlier divvyd left paused could be let run: %s",
			    strerror(-paused));
	if (place_list(&h, &left, &n) < 0)
		n = 0;
	for (size_t i = 0; i < n; i++)
		place_leave(&left[i]);
	privilege_reserve(false);
}

int cpu_check(const struct schedule *s, char why[CPU_WHY_SIZE])
{
	struct cgroup_host h;
	const struct gate_ops *gate;

	return check(s, &h, &gate, why);
}

int cpu_open(struct cpu **ret, const struct schedule *s, const char *runtime, char why[CPU_WHY_SIZE])
{
	_cleanup_free_ struct cpu *c = calloc(1, sizeof(*c));
	struct rounds_config config = rounds_config_of(s);
	struct rounds *rounds = NULL;
	char socket_path[108];
	int err = c ? check(s, &c->host, &c->gate, why) : -ENOMEM;

	if (err < 0)
		return err;
	c->schedule = *s;
	snprintf(socket_path, sizeof(socket_path), "%s/guard.sock", runtime);
	err = guard_open(&c->guard, socket_path, NULL);
	if (err < 0) {
		snprintf(why, CPU_WHY_SIZE, "cannot start divvy-guard, without which no VM is paused: %s",
			 strerror(-err));
		return err;
	}
	err = rounds_new(&rounds, &config, clock_now_ns());
	if (err >= 0)
		err = slot_thread_start(&c->slots, rounds, c->guard, s);
	if (err < 0) {
		snprintf(why, CPU_WHY_SIZE, "cannot start the slot thread: %s", strerror(-err));
		rounds_free(rounds);
		guard_close(c->guard);
		return err;
	}
	*ret = TAKE_PTR(c);
	return 0;
}

/* What open_vm() opened; the VM is in no slot any more. */
static void close_vm(struct cpu *c, struct cpu_vm *vm)
{
	privilege_reserve(true);
	gate_close(&vm->gate);
	if (vm->guard_slot >= 0)
		guard_remove(c->guard, vm->guard_slot);
	cputime_close(&vm->clock);
	if (place_leave(&vm->place) < 0)
		log_warning("process %d could not be moved back to %s", vm->pid, vm->place.home);
	privilege_reserve(false);
	free(vm);
}

/* Out of the slots, running, back in the cgroup it came from. */
static void expel(struct cpu *c, struct member *m)
{
	struct cpu_vm *vm = TAKE_PTR(m->vm);

	if (!vm)
		return;
	pthread_mutex_lock(&c->slots.lock);
	slot_thread_remove(&c->slots, vm);
	pthread_mutex_unlock(&c->slots.lock);
	close_vm(c, vm);
}

static int open_vm(struct cpu *c, struct cpu_vm *vm, const char *name, char why[CPU_WHY_SIZE])
{
	const char *controller = c->schedule.gate == GATE_QUOTA ? "cpu" : NULL;
	int err = place_find(&c->host, c->gate->tree(&c->host), vm->pid, name, controller, &vm->place, why);

	if (err >= 0)
		err = place_enter(&c->host, &vm->place, controller, why);
	if (err >= 0)
		err = gate_open(&vm->gate, c->gate, &vm->place, why);
	if (err >= 0)
		err = cputime_open(&vm->clock, &c->host, &vm->place);
	if (err >= 0)
		err = vm->guard_slot = guard_add(c->guard, &vm->gate.undo);
	return err;
}

/* 0 or negative errno with why; *ret is in its cgroup, running, in no slot yet. */
static int make_vm(struct cpu *c, const struct cpu_member *want, struct cpu_vm **ret, char why[CPU_WHY_SIZE])
{
	struct cpu_vm *vm = calloc(1, sizeof(*vm));
	int err;

	if (!vm)
		return -ENOMEM;
	vm->pid = want->pid;
	vm->start_time = want->start_time;
	vm->part = want->part;
	vm->guard_slot = -1;
	vm->clock.fd = -1;
	privilege_reserve(true);
	err = open_vm(c, vm, want->name, why);
	privilege_reserve(false);
	if (err < 0) {
		close_vm(c, vm);
		return err;
	}
	*ret = vm;
	return 0;
}

static void admit(struct cpu *c, struct member *m)
{
	struct cpu_vm *vm = NULL;
	int err;

	m->why[0] = '\0';
	err = make_vm(c, &m->want, &vm, m->why);
	if (err >= 0) {
		pthread_mutex_lock(&c->slots.lock);
		err = slot_thread_add(&c->slots, vm);
		pthread_mutex_unlock(&c->slots.lock);
		if (err < 0)
			close_vm(c, vm);
	}
	if (err >= 0)
		m->vm = vm;
	else if (!m->why[0])
		snprintf(m->why, sizeof(m->why), "process %d: %s", m->want.pid, strerror(-err));
}

/* A line for each change, however often it is looked at. */
static void log_member(struct cpu *c, struct member *m)
{
	struct rounds_vm account = { 0 };

	if (strcmp(m->why, m->logged) != 0) {
		if (m->why[0])
			log_warning("CPU slots: VM %s: %s%s", m->want.name,
				    m->vm ? "" : "takes no part: ", m->why);
		else
			log_info("CPU slots: VM %s: takes part", m->want.name);
		memcpy(m->logged, m->why, sizeof(m->logged));
	}
	if (m->vm) {
		pthread_mutex_lock(&c->slots.lock);
		rounds_info(c->slots.rounds, m->vm->id, &account);
		pthread_mutex_unlock(&c->slots.lock);
	}
	if (account.raised && !m->raised)
		log_warning("CPU slots: VM %s: its share is worth less than one slot of %u: it gets one",
			    m->want.name, c->schedule.slots);
	m->raised = account.raised;
}

struct cpu *cpu_close(struct cpu *c)
{
	if (!c)
		return NULL;
	for (size_t i = 0; i < c->n_members; i++)
		expel(c, &c->members[i]);
	slot_thread_stop(&c->slots);
	guard_close(c->guard);
	free(c->members);
	free(c);
	return NULL;
}

int cpu_configure(struct cpu *c, const struct schedule *s, char why[CPU_WHY_SIZE])
{
	struct rounds_config config = rounds_config_of(s);
	int err;

	/* Taken over anew, it would forget what each VM had of the slot and the round under way. */
	if (schedule_same(s, &c->schedule))
		return 0;
	err = s->gate == c->schedule.gate ? cpu_check(s, why) : -EXDEV;
	if (err < 0)
		return err;
	pthread_mutex_lock(&c->slots.lock);
	err = rounds_configure(c->slots.rounds, &config, clock_now_ns());
	if (err >= 0) {
		slot_thread_configure(&c->slots, s);
		c->schedule = *s;
		c->slow_audits = 0;
	}
	pthread_mutex_unlock(&c->slots.lock);
	if (err < 0)
		snprintf(why, CPU_WHY_SIZE, "the slots refuse this schedule: %s", strerror(-err));
	return err;
}

static int compare_member(const void *a, const void *b)
{
	const struct cpu_member *x = &((const struct member *)a)->want,
				*y = &((const struct member *)b)->want;

	return (x->pid > y->pid) - (x->pid < y->pid);
}

static struct member *find(const struct cpu *c, pid_t pid)
{
	struct member key = { .want.pid = pid };

	return c->n_members ? bsearch(&key, c->members, c->n_members, sizeof(key), compare_member) : NULL;
}

/* The same VM goes on; its share may be another. */
static void keep(struct cpu *c, struct member *was, struct member *now)
{
	now->vm = TAKE_PTR(was->vm);
	memcpy(now->why, was->why, sizeof(now->why));
	memcpy(now->logged, was->logged, sizeof(now->logged));
	now->raised = was->raised;
	if (!now->vm || now->vm->part.ppm == now->want.part.ppm)
		return;
	now->vm->part = now->want.part;
	pthread_mutex_lock(&c->slots.lock);
	rounds_set_part(c->slots.rounds, now->vm->id, now->vm->part);
	pthread_mutex_unlock(&c->slots.lock);
}

int cpu_update(struct cpu *c, const struct cpu_member *m, size_t n)
{
	struct member *fresh = calloc(n + 1, sizeof(*fresh));
	int refused = 0;

	if (!fresh)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		struct member *was = find(c, m[i].pid);

		fresh[i].want = m[i];
		if (was && was->want.start_time == m[i].start_time)
			keep(c, was, &fresh[i]);
	}
	for (size_t i = 0; i < c->n_members; i++)
		expel(c, &c->members[i]);
	free(c->members);
	c->members = fresh;
	c->n_members = n;
	qsort(fresh, n, sizeof(*fresh), compare_member);
	for (size_t i = 0; i < n; i++) {
		if (!fresh[i].vm)
			admit(c, &fresh[i]);
		refused += !fresh[i].vm;
		log_member(c, &fresh[i]);
	}
	return refused;
}

static void open_slots(struct cpu *c, bool open)
{
	pthread_mutex_lock(&c->slots.lock);
	slot_thread_open(&c->slots, open);
	pthread_mutex_unlock(&c->slots.lock);
}

/* Without a guard nobody is paused; not while one is started, either, which may take its time. */
static void audit_guard(struct cpu *c)
{
	int err;

	if (guard_lives(c->guard))
		return;
	open_slots(c, true);
	err = guard_repair(c->guard);
	if (err >= 0)
		open_slots(c, false);
	else if (!c->unguarded)
		log_error("divvy-guard is gone and cannot be started (%s): every VM runs", strerror(-err));
	c->unguarded = err < 0;
}

/* Somebody may have moved it to another cgroup, where no gate of ours is. */
static bool has_left(const struct cpu *c, const struct cpu_vm *vm)
{
	char dir[CGROUP_PATH_SIZE];
	size_t k = strlen(vm->place.dir);

	return cgroup_of(&c->host, vm->place.tree, vm->pid, dir) == 0 &&
	       (strncmp(dir, vm->place.dir, k) || (dir[k] && dir[k] != '/'));
}

static void audit_member(struct cpu *c, struct member *m, bool again)
{
	enum gate_state state = GATE_RUNNING;
	bool lost, told;

	if (!m->vm) {
		if (again)
			admit(c, m);
		return;
	}
	pthread_mutex_lock(&c->slots.lock);
	lost = m->vm->lost;
	/* While divvy pauses it, nobody can tell whether others do, too: what was told stays. */
	told = !lost && !m->vm->paused && gate_state(&m->vm->gate, &state) >= 0;
	pthread_mutex_unlock(&c->slots.lock);
	if (lost || (again && has_left(c, m->vm))) {
		log_notice("process %d: %s; finding it a place again", m->want.pid,
			   lost ? "its cgroup vanished" : "somebody moved it to another cgroup");
		expel(c, m);
		admit(c, m);
	} else if (told) {
		snprintf(m->why, sizeof(m->why), "%s",
			 state == GATE_HELD ? "somebody else has frozen its cgroup or one above it: thaw that" : "");
	}
}

/* How long a gate takes depends on the hierarchy, the kernel, the VM and the load: measured, not assumed. */
static void audit_gates(struct cpu *c)
{
	uint64_t took;

	pthread_mutex_lock(&c->slots.lock);
	took = c->slots.stats.switch_ns;
	pthread_mutex_unlock(&c->slots.lock);
	if (c->slow_audits >= SLOW_AUDITS)
		return;
	c->slow_audits = took * 1000 < c->schedule.slot_ns * SWITCH_PERMILLE ? 0 : c->slow_audits + 1;
	if (c->slow_audits < SLOW_AUDITS)
		return;
	log_warning("pausing and resuming VMs takes %.2g ms of each slot of %.3g ms on this host; better: divvy set "
		    "schedule.slot=%llums",
		    (double)took / NSEC_PER_MSEC, (double)c->schedule.slot_ns / NSEC_PER_MSEC,
		    (unsigned long long)(took * 1000 / SWITCH_PERMILLE / NSEC_PER_MSEC + 1));
}

void cpu_audit(struct cpu *c, bool again)
{
	audit_guard(c);
	audit_gates(c);
	for (size_t i = 0; i < c->n_members; i++) {
		audit_member(c, &c->members[i], again);
		log_member(c, &c->members[i]);
	}
}

int cpu_vm_status(struct cpu *c, pid_t pid, struct cpu_vm_status *out)
{
	const struct member *m = find(c, pid);
	uint64_t pause;

	if (!m)
		return -ENOENT;
	*out = (struct cpu_vm_status){ .member = m->vm != NULL };
	memcpy(out->why, m->why, sizeof(out->why));
	if (!m->vm)
		return 0;
	pthread_mutex_lock(&c->slots.lock);
	rounds_info(c->slots.rounds, m->vm->id, &out->account);
	out->pauses = m->vm->pauses;
	out->longest_pause_ns = m->vm->longest_pause_ns;
	pause = m->vm->paused ? clock_now_ns() - m->vm->since_ns : 0;
	pthread_mutex_unlock(&c->slots.lock);
	if (pause > out->longest_pause_ns)
		out->longest_pause_ns = pause;
	return 0;
}

void cpu_status(struct cpu *c, struct cpu_status *out)
{
	struct rounds_vm account;

	pthread_mutex_lock(&c->slots.lock);
	*out = c->slots.stats;
	for (uint32_t id = 0; id < c->slots.n_vm; id++) {
		if (!c->slots.vm[id] || rounds_info(c->slots.rounds, id, &account) < 0)
			continue;
		out->used_total_ns += account.used_ns;
		out->entitled_total_ns += account.entitled_ns;
	}
	pthread_mutex_unlock(&c->slots.lock);
}

int cpu_turns(struct cpu *c, uint64_t since_ns, struct cpu_turn **turns, size_t *n)
{
	struct cpu_turn *out = calloc(CPU_TURNS, sizeof(*out));
	uint64_t first;
	size_t kept = 0;

	if (!out)
		return -ENOMEM;
	pthread_mutex_lock(&c->slots.lock);
	first = c->slots.n_turns > CPU_TURNS ? c->slots.n_turns - CPU_TURNS : 0;
	for (uint64_t i = first; i < c->slots.n_turns; i++)
		if (c->slots.turns[i % CPU_TURNS].start_ns >= since_ns)
			out[kept++] = c->slots.turns[i % CPU_TURNS];
	pthread_mutex_unlock(&c->slots.lock);
	*turns = out;
	*n = kept;
	return 0;
}
