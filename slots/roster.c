// SPDX-License-Identifier: GPL-2.0-or-later
#include "roster.h"

#include "fit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- one VM -------------------------------------------------------------------------------------- */

void roster_cannot_be_let_run(struct slot_vm *vm, int err)
{
	snprintf(vm->why, sizeof(vm->why),
		 "process %d is paused and cannot be let run (%s): tried again every second", vm->want.pid,
		 strerror(-err));
}

/*
 * Out of the slots, running, back in the cgroup that it came from. 0; or negative errno: it is out, and could
 * not be let run; call it again.
 */
static int expel(struct roster *r, struct slot_vm *vm)
{
	int err;

	if (vm->takes_part)
		slot_thread_remove(r->thread, vm);
	vm->takes_part = false;
	err = slot_vm_is_open(vm) ? slot_vm_close(vm, r->guard) : 0;
	if (err < 0)
		roster_cannot_be_let_run(vm, err);
	return err;
}

void roster_admit(struct roster *r, struct slot_vm *vm)
{
	int err;

	vm->why[0] = '\0';
	if (expel(r, vm) < 0) /* still paused from before */
		return;
	err = slot_vm_open(vm, &r->host, r->gate, r->guard, vm->why);
	if (err >= 0) {
		err = slot_thread_add(r->thread, vm);
		if (err < 0)
			(void)slot_vm_close(vm, r->guard);
	}
	vm->takes_part = err >= 0;
	if (!vm->takes_part && !vm->why[0])
		snprintf(vm->why, sizeof(vm->why), "process %d: %s", vm->want.pid, strerror(-err));
}

/* It is wanted no more: it runs, or is kept until it does. */
static void leave(struct roster *r, struct slot_vm *vm)
{
	if (vm->takes_part)
		slot_thread_remove(r->thread, vm);
	vm->takes_part = false;
	stuck_end(&r->stuck, vm, r->guard);
}

/* --- another schedule ---------------------------------------------------------------------------- */

/* What a change of the schedule replaces, and what takes it back. */
struct former {
	struct cgroup_host host;
	const struct gate_ops *gate;
	struct schedule schedule;
};

/* All that took part, with the gate that r has now. False: one could not, and why says which. */
static bool admit_again(struct roster *r, char why[SLOTS_WHY_SIZE])
{
	for (size_t i = 0; i < r->n_vms; i++) {
		struct slot_vm *vm = r->vms[i];

		if (!vm->took_part || vm->takes_part)
			continue;
		roster_admit(r, vm);
		if (vm->takes_part)
			continue;
		snprintf(why, SLOTS_WHY_SIZE, "VM %.60s: %.220s", vm->want.name, vm->why);
		return false;
	}
	return true;
}

/* Every VM leaves its gate. False: one cannot be let run, and why says which. */
static bool expel_all(struct roster *r, char why[SLOTS_WHY_SIZE])
{
	for (size_t i = 0; i < r->n_vms; i++)
		if (expel(r, r->vms[i]) < 0) {
			snprintf(why, SLOTS_WHY_SIZE, "VM %.60s: %.220s", r->vms[i]->want.name,
				 r->vms[i]->why);
			return false;
		}
	return true;
}

/* Whether every VM that takes part would have a place under another gate. Changes nothing. */
static bool places_are_there(const struct roster *r, const struct cgroup_host *h, const struct gate_ops *gate,
			     char why[SLOTS_WHY_SIZE])
{
	for (size_t i = 0; i < r->n_vms; i++) {
		const struct member *m = &r->vms[i]->want;
		const struct process process = { .pid = m->pid, .start_time = m->start_time };
		char reason[SLOTS_WHY_SIZE] = "";
		struct place place;
		int err = r->vms[i]->takes_part ? place_find(h, gate->tree(h), &process, m->name,
							     gate->controller, &place, reason) :
						  0;

		/* A VM that has just ended is no reason. */
		if (err >= 0 || err == -ESRCH)
			continue;
		snprintf(why, SLOTS_WHY_SIZE, "VM %.60s: %.220s", m->name, reason);
		return false;
	}
	return true;
}

