// SPDX-License-Identifier: GPL-2.0-or-later
#include "slots.h"

#include "thread.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "kernel/cgroup/guard_cgroup.h"
#include "kernel/proc/privilege.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct slots {
	struct cgroup_host host;
	struct schedule schedule;
	const struct gate_ops *gate;
	struct guard *guard;
	struct slot_thread thread;
	struct slot_vm **vms; /* all that were asked for, sorted by pid; both are owned */
	size_t n_vms;
	unsigned slow_audits; /* in a row, at which this host's gates were slow for such slots */
	bool unguarded;       /* the guard could not be started, and the log knows */
};

/* Where gates take more of a slot than this, at so many audits in a row, the log says so. */
#define SWITCH_PERMILLE 100
#define SLOW_AUDITS 3

#define HELD_WHY "somebody else has frozen its cgroup or one above it: thaw that"

/* What check() says of a host that lacks it, and the way out. */
static const char *const gate_needs[] = {
	[GATE_FREEZE] = "cgroup.freeze (v2, Linux 5.2) nor the v1 freezer: use gate: quota, slot: 20ms",
	[GATE_QUOTA] = "cpu.max (v2) nor the v1 cpu controller: use gate: freeze",
};

/* --- this host ----------------------------------------------------------------------------------- */

static int check(const struct schedule *s, struct cgroup_host *h, const struct gate_ops **gate,
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

int slots_check(const struct schedule *s, char why[SLOTS_WHY_SIZE])
{
	struct cgroup_host h;
	const struct gate_ops *gate;

	return check(s, &h, &gate, why);
}

void slots_recover(void)
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

/* --- one VM -------------------------------------------------------------------------------------- */

/* Its reason, if it cannot take part, is in why. */
static void admit(struct slots *s, struct slot_vm *vm)
{
	int err;

	vm->why[0] = '\0';
	err = slot_vm_open(vm, &s->host, s->gate, s->guard, vm->why);
	if (err >= 0) {
		err = slot_thread_add(&s->thread, vm);
		if (err < 0)
			slot_vm_close(vm, s->guard);
	}
	vm->takes_part = err >= 0;
	if (!vm->takes_part && !vm->why[0])
		snprintf(vm->why, sizeof(vm->why), "process %d: %s", vm->want.pid, strerror(-err));
}

/* Out of the slots, running, back in the cgroup that it came from. */
static void expel(struct slots *s, struct slot_vm *vm)
{
	if (!vm->takes_part)
		return;
	vm->takes_part = false;
	slot_thread_remove(&s->thread, vm);
	slot_vm_close(vm, s->guard);
}

static void log_vm(const struct slots *s, struct slot_vm *vm)
{
	if (strcmp(vm->why, vm->logged) != 0) {
		if (vm->why[0])
			log_warning("CPU slots: VM %s: %s%s", vm->want.name,
				    vm->takes_part ? "" : "takes no part: ", vm->why);
		else
			log_info("CPU slots: VM %s: takes part", vm->want.name);
		memcpy(vm->logged, vm->why, sizeof(vm->logged));
	}
	if (vm->raised && !vm->raised_logged)
		log_warning("CPU slots: VM %s: its share is worth less than one slot of %u: it gets one",
			    vm->want.name, s->schedule.slots);
	vm->raised_logged = vm->raised;
}

/* A line for each change, however often it is looked at. */
static void log_changes(struct slots *s)
{
	pthread_mutex_lock(&s->thread.lock);
	for (size_t i = 0; i < s->n_vms; i++) {
		struct slot_vm *vm = s->vms[i];
		struct rounds_vm account = { 0 };

		if (vm->takes_part)
			rounds_info(s->thread.rounds, vm->id, &account);
		vm->raised = account.raised;
	}
	pthread_mutex_unlock(&s->thread.lock);
	for (size_t i = 0; i < s->n_vms; i++)
		log_vm(s, s->vms[i]);
}

/* --- open, change, close ------------------------------------------------------------------------- */

static int open_slots(struct slots **ret, const struct schedule *schedule, const char *runtime,
		      char why[SLOTS_WHY_SIZE])
{
	_cleanup_free_ struct slots *s = calloc(1, sizeof(*s));
	char socket_path[108];
	int err;

	if (!s) {
		snprintf(why, SLOTS_WHY_SIZE, "out of memory");
		return -ENOMEM;
	}
	err = check(schedule, &s->host, &s->gate, why);
	if (err < 0)
		return err;
	s->schedule = *schedule;
	snprintf(socket_path, sizeof(socket_path), "%s/guard.sock", runtime);
	err = guard_open(&s->guard, socket_path, NULL);
	if (err < 0) {
		snprintf(why, SLOTS_WHY_SIZE, "cannot start divvy-guard, without which no VM is paused: %s",
			 strerror(-err));
		return err;
	}
	err = slot_thread_start(&s->thread, s->guard, schedule);
	if (err < 0) {
		snprintf(why, SLOTS_WHY_SIZE, "cannot start the slot thread: %s", strerror(-err));
		guard_close(s->guard);
		return err;
	}
	*ret = TAKE_PTR(s);
	return 0;
}

int slots_prepare(struct slots **slots, const struct schedule *s, const char *runtime,
		  char why[SLOTS_WHY_SIZE])
{
	if (s->resource != RESOURCE_CPU)
		return 0;
	return *slots ? slots_check(s, why) : open_slots(slots, s, runtime, why);
}

struct slots *slots_close(struct slots *s)
{
	if (!s)
		return NULL;
	for (size_t i = 0; i < s->n_vms; i++) {
		expel(s, s->vms[i]);
		free(s->vms[i]);
	}
	slot_thread_stop(&s->thread);
	guard_close(s->guard);
	free(s->vms);
	free(s);
	return NULL;
}

/*
 * 0 or negative errno with why: the former schedule stays. Where the gate changes, no VM takes part any more:
 * update() admits them again.
 */
static int configure(struct slots *s, const struct schedule *schedule, char why[SLOTS_WHY_SIZE])
{
	struct cgroup_host host;
	const struct gate_ops *gate;
	int err;

	/* Taken over anew, it would forget what each VM had of the slot and the round under way. */
	if (schedule_same(schedule, &s->schedule))
		return 0;
	err = check(schedule, &host, &gate, why);
	if (err < 0)
		return err;
	for (size_t i = 0; i < s->n_vms && gate != s->gate; i++)
		expel(s, s->vms[i]);
	err = slot_thread_configure(&s->thread, schedule);
	if (err < 0) {
		snprintf(why, SLOTS_WHY_SIZE, "the slots refuse this schedule: %s", strerror(-err));
		return err;
	}
	s->host = host;
	s->gate = gate;
	s->schedule = *schedule;
	s->slow_audits = 0;
	return 0;
}

static int compare_pid(const void *pid, const void *vm)
{
	const pid_t x = *(const pid_t *)pid, y = (*(struct slot_vm *const *)vm)->want.pid;

	return (x > y) - (x < y);
}

static struct slot_vm *find(struct slot_vm **vms, size_t n, pid_t pid)
{
	struct slot_vm **there = n ? bsearch(&pid, vms, n, sizeof(*vms), compare_pid) : NULL;

	return there ? *there : NULL;
}

/* A struct for each: that of the same VM from s, or a new one. NULL: out of memory. */
static struct slot_vm **match(struct slots *s, const struct member *want, size_t n)
{
	struct slot_vm **out = calloc(n + 1, sizeof(*out)), *was;
	size_t k = 0;

	for (; out && k < n; k++) {
		was = find(s->vms, s->n_vms, want[k].pid);
		out[k] = was && was->want.start_time == want[k].start_time ? was : slot_vm_new(&want[k]);
		if (!out[k])
			break;
	}
	if (!out || k == n)
		return out;
	while (k--)
		if (find(s->vms, s->n_vms, want[k].pid) != out[k])
			free(out[k]);
	free(out);
	return NULL;
}

/* The same VM goes on; its part or its name may be another. */
static void keep(struct slots *s, struct slot_vm *vm, const struct member *want)
{
	bool changed = vm->want.part.ppm != want->part.ppm;

	vm->want = *want;
	if (vm->takes_part && changed)
		slot_thread_set_part(&s->thread, vm);
}

/* want is sorted by pid. 0; -ENOMEM: nothing has changed. */
static int update(struct slots *s, const struct member *want, size_t n)
{
	struct slot_vm **now = match(s, want, n);

	if (!now)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_vms; i++) {
		if (find(now, n, s->vms[i]->want.pid) == s->vms[i])
			continue;
		expel(s, s->vms[i]);
		free(s->vms[i]);
	}
	free(s->vms);
	s->vms = now;
	s->n_vms = n;
	for (size_t i = 0; i < n; i++) {
		keep(s, now[i], &want[i]);
		if (!now[i]->takes_part)
			admit(s, now[i]);
	}
	log_changes(s);
	return 0;
}

