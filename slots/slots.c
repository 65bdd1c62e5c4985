// SPDX-License-Identifier: GPL-2.0-or-later
#include "slots.h"

#include "fit.h"
#include "roster.h"
#include "workers.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "kernel/cgroup/guard_cgroup.h"
#include "kernel/proc/privilege.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct slots {
	struct guard *guard;
	struct slot_thread thread;
	struct roster roster;
	struct workers workers;
	unsigned slow_audits; /* in a row, at which this host's gates were slow for such slots */
	bool unguarded;       /* the guard could not be started, and the log knows */
};

/* Where gates take more of a slot than this, at so many audits in a row, the log says so. */
#define SWITCH_PERMILLE 100
#define SLOW_AUDITS 3

#define HELD_WHY "another program has frozen its cgroup or one above it: thaw that"
#define WORKERS_WHY                                                                                            \
	"vhost goes on sending for it while it is paused: its worker is a kernel thread, which nothing pauses; "  \
	"Linux 6.4 or later, or vhost=off for its NICs"

/* --- this host ----------------------------------------------------------------------------------- */

int slots_check(const struct schedule *s, char why[SLOTS_WHY_SIZE])
{
	struct cgroup_host h;
	const struct gate_ops *gate;

	return fit_check(s, &h, &gate, why);
}

int slots_recover(bool again)
{
	struct cgroup_host h;
	_cleanup_free_ struct place *left = NULL;
	size_t n = 0;
	int paused;

	if (cgroup_probe("", &h) < 0)
		return 0;
	privilege_reserve(true);
	guard_cgroup_sweep();
	paused = gate_recover(&h);
	if (paused > 0)
		log_warning("%d VM%s left paused by an earlier divvyd %s again", paused,
			    paused == 1 ? "" : "s", paused == 1 ? "runs" : "run");
	else if (paused < 0 && !again)
		log_error("not every VM that an earlier divvyd left paused could be let run (%s): trying again",
			    strerror(-paused));
	if (place_list(&h, &left, &n) < 0)
		n = 0;
	for (size_t i = 0; i < n; i++)
		place_leave(&left[i]);
	privilege_reserve(false);
	return paused < 0 ? paused : 0;
}

/* --- one VM -------------------------------------------------------------------------------------- */

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
			    vm->want.name, s->roster.schedule.slots);
	vm->raised_logged = vm->raised;
}

/* A line for each change, however often it is looked at. */
static void log_changes(struct slots *s)
{
	pthread_mutex_lock(&s->thread.lock);
	for (size_t i = 0; i < s->roster.n_vms; i++) {
		struct slot_vm *vm = s->roster.vms[i];
		struct rounds_vm account = { 0 };

		if (vm->takes_part)
			rounds_info(s->thread.rounds, vm->id, &account);
		vm->raised = account.raised;
	}
	pthread_mutex_unlock(&s->thread.lock);
	for (size_t i = 0; i < s->roster.n_vms; i++)
		log_vm(s, s->roster.vms[i]);
}

/* Of a VM that takes part, and can be let run. */
static void tell_whether_held(const struct slots *s, struct slot_vm *vm, bool held)
{
	uint64_t used;
	bool workers = workers_of(&s->workers, &s->roster.host, vm, &used) > 0;

	snprintf(vm->why, sizeof(vm->why), "%s", held ? HELD_WHY : workers ? WORKERS_WHY : "");
}

/* After other VMs, or another schedule. */
static void tell_changes(struct slots *s)
{
	(void)workers_look(&s->workers, s->roster.vms, s->roster.n_vms);
	for (size_t i = 0; i < s->roster.n_vms; i++)
		if (s->roster.vms[i]->takes_part && !s->roster.vms[i]->thaw_told)
			tell_whether_held(s, s->roster.vms[i], strcmp(s->roster.vms[i]->why, HELD_WHY) == 0);
	log_changes(s);
}

/* --- open, close --------------------------------------------------------------------------------- */

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
	err = fit_check(schedule, &s->roster.host, &s->roster.gate, why);
	if (err < 0)
		return err;
	s->roster.schedule = *schedule;
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
	s->roster.guard = s->guard;
	s->roster.thread = &s->thread;
	*ret = TAKE_PTR(s);
	return 0;
}

static int configure(struct slots *s, const struct schedule *schedule, char why[SLOTS_WHY_SIZE])
{
	bool same = schedule_same(schedule, &s->roster.schedule);
	int err = roster_configure(&s->roster, schedule, why);

	if (err >= 0 && !same)
		s->slow_audits = 0;
	return err;
}