static void take_back(struct roster *r, const struct former *f)
{
	char why[SLOTS_WHY_SIZE];

	(void)expel_all(r, why);
	(void)slot_thread_configure(r->thread, &f->schedule);
	r->host = f->host;
	r->gate = f->gate;
	r->schedule = f->schedule;
	/* Of one that cannot take part any more its own why tells, and the audit tries again. */
	for (size_t i = 0; i < r->n_vms; i++)
		if (r->vms[i]->took_part && !r->vms[i]->takes_part)
			roster_admit(r, r->vms[i]);
}

/* Every VM changes from one gate to the other, or none does. */
static int change_gate(struct roster *r, const struct former *f, char why[SLOTS_WHY_SIZE])
{
	for (size_t i = 0; i < r->n_vms; i++)
		r->vms[i]->took_part = r->vms[i]->takes_part;
	if (expel_all(r, why)) {
		(void)slot_thread_configure(r->thread, &r->schedule);
		if (admit_again(r, why))
			return 0;
	}
	take_back(r, f);
	return -EBUSY;
}

int roster_configure(struct roster *r, const struct schedule *schedule, char why[SLOTS_WHY_SIZE])
{
	const struct former f = { .host = r->host, .gate = r->gate, .schedule = r->schedule };
	struct cgroup_host host;
	const struct gate_ops *gate;
	int err;

	/* Taken over anew, it would forget what each VM had of the slot and the round under way. */
	if (schedule_same(schedule, &r->schedule))
		return 0;
	err = fit_check(schedule, &host, &gate, why);
	if (err < 0)
		return err;
	if (gate != r->gate && !places_are_there(r, &host, gate, why))
		return -EBUSY;
	err = slot_thread_configure(r->thread, schedule);
	if (err < 0) {
		snprintf(why, SLOTS_WHY_SIZE, "the slots refuse this schedule: %s", strerror(-err));
		return err;
	}
	r->host = host;
	r->gate = gate;
	r->schedule = *schedule;
	return gate != f.gate ? change_gate(r, &f, why) : 0;
}

/* --- which VMs ----------------------------------------------------------------------------------- */

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

/* A struct for each: that that r has of the same VM, or a new one. NULL: out of memory. */
static struct slot_vm **match(struct roster *r, const struct member *want, size_t n)
{
	struct slot_vm **out = calloc(n + 1, sizeof(*out)), *was;
	size_t k = 0;

	for (; out && k < n; k++) {
		was = find(r->vms, r->n_vms, want[k].pid);
		if (!was || was->want.start_time != want[k].start_time)
			was = stuck_find(&r->stuck, &want[k]);
		out[k] = was ? was : slot_vm_new(&want[k]);
		if (!out[k])
			break;
	}
	if (!out || k == n)
		return out;
	while (k--)
		if (find(r->vms, r->n_vms, want[k].pid) != out[k] && !stuck_find(&r->stuck, &want[k]))
			free(out[k]);
	free(out);
	return NULL;
}

/* The same VM goes on; its part or its name may be another. */
static void keep(struct roster *r, struct slot_vm *vm, const struct member *want)
{
	bool changed = vm->want.part.ppm != want->part.ppm;

	vm->want = *want;
	if (vm->takes_part && changed)
		slot_thread_set_part(r->thread, vm);
}

int roster_update(struct roster *r, const struct member *want, size_t n)
{
	struct slot_vm **now = match(r, want, n);

	if (!now)
		return -ENOMEM;
	for (size_t i = 0; i < r->n_vms; i++)
		if (find(now, n, r->vms[i]->want.pid) != r->vms[i])
			leave(r, r->vms[i]);
	free(r->vms);
	r->vms = now;
	r->n_vms = n;
	for (size_t i = 0; i < n; i++) {
		stuck_take(&r->stuck, now[i]);
		keep(r, now[i], &want[i]);
		if (!now[i]->takes_part)
			roster_admit(r, now[i]);
	}
	return 0;
}

void roster_close(struct roster *r)
{
	for (size_t i = 0; i < r->n_vms; i++)
		leave(r, r->vms[i]);
	stuck_free(&r->stuck, r->guard);
	free(r->vms);
	r->vms = NULL;
	r->n_vms = 0;
}
