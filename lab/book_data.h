/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * A folder of results, as a report reads it: DIR/figures.json, if there is one, and DIR/NAME/summary.json of
 * every scenario. What a phase of a scenario belongs to is its item of `under` (what schedules the wire) and
 * its step (what happens under it); figures are medians and ranges over the repetitions of such a pair.
 */

#include "lab/measure/range.h"
#include "lab/proc/proc.h"

#include <jansson.h>

enum book_state { BOOK_DONE, BOOK_FAILED, BOOK_PLANNED, BOOK_SKIPPED };

/* What an item of `under` is compared as. */
enum under_kind {
	UNDER_NOTHING,
	UNDER_CPU,      /* CPU slots, the paper's policy */
	UNDER_CPU_BEST, /* CPU slots, the other policy of the scenario */
	UNDER_DEVICE,   /* the virtual network device is scheduled */
	UNDER_PEER,     /* anything else */
};
#define UNDER_KINDS 5

#define BOOK_UNDERS_MAX 24
#define BOOK_STEPS_MAX 16

struct book_scenario {
	char *name, *section, *title, *why; /* section and why may be NULL */
	char *dir;                          /* of its files */
	enum book_state state;
	json_t *summary;                    /* NULL: there is none */
	const char *under[BOOK_UNDERS_MAX]; /* in the order of their first phases; borrowed from summary */
	size_t n_under;
	const char *step[BOOK_STEPS_MAX];
	size_t n_steps;
};

struct book {
	char *dir;
	json_t *figures; /* NULL: no figures.json */
	struct book_scenario *scenarios;
	size_t n_scenarios;
};

/*
 * 0 with *ret to be freed with book_free(); -ENOENT if DIR holds no result, or negative errno, with a line of
 * text.
 */
int book_load(const char *dir, struct book **ret, struct errtext *e);
struct book *book_free(struct book *b); /* NULL is fine; returns NULL */
void book_freep(struct book **b);

/* With a summary; NULL: none of that name. */
const struct book_scenario *book_find(const struct book *b, const char *name);
/* The next scenario with results in a section after `after` (NULL: the first); NULL: no more. */
const struct book_scenario *book_next(const struct book *b, const char *section,
				      const struct book_scenario *after);

/* --- a scenario's phases ------------------------------------------------------------------------- */

/*
 * Texts of a phase: borrowed. A summary without `under` counts its scheduler as that, and the phase's name as
 * step.
 */
const char *phase_under(const json_t *phase);
const char *phase_step(const json_t *phase);
/* Why it was left out, NULL: it was not. */
const char *phase_skipped(const json_t *phase);
bool phase_idle(const json_t *phase);
unsigned phase_repetition(const json_t *phase);

/*
 * Phases under an item in a step (NULL: in all): the i-th, NULL: no more. Those which were skipped are among
 * them.
 */
const json_t *book_phase(const struct book_scenario *s, const char *under, const char *step, size_t i);
enum under_kind book_under_kind(const struct book_scenario *s, const char *under);
/* The first item of a kind; NULL: none. */
const char *book_under_of(const struct book_scenario *s, enum under_kind kind);
unsigned book_repetitions(const struct book_scenario *s);
/* Whether the guests could fill the wire; true also where nothing is known of it. */
bool book_loaded(const struct book_scenario *s);
size_t book_n_vms(const struct book_scenario *s);
const char *book_vm_name(const struct book_scenario *s, size_t vm);
/* Whether the VMs' traffic is of a kind ("udp", "tcp", "icmp"); true if one's is. */
bool book_traffic(const struct book_scenario *s, const char *kind);

/* --- numbers ------------------------------------------------------------------------------------- */

/* Of an object, by path as "ipd_ms.p99"; NAN where there is none. */
double book_number(const json_t *o, const char *path);
/* A text, borrowed; NULL where there is none. */
const char *book_text(const json_t *o, const char *path);

/* A median with its range over n repetitions; n 0: no figure. */
struct spread {
	struct range r;
	unsigned n;
};

/* f(phase, data) over the repetitions of a pair; NAN is left out. More than 100 repetitions are cut. */
struct spread book_spread(const struct book_scenario *s, const char *under, const char *step,
			  double (*f)(const json_t *phase, const void *data), const void *data);
/* A path of the phase; with vm >= 0, of its VM. */
struct spread book_spread_path(const struct book_scenario *s, const char *under, const char *step, int vm,
			       const char *path);
struct spread spread_scaled(struct spread s, double factor);

/* "First": ranges that have nothing in common. One run is not judged. */
enum verdict {
	VERDICT_NONE,
	VERDICT_FIRST,
	VERDICT_LEVEL,
	VERDICT_BEHIND,
	VERDICT_ONE_LOWER,
	VERDICT_ONE_HIGHER,
};
/*
 * Ours against theirs where less is better. NONE: one of them has no figure. ONE_*: one run of either, ours
 * was lower or not.
 */
enum verdict verdict_of(struct spread ours, struct spread theirs);
const char *verdict_name(enum verdict v);