int slots_prepare(struct slots **slots, const struct schedule *s, const char *runtime,
		  char why[SLOTS_WHY_SIZE])
{
	if (s->resource != RESOURCE_CPU)
		return 0;
	return *slots ? configure(*slots, s, why) : open_slots(slots, s, runtime, why);
}

struct slots *slots_close(struct slots *s)
{
	if (!s)
		return NULL;
	roster_close(&s->roster);
	workers_free(&s->workers);
	slot_thread_stop(&s->thread);
	guard_close(s->guard);
	free(s);
	return NULL;
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
	if (members_find(m, bindings, &want, &n) < 0 || roster_update(&(*slots)->roster, want, n) < 0)
		log_error("CPU schedule: out of memory");
	else
		tell_changes(*slots);
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

	return cgroup_of(&s->roster.host, vm->place.tree, vm->want.pid, dir) == 0 &&
	       (strncmp(dir, vm->place.dir, k) || (dir[k] && dir[k] != '/'));
}

static void audit_vm(struct slots *s, struct slot_vm *vm, bool again)
{
	enum gate_state state = GATE_RUNNING;
	bool lost, known;
	int err;

	if (!vm->takes_part) {
		if (again || slot_vm_is_open(vm))
			roster_admit(&s->roster, vm);
		return;
	}
	err = slot_thread_let_run(&s->thread, vm);
	if (err < 0) {
		roster_cannot_be_let_run(vm, err);
		vm->thaw_told = true;
		return;
	}
	if (vm->thaw_told)
		vm->why[0] = '\0';
	vm->thaw_told = false;
	pthread_mutex_lock(&s->thread.lock);
	lost = vm->run.lost;
	/* While divvy pauses it, its gate does not show whether another program does, too: `why` stays. */
	known = !lost && !vm->run.paused && gate_state(&vm->gate, &state) >= 0;
	pthread_mutex_unlock(&s->thread.lock);
	if (again || vm->held_above)
		vm->held_above = gate_held_above(&vm->gate);
	if (lost || (again && has_left(s, vm))) {
		log_notice("process %d: %s; finding it a place again", vm->want.pid,
			   lost ? "its cgroup vanished" : "another program moved it to another cgroup");
		roster_admit(&s->roster, vm);
	} else if (known || vm->held_above) {
		tell_whether_held(s, vm, state == GATE_HELD || vm->held_above);
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
	s->slow_audits = took * 1000 < s->roster.schedule.slot_ns * SWITCH_PERMILLE ? 0 : s->slow_audits + 1;
	if (s->slow_audits < SLOW_AUDITS)
		return;
	log_warning("pausing and resuming VMs takes %.2g ms of each slot of %.3g ms on this host; better: "
		    "divvy set schedule.slot=%llums",
		    (double)took / NSEC_PER_MSEC, (double)s->roster.schedule.slot_ns / NSEC_PER_MSEC,
		    (unsigned long long)(took * 1000 / SWITCH_PERMILLE / NSEC_PER_MSEC + 1));
}

void slots_audit(struct slots *s, bool again)
{
	if (again)
		(void)workers_look(&s->workers, s->roster.vms, s->roster.n_vms);
	audit_guard(s);
	audit_gates(s);
	stuck_retry(&s->roster.stuck, s->guard);
	for (size_t i = 0; i < s->roster.n_vms; i++)
		audit_vm(s, s->roster.vms[i], again);
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
	struct slots_vm_status *list = calloc(s->roster.n_vms + 1, sizeof(*list));
	struct slots_status sum;
	uint64_t now;

	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < s->roster.n_vms; i++) {
		list[i].pid = s->roster.vms[i]->want.pid;
		list[i].unpaused_workers = workers_of(&s->workers, &s->roster.host, s->roster.vms[i],
						      &list[i].unpaused_ns);
		memcpy(list[i].why, s->roster.vms[i]->why, sizeof(list[i].why));
	}
	pthread_mutex_lock(&s->thread.lock);
	now = clock_now_ns();
	sum = s->thread.stats;
	for (size_t i = 0; i < s->roster.n_vms; i++) {
		if (s->roster.vms[i]->takes_part)
			tell_run(s, s->roster.vms[i], now, &list[i]);
		sum.used_total_ns += list[i].account.used_ns;
		sum.entitled_total_ns += list[i].account.entitled_ns;
	}
	pthread_mutex_unlock(&s->thread.lock);
	*all = sum;
	*vms = list;
	*n = s->roster.n_vms;
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
