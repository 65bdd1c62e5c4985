/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * How a file's phases become those of a run: one by one, or, if it has a list `under`, as steps that are gone
 * through under each scheduler in turn: U1 step 1, U1 step 2, U2 step 1, ...
 */

#include "scenario_file.h"

#include "base/cleanup.h"
#include "scenario.h"
#include "schedule.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *const backpressure_modes[] = { "auto", "on", "off" };

/* A step may go without a name if it is the only one. */
static const char *called(const struct raw_phase *raw)
{
	return raw->name ? raw->name : "without a name";
}

static int convert_shares(const struct raw_phase *raw, const struct scenario *s, struct scenario_phase *p,
			  struct errtext *e)
{
	p->has_shares = raw->shares.n > 0;
	if (p->has_shares && raw->shares.n != s->n_guests)
		return errtext_set(e, -EINVAL, "phase %s: %zu shares for %zu VMs", called(raw), raw->shares.n,
				   s->n_guests);
	for (size_t i = 0; i < s->n_vms; i++) {
		p->shares[i].weight = p->has_shares ? ((const uint32_t *)raw->shares.items)[s->vms[i].of] : 1;
		if (p->shares[i].weight < 1 || p->shares[i].weight > SHARE_MAX)
			return errtext_set(e, -EINVAL, "phase %s: a share is 1..%u", called(raw), SHARE_MAX);
	}
	return 0;
}

#define RESERVE_MAX_MBIT 1000000U

static int convert_reserves(const struct raw_phase *raw, size_t n_vms, struct scenario_phase *p, struct errtext *e)
{
	const uint32_t *mbit = raw->reserves.items;

	p->has_reserves = raw->reserves.n > 0;
	if (p->has_reserves && raw->reserves.n != n_vms)
		return errtext_set(e, -EINVAL, "phase %s: %zu reserves for %zu VMs", called(raw), raw->reserves.n, n_vms);
	if (p->has_reserves && p->scheduler != SCHEDULER_DIVVY && p->scheduler != SCHEDULER_NONE)
		return errtext_set(e, -EINVAL, "phase %s: reserves are divvy's alone", called(raw));
	for (size_t i = 0; p->has_reserves && i < n_vms; i++) {
		if (mbit[i] > RESERVE_MAX_MBIT)
			return errtext_set(e, -EINVAL, "phase %s: a reserve is 0..%u, Mbit/s", called(raw),
					   RESERVE_MAX_MBIT);
		p->reserve[i] = (struct rate){ mbit[i] * 125000ULL };
	}
	return 0;
}

static int convert_senders(const struct raw_phase *raw, const struct raw_under *u, const struct scenario *s,
			   struct scenario_phase *p, struct errtext *e)
{
	const struct raw_list *senders = u && u->senders.n ? &u->senders : &raw->senders;
	char *const *names = senders->items;

	for (size_t i = 0; i < s->n_vms; i++)
		p->silent[i] = senders->n > 0;
	for (size_t k = 0; k < senders->n; k++) {
		size_t i = 0;

		while (i < s->n_vms && strcmp(s->vms[i].name, names[k]) != 0)
			i++;
		if (i == s->n_vms || !s->vms[i].sends)
			return errtext_set(e, -EINVAL, "phase %s: senders: \"%.60s\" is no VM with traffic",
					   called(raw), names[k]);
		p->silent[i] = false;
	}
	return 0;
}

static int convert_scheduler(const struct raw_phase *raw, const struct raw_under *u, struct scenario_phase *p,
			     struct errtext *e)
{
	const char *name = u ? u->scheduler : raw->scheduler;
	const char *backpressure = u && u->backpressure ? u->backpressure : raw->backpressure;
	int scheduler, action = raw->action ? action_from_name(raw->action) : ACTION_AUTO;
	bool known = !backpressure;

