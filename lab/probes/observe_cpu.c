/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "observe_cpu.h"

#include "base/cleanup.h"
#include "lab/schedulers/divvy.h"

void observe_cpu(const struct scenario *s, const char *status, struct cpu_reading *out)
{
	const char *names[TOPO_VMS_MAX];

	for (size_t i = 0; i < s->n_vms; i++)
		names[i] = s->vms[i].name;
	if (status)
		cpu_reading_parse(status, names, s->n_vms, out);
}

void observe_slots(struct scheduling *s, struct vm *const *vm, struct window w, struct slots *out)
{
	_cleanup_free_ char *json = NULL;
	pid_t pid[TOPO_VMS_MAX];

	for (size_t i = 0; i < s->scenario->n_vms; i++)
		pid[i] = vm_pid(vm[i]);
	if (divvy_ask(s, "slots", &json) == 0)
		slots_parse(json, pid, s->scenario->n_vms, w, out);
}
