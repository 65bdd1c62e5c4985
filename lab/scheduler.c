/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "peer.h"

#include "base/cleanup.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* NULL: nothing to be done. */
static const struct scheduler *const schedulers[SCHEDULER_KINDS] = {
	[SCHEDULER_NONE] = NULL,
	[SCHEDULER_ADMINISTRATOR] = &scheduler_administrator,
	[SCHEDULER_DIVVY] = &scheduler_divvy,
	[SCHEDULER_CPU] = &scheduler_divvy, /* another resource, the same program */
	[SCHEDULER_HTB_TUNED] = &scheduler_htb_tuned,
	[SCHEDULER_CNI] = &scheduler_cni,
	[SCHEDULER_PROXMOX] = &scheduler_proxmox,
	[SCHEDULER_LIBVIRT] = &scheduler_libvirt,
	[SCHEDULER_CPU_WEIGHT] = &scheduler_cpu_weight,
	[SCHEDULER_CPU_QUOTA] = &scheduler_cpu_quota,
};

void scheduling_note(struct scheduling *s, const char *line)
{
	size_t n = strlen(line);
	char *p = realloc(s->commands, s->commands_size + n + 2);

	if (!p)
		return; /* a note less */
	memcpy(p + s->commands_size, line, n);
	s->commands_size += n;
	p[s->commands_size++] = '\n';
	p[s->commands_size] = 0;
	s->commands = p;
}

char *scheduling_commands(struct scheduling *s)
{
	s->commands_size = 0;
	return TAKE_PTR(s->commands);
}

int scheduling_run(struct scheduling *s, struct errtext *e, const char *fmt, ...)
{
	char line[400];
	va_list args;

	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	scheduling_note(s, line);
	return proc_run(s->topo->host, NULL, e, "%s", line);
}

int scheduling_start(struct scheduling *s, struct errtext *e)
{
	for (size_t k = 0; k < s->scenario->n_phases; k++)
		if (schedulers[s->scenario->phases[k].scheduler] == &scheduler_divvy)
			return divvy_start(s, e);
	return 0;
}

/* Shares alone are set; everything else of a specification needs to be applied. */
static bool may_set(const struct scheduling *s, const struct scenario_phase *p)
{
	const char *was = s->schedule ? s->schedule : "", *is = p->schedule ? p->schedule : "";

	return p->action != ACTION_APPLY && s->active == p->scheduler && strcmp(was, is) == 0;
}

int scheduling_enter(struct scheduling *s, const struct scenario_phase *p, struct errtext *e)
{
	const struct scheduler *was = schedulers[s->active], *is = schedulers[p->scheduler];
	int r = 0;

	/* A change of the resource goes through the daemon, without a release. */
	if (was && was != is)
		r = was->release(s, e);
	if (r < 0)
		return r;
	/* Where schedulers stand side by side, each is told with its own commands only. */
	if (p->under)
		free(scheduling_commands(s));
	if (is)
		r = was == is && may_set(s, p) ? is->set(s, p, e) : is->apply(s, p, e);
	/* What was half done must not be in the next one's way. */
	if (r < 0 && is && is != was)
		is->release(s, NULL);
	if (r < 0)
		return r;
	s->active = p->scheduler;
	s->schedule = p->schedule;
	return 0;
}

void scheduling_stop(struct scheduling *s)
{
	if (s->divvyd > 0)
		divvy_stop(s);
	peer_cgroup_release(s, NULL);
	free(s->commands);
	s->commands = NULL;
	s->commands_size = 0;
}
