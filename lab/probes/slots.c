/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "slots.h"

#include "base/cleanup.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

static int compare_windows(const void *a, const void *b)
{
	const struct window *x = a, *y = b;

	return (x->from_ns > y->from_ns) - (x->from_ns < y->from_ns);
}

static size_t vm_of(const pid_t *pid, size_t n_vms, json_int_t of)
{
	size_t i = 0;

	while (i < n_vms && pid[i] != of)
		i++;
	return i;
}

static int reserve(struct slots *s, size_t n_vms, size_t each)
{
	for (size_t i = 0; i < n_vms; i++) {
		s->turn[i] = calloc(each + 1, sizeof(**s->turn));
		if (!s->turn[i])
			return -ENOMEM;
	}
	return 0;
}

static void fill(const json_t *turns, const pid_t *pid, size_t n_vms, struct window in, struct slots *s)
{
	const json_t *t;
	size_t k;

	json_array_foreach(turns, k, t) {
		struct window w = { (uint64_t)json_integer_value(json_object_get(t, "start_ns")),
				    (uint64_t)json_integer_value(json_object_get(t, "end_ns")) };
		size_t i = vm_of(pid, n_vms, json_integer_value(json_object_get(t, "pid")));

		if (i < n_vms && w.from_ns >= in.from_ns && w.to_ns <= in.to_ns && w.from_ns < w.to_ns)
			s->turn[i][s->n[i]++] = w;
	}
	for (size_t i = 0; i < n_vms; i++)
		qsort(s->turn[i], s->n[i], sizeof(**s->turn), compare_windows);
}

int slots_parse(const char *json, const pid_t *pid, size_t n_vms, struct window in, struct slots *out)
{
	_cleanup_(slots_free) struct slots s = {};
	json_t *all = json_loads(json, 0, NULL);
	const json_t *turns = json_object_get(all, "turns");
	int r;

	r = json_is_array(turns) ? reserve(&s, n_vms, json_array_size(turns)) : -EBADMSG;
	if (r == 0) {
		fill(turns, pid, n_vms, in, &s);
		*out = s;
		s = (struct slots){};
	}
	json_decref(all);
	return r;
}

int slots_shift(const struct slots *s, size_t n_vms, uint64_t from_ns, uint64_t to_ns, uint64_t end_ns,
		struct slots *out)
{
	_cleanup_(slots_free) struct slots shifted = {};

	for (size_t i = 0; i < n_vms; i++) {
		shifted.turn[i] = calloc(s->n[i] + 1, sizeof(**s->turn));
		if (!shifted.turn[i])
			return -ENOMEM;
		for (size_t k = 0; k < s->n[i]; k++) {
			/* Unsigned wrap-around takes care of shifts into the past. */
			struct window w = { s->turn[i][k].from_ns - from_ns + to_ns,
					    s->turn[i][k].to_ns - from_ns + to_ns };

			if (w.to_ns <= end_ns)
				shifted.turn[i][shifted.n[i]++] = w;
		}
	}
	*out = shifted;
	shifted = (struct slots){};
	return 0;
}

bool slots_empty(const struct slots *s, size_t n_vms)
{
	for (size_t i = 0; i < n_vms; i++)
		if (s->n[i])
			return false;
	return true;
}

uint64_t slots_longest_pause(const struct slots *s, size_t vm)
{
	uint64_t longest = 0;

	for (size_t k = 1; k < s->n[vm]; k++) {
		uint64_t pause = s->turn[vm][k].from_ns - s->turn[vm][k - 1].to_ns;

		if (pause > longest)
			longest = pause;
	}
	return longest;
}

void slots_free(struct slots *s)
{
	for (size_t i = 0; i < TOPO_VMS_MAX; i++)
		free(s->turn[i]);
	*s = (struct slots){};
}
