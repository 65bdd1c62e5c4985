/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What `divvy status` says alike of both directions: terms, rates and promises of a device, a network, or one's object
 * rx, as cells and lines of a table.
 */

#include "table.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* Of an object of the answer: "" or 0 where it has no such key, or none of that type. */
const char *cell_text(const json_t *o, const char *key);
long long cell_integer(const json_t *o, const char *key);
double cell_real(const json_t *o, const char *key);
double cell_mbit(const json_t *o, const char *key);

/* Which columns a table has that not every uplink needs. */
struct cell_columns {
	bool reserve, limit;
	long long now_ns; /* of the answer */
};

/* Adds what the objects of this list need; in: a key of theirs that holds what is looked at, or NULL. */
void cell_find_columns(const json_t *list, const char *in, struct cell_columns *c);

#define CELL_HEADERS_MAX 16
/* first, the columns of cell_terms() and cell_rates(), then behind; both lists end with NULL. */
void cell_headers(const struct cell_columns *c, const char *const *first, const char *const *behind,
		  const char *headers[CELL_HEADERS_MAX]);

void cell_terms(struct table *t, const json_t *o, const struct cell_columns *c);
/* One rate, "-" where divvyd does not know it yet; and entitled, delivered, error and drops. */
void cell_rate(struct table *t, const json_t *o, const char *key);
void cell_error(struct table *t, const json_t *o);
void cell_rates(struct table *t, const json_t *o);
void cell_none(struct table *t, size_t n);

/* A line below the row: what was promised and not kept, how often, and when last; nothing where all was kept. */
void cell_promise(struct table *t, const json_t *o, const struct cell_columns *c);
/* A line below the table, of the devices that send (in: NULL) or receive ("rx"); nothing where nothing was measured. */
void cell_promises(FILE *to, const json_t *devices, const char *in);
