/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "book_series.h"

#include "base/cleanup.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Gaps above so many times the mean of the shown ones are kept whatever the thinning. */
#define FAR 5

static void closep_file(FILE **f)
{
	if (*f)
		fclose(*f);
}

void series_free(struct series *s)
{
	free(s->p);
	*s = (struct series){};
}

static FILE *open_csv(const struct book_scenario *s, const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%.4000s/%s", s->dir, name);
	return fopen(path, "re");
}

static int append(struct series *s, size_t *room, struct series_point point)
{
	if (s->n == *room) {
		size_t more = *room ? 2 * *room : 256;
		struct series_point *p = reallocarray(s->p, more, sizeof(*p));

		if (!p)
			return -ENOMEM;
		s->p = p;
		*room = more;
	}
	s->p[s->n++] = point;
	return 0;
}

static void bounds(struct series *s, size_t columns)
{
	s->x_max = s->y_max = 0;
	s->y_min = INFINITY;
	for (size_t i = 0; i < s->n; i++) {
		s->x_max = fmax(s->x_max, s->p[i].x);
		for (size_t c = 0; c < columns; c++) {
			s->y_max = fmax(s->y_max, s->p[i].y[c]);
			if (s->p[i].y[c] > 0)
				s->y_min = fmin(s->y_min, s->p[i].y[c]);
		}
	}
}

/* --- bandwidth ----------------------------------------------------------------------------------- */

/* From the first to the end of the last phase of the first repetition, seconds since the scenario's start. */
static bool span(const struct book_scenario *s, const char *under, double *from, double *to)
{
	const json_t *phase;
	bool any = false;

	for (size_t i = 0; (phase = book_phase(s, under, NULL, i)); i++) {
		double at = book_number(phase, "at_s"), seconds = book_number(phase, "seconds");

		if (phase_skipped(phase) || phase_repetition(phase) != 1 || isnan(at) || isnan(seconds))
			continue;
		*from = any ? fmin(*from, at) : at;
		*to = any ? fmax(*to, at + seconds) : at + seconds;
		any = true;
	}
	return any;
}

/* t_s,"phase",a_mbps,...,total_mbps; a quote in a phase's name is doubled. */
static bool parse_bandwidth(const char *line, size_t columns, struct series_point *out)
{
	char *end;
	const char *p;

	out->x = strtod(line, &end);
	if (end == line || *end != ',' || end[1] != '"')
		return false;
	for (p = end + 2; *p && (*p != '"' || p[1] == '"'); p += *p == '"' ? 2 : 1)
		;
	if (*p != '"')
		return false;
	p++;
	for (size_t c = 0; c < columns; c++) {
		if (*p != ',')
			return false;
		out->y[c] = strtod(p + 1, &end);
		if (end == p + 1)
			return false;
		p = end;
	}
	return true;
}

/* Averages of k points each; the last may be of fewer. */
static void thin(struct series *s, size_t k, size_t columns)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i += k) {
		size_t m = s->n - i < k ? s->n - i : k;
		struct series_point sum = {};

		for (size_t j = i; j < i + m; j++) {
			sum.x += s->p[j].x / (double)m;
			for (size_t c = 0; c < columns; c++)
				sum.y[c] += s->p[j].y[c] / (double)m;
		}
		s->p[n++] = sum;
	}
	s->n = n;
}

int series_bandwidth(const struct book_scenario *s, const char *under, size_t points, struct series *out)
{
	_cleanup_(closep_file) FILE *f = open_csv(s, "bandwidth.csv");
	_cleanup_free_ char *line = NULL;
	_cleanup_(series_free) struct series got = {};
	size_t size = 0, room = 0, columns = book_n_vms(s) + 1;
	double from = 0, to = 0;

	if (!f || !span(s, under, &from, &to) || columns > SERIES_VMS_MAX + 1)
		return -ENOENT;
	while (getline(&line, &size, f) > 0) {
		struct series_point point = {};

		if (!parse_bandwidth(line, columns, &point) || point.x < from || point.x >= to)
			continue;
		point.x -= from;
		if (append(&got, &room, point) < 0)
			return -ENOMEM;
	}
	if (got.n == 0)
		return -ENOENT;
	if (got.n > points)
		thin(&got, (got.n + points - 1) / points, columns);
	bounds(&got, columns);
	*out = got;
	got = (struct series){};
	return 0;
}

/* --- gaps ---------------------------------------------------------------------------------------- */

/* The place of the item's first phase with traffic, as gaps.csv counts them: from 1. 0: none. */
static unsigned phase_number(const struct book_scenario *s, const char *under)
{
	json_t *phase;
	size_t k;

	json_array_foreach(json_object_get(s->summary, "phases"), k, phase)
		if (strcmp(phase_under(phase), under) == 0 && !phase_idle(phase) && !phase_skipped(phase) &&
		    phase_repetition(phase) == 1)
			return (unsigned)k + 1;
	return 0;
}

static void keep(struct series *s, size_t points)
{
	size_t k = s->n > points ? (s->n + points - 1) / points : 1, n = 0;
	double sum = 0;

	for (size_t i = 0; i < s->n; i++)
		sum += s->p[i].y[0];
	for (size_t i = 0; i < s->n; i++)
		if (i % k == 0 || s->p[i].y[0] > FAR * sum / (double)s->n)
			s->p[n++] = s->p[i];
	s->n = n;
}

int series_gaps(const struct book_scenario *s, const char *under, size_t vm, double window_ms, size_t points,
		struct series *out)
{
	_cleanup_(closep_file) FILE *f = open_csv(s, "gaps.csv");
	_cleanup_free_ char *line = NULL;
	_cleanup_(series_free) struct series got = {};
	unsigned wanted = phase_number(s, under);
	const char *name = book_vm_name(s, vm);
	size_t size = 0, room = 0;
	double from = (double)NAN;

	if (!f || !wanted)
		return -ENOENT;
	while (getline(&line, &size, f) > 0) {
		char of[64];
		unsigned number, repetition;
		double t, gap;

		/* phase_number,repetition,vm,t_s,gap_ms,bytes */
		if (sscanf(line, "%u,%u,%63[^,],%lf,%lf", &number, &repetition, of, &t, &gap) != 5 ||
		    number != wanted || strcmp(of, name) != 0)
			continue;
		if (isnan(from))
			from = t - gap / 1e3;
		if (1e3 * (t - from) > window_ms)
			continue;
		if (append(&got, &room, (struct series_point){ .x = 1e3 * (t - from), .y = { gap } }) < 0)
			return -ENOMEM;
	}
	if (got.n == 0)
		return -ENOENT;
	keep(&got, points);
	bounds(&got, 1);
	*out = got;
	got = (struct series){};
	return 0;
}