	if (u && raw->scheduler)
		return errtext_set(e, -EINVAL, "phase %s: its scheduler is given by \"under\" already",
				   called(raw));
	if (!name)
		return errtext_set(e, -EINVAL, "phase %s: needs \"scheduler\", or the scenario \"under\"",
				   called(raw));
	scheduler = scheduler_from_name(name);
	if (scheduler < 0)
		return errtext_set(e, -EINVAL, "phase %s: unknown scheduler \"%s\"", called(raw), name);
	if (action < 0)
		return errtext_set(e, -EINVAL, "phase %s: unknown action \"%s\"", called(raw), raw->action);
	for (size_t i = 0; !known && i < ARRAY_SIZE(backpressure_modes); i++)
		known = strcmp(backpressure_modes[i], backpressure) == 0;
	if (!known)
		return errtext_set(e, -EINVAL, "phase %s: backpressure is auto, on or off", called(raw));
	if (scheduler == SCHEDULER_NONE && (action == ACTION_APPLY || action == ACTION_SET))
		return errtext_set(e, -EINVAL, "phase %s: without a scheduler there is nothing to %s",
				   called(raw), raw->action);
	if (scheduler != SCHEDULER_NONE && action == ACTION_RELEASE)
		return errtext_set(e, -EINVAL, "phase %s: after a release the scheduler is none",
				   called(raw));
	p->scheduler = (enum scheduler_kind)scheduler;
	p->action = (enum phase_action)action;
	return 0;
}

/* NULL for NULL, which is not an error. */
static int copy(char **out, const char *text)
{
	*out = text ? strdup(text) : NULL;
	return text && !*out ? -ENOMEM : 0;
}

static int name_phase(const struct raw_phase *raw, const struct raw_under *u, struct scenario_phase *p)
{
	const char *schedule = u && u->schedule ? u->schedule : raw->schedule;
	const char *backpressure = u && u->backpressure ? u->backpressure : raw->backpressure;
	int r = copy(&p->schedule, schedule);

	if (r == 0)
		r = copy(&p->backpressure, backpressure);
	if (r < 0 || !u)
		return r < 0 ? r : copy(&p->name, raw->name);
	p->full = u->full;
	r = copy(&p->under, u->name);
	if (r == 0)
		r = copy(&p->step, raw->name);
	if (r < 0)
		return r;
	if (!raw->name)
		return copy(&p->name, u->name);
	return asprintf(&p->name, "%s, %s", u->name, raw->name) < 0 ? -ENOMEM : 0;
}

static int convert_phase(const struct raw_phase *raw, const struct raw_under *u, const struct scenario *s,
			 struct scenario_phase *p, struct errtext *e)
{
	char why[SCHEDULE_WHY_SIZE];
	int r;

	if (!raw->name && !u)
		return errtext_set(e, -EINVAL, "a phase needs \"name\"");
	if (raw->seconds < SCENARIO_SECONDS_MIN || raw->seconds > SCENARIO_SECONDS_MAX)
		return errtext_set(e, -EINVAL, "phase %s: seconds are %u..%u", called(raw),
				   SCENARIO_SECONDS_MIN, SCENARIO_SECONDS_MAX);
	p->seconds = raw->seconds;
	p->idle = raw->idle || (u && u->idle);
	r = convert_scheduler(raw, u, p, e);
	if (r == 0 && s->rx && (raw->reserves.n || (p->scheduler != SCHEDULER_NONE && p->scheduler != SCHEDULER_DIVVY &&
						    p->scheduler != SCHEDULER_ADMINISTRATOR)))
		return errtext_set(e, -EINVAL, "phase %s: what VMs receive is divided by divvy or administrator, by shares "
					       "alone", called(raw));
	if (r == 0)
		r = convert_shares(raw, s, p, e);
	if (r == 0)
		r = convert_reserves(raw, s->n_vms, p, e);
	if (r == 0)
		r = convert_senders(raw, u, s, p, e);
	if (r < 0)
		return r;
	r = name_phase(raw, u, p);
	if (r < 0)
		return errtext_set(e, r, "out of memory");
	r = p->schedule ? schedule_check(p->schedule, why) : 0;
	return r < 0 ? errtext_set(e, r, "phase %s: schedule: %s", called(raw), why) : 0;
}

int convert_phases(struct raw *raw, struct scenario *s, struct errtext *e)
{
	const struct raw_phase *steps = raw->phases.items;
	const struct raw_under *under = raw->under.items;
	size_t turns = raw->under.n ? raw->under.n : 1;

	s->phases = calloc(turns * raw->phases.n, sizeof(*s->phases));
	if (!s->phases)
		return errtext_set(e, -ENOMEM, "out of memory");
	for (size_t u = 0; u < turns; u++)
		for (size_t k = 0; k < raw->phases.n; k++) {
			struct scenario_phase *p = &s->phases[s->n_phases++];
			int r = convert_phase(&steps[k], under ? &under[u] : NULL, s, p, e);

			if (r < 0)
				return r;
			p->fresh = under && k == 0;
		}
	return 0;
}

void phase_free(struct scenario_phase *p)
{
	free(p->name);
	free(p->under);
	free(p->step);
	free(p->backpressure);
	free(p->schedule);
}