void slots_apply(struct slots **slots, const struct model *m, const struct binding *bindings)
{
	_cleanup_free_ struct member *want = NULL;
	char why[SLOTS_WHY_SIZE] = "";
	size_t n = 0;

	if (m->schedule.resource != RESOURCE_CPU)
		*slots = slots_close(*slots);
	if (!*slots)
		return;
	if (configure(*slots, &m->schedule, why) < 0)
		log_error("CPU schedule: %s", why);
	if (members_find(m, bindings, &want, &n) < 0 || update(*slots, want, n) < 0)
		log_error("CPU schedule: out of memory");
}

/* --- audit --------------------------------------------------------------------------------------- */

/* Without a guard no VM is paused; not while one is started, either, which may take its time. */
static void audit_guard(struct slots *s)
{
	int err;

	if (guard_lives(s->guard))
		return;
	slot_thread_set_guarded(&s->thread, false);
	err = guard_repair(s->guard);
	if (err >= 0)
		slot_thread_set_guarded(&s->thread, true);
	else if (!s->unguarded)
		log_error("divvy-guard is gone and cannot be started (%s): every VM runs", strerror(-err));
	s->unguarded = err < 0;
}

/* Another program may have moved it to another cgroup, where no gate of ours is. */
static bool has_left(const struct slots *s, const struct slot_vm *vm)
{
	char dir[CGROUP_PATH_SIZE];
	size_t k = strlen(vm->place.dir);

	return cgroup_of(&s->host, vm->place.tree, vm->want.pid, dir) == 0 &&
	       (strncmp(dir, vm->place.dir, k) || (dir[k] && dir[k] != '/'));
}

