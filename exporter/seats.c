// SPDX-License-Identifier: GPL-2.0-or-later
#include "seats.h"

#include <stdlib.h>

static void unlink_seat(struct seats *all, struct seat *s)
{
	*(s->older ? &s->older->newer : &all->oldest) = s->newer;
	*(s->newer ? &s->newer->older : &all->newest) = s->older;
	s->older = s->newer = NULL;
	s->seated = false;
	all->n--;
}

void seats_put(struct seats *all, struct seat *s)
{
	if (s->seated)
		unlink_seat(all, s);
	s->older = all->newest;
	*(s->older ? &s->older->newer : &all->oldest) = s;
	all->newest = s;
	s->seated = true;
	all->n++;
}

void seats_hold(struct seats *all, struct seat *s, char *text, size_t held)
{
	seats_drop(all, s);
	s->text = text;
	s->held = held;
	all->held += held;
}

void seats_drop(struct seats *all, struct seat *s)
{
	free(s->text);
	s->text = NULL;
	all->held -= s->held;
	s->held = 0;
}

void seats_remove(struct seats *all, struct seat *s)
{
	seats_drop(all, s);
	if (s->seated)
		unlink_seat(all, s);
}

struct seat *seats_over(const struct seats *all, size_t max)
{
	return all->n > max ? all->oldest : NULL;
}

struct seat *seats_full(const struct seats *all, size_t max, const struct seat *but)
{
	struct seat *s = all->held >= max ? all->oldest : NULL;

	while (s && (s == but || !s->text))
		s = s->newer;
	return s;
}
