/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The figures by which schedulers are compared: one of a phase each, whatever the number of VMs. */

#include "book_data.h"

enum measure {
	MEASURE_ERROR,    /* worst VM's share error, points, without its sign */
	MEASURE_LOSS,     /* worst VM's, percent */
	MEASURE_UTILISATION, /* percent */
	MEASURE_CPU,      /* of all VMMs, ms for each megabit delivered to the wire */
	MEASURE_RTT_P50,  /* worst VM's, ms */
	MEASURE_RTT_P99,
	MEASURE_IPD_CV,   /* worst VM's sd / mean, all gaps */
	MEASURE_IPD_P50,  /* worst VM's, ms, all gaps */
	MEASURE_IPD_P99,
	MEASURE_IPD_P999,
	MEASURE_SETTLED,  /* ms */
	MEASURE_TOTAL,    /* Mbit/s delivered */
};
#define MEASURES 12

struct measure_kind {
	const char *key;   /* in JSON and in doc/causes.md */
	const char *head;  /* of a column, with the unit */
	int digits;
	bool more_is_better;
	bool judged;       /* one of issue 4's four against every peer */
};
extern const struct measure_kind measure_kinds[MEASURES];

/* Of a phase; NAN: there is no such figure. */
double measure_of(const json_t *phase, enum measure m);
struct spread measure_spread(const struct book_scenario *s, const char *under, const char *step,
			     enum measure m);
/* first / level / behind, in the measure's own direction. */
enum verdict measure_verdict(enum measure m, struct spread ours, struct spread theirs);

/* "1.23", "1.23 [1.20..1.31]", or "-". Returns out. */
const char *spread_text(struct spread s, int digits, char *out, size_t size);
/* The same as a cell: "not settled" where a change never settled, "not loaded" where the wire was not. */
const char *measure_text(const struct book_scenario *s, const char *under, const char *step, enum measure m,
			 char *out, size_t size);