static void audit_vm(struct slots *s, struct slot_vm *vm, bool again)
{
	enum gate_state state = GATE_RUNNING;
	bool lost, known;

	if (!vm->takes_part) {
		if (again)
			admit(s, vm);
		return;
	}
	pthread_mutex_lock(&s->thread.lock);
	lost = vm->run.lost;
	/* While divvy pauses it, its gate does not show whether another program does, too: `why` stays. */
	known = !lost && !vm->run.paused && gate_state(&vm->gate, &state) >= 0;
	pthread_mutex_unlock(&s->thread.lock);
	if (lost || (again && has_left(s, vm))) {
		log_notice("process %d: %s; finding it a place again", vm->want.pid,
			   lost ? "its cgroup vanished" : "somebody moved it to another cgroup");
		expel(s, vm);
		admit(s, vm);
	} else if (known) {
		snprintf(vm->why, sizeof(vm->why), "%s", state == GATE_HELD ? HELD_WHY : "");
	}
}

/* How long a gate takes depends on the hierarchy, the kernel, the VM and the load: measured, not assumed. */
static void audit_gates(struct slots *s)
{
	uint64_t took;

	if (s->slow_audits >= SLOW_AUDITS)
		return;
	pthread_mutex_lock(&s->thread.lock);
	took = s->thread.stats.switch_ns;
	pthread_mutex_unlock(&s->thread.lock);
	s->slow_audits = took * 1000 < s->schedule.slot_ns * SWITCH_PERMILLE ? 0 : s->slow_audits + 1;
	if (s->slow_audits < SLOW_AUDITS)
		return;
	log_warning("pausing and resuming VMs takes %.2g ms of each slot of %.3g ms on this host; better: "
		    "divvy set schedule.slot=%llums",
		    (double)took / NSEC_PER_MSEC, (double)s->schedule.slot_ns / NSEC_PER_MSEC,
		    (unsigned long long)(took * 1000 / SWITCH_PERMILLE / NSEC_PER_MSEC + 1));
}

void slots_audit(struct slots *s, bool again)
{
	audit_guard(s);
	audit_gates(s);
	for (size_t i = 0; i < s->n_vms; i++)
		audit_vm(s, s->vms[i], again);
	log_changes(s);
}

/* --- status -------------------------------------------------------------------------------------- */

/* Under the lock, where the VM takes part. */
static void tell_run(const struct slots *s, const struct slot_vm *vm, uint64_t now,
		     struct slots_vm_status *out)
{
	uint64_t pause = vm->run.paused ? now - vm->run.since_ns : 0;

	rounds_info(s->thread.rounds, vm->id, &out->account);
	out->takes_part = true;
	out->pauses = vm->run.pauses;
	out->longest_pause_ns = pause > vm->run.longest_pause_ns ? pause : vm->run.longest_pause_ns;
}

int slots_snapshot(struct slots *s, struct slots_status *all, struct slots_vm_status **vms, size_t *n)
{
	struct slots_vm_status *list = calloc(s->n_vms + 1, sizeof(*list));
	struct slots_status sum;
	uint64_t now;

	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < s->n_vms; i++) {
		list[i].pid = s->vms[i]->want.pid;
		memcpy(list[i].why, s->vms[i]->why, sizeof(list[i].why));
	}
	pthread_mutex_lock(&s->thread.lock);
	now = clock_now_ns();
	sum = s->thread.stats;
	for (size_t i = 0; i < s->n_vms; i++) {
		if (s->vms[i]->takes_part)
			tell_run(s, s->vms[i], now, &list[i]);
		sum.used_total_ns += list[i].account.used_ns;
		sum.entitled_total_ns += list[i].account.entitled_ns;
	}
	pthread_mutex_unlock(&s->thread.lock);
	*all = sum;
	*vms = list;
	*n = s->n_vms;
	return 0;
}

static int compare_status(const void *pid, const void *status)
{
	const pid_t x = *(const pid_t *)pid, y = ((const struct slots_vm_status *)status)->pid;

	return (x > y) - (x < y);
}

const struct slots_vm_status *slots_vm_status_find(const struct slots_vm_status *vms, size_t n, pid_t pid)
{
	return n ? bsearch(&pid, vms, n, sizeof(*vms), compare_status) : NULL;
}

int slots_turns(struct slots *s, uint64_t since_ns, struct slots_turn **turns, size_t *n)
{
	struct slots_turn *out = calloc(SLOTS_TURNS, sizeof(*out));

	if (!out)
		return -ENOMEM;
	pthread_mutex_lock(&s->thread.lock);
	*n = turns_since(&s->thread.turns, since_ns, out);
	pthread_mutex_unlock(&s->thread.lock);
	*turns = out;
	return 0;
}
