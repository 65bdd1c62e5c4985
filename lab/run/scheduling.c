/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "scheduling.h"

#include "lab/schedulers/divvy.h"
#include "lab/schedulers/peer.h"

#include <stdlib.h>
#include <string.h>

static const struct scheduler *const schedulers[SCHEDULER_KINDS] = {
#define OBJECT(kind, name, object) [SCHEDULER_##kind] = &scheduler_##object,
	SCHEDULER_TABLE(OBJECT)
#undef OBJECT
};

const struct scheduler *scheduling_of(enum scheduler_kind kind)
{
	return schedulers[kind];
}

bool scheduling_possible(enum scheduler_kind kind, char *why, size_t size)
{
	return !schedulers[kind] || kernel_has(schedulers[kind]->needs, why, size);
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
