// SPDX-License-Identifier: GPL-2.0-or-later
#include "statuscells.h"

#include "base/cleanup.h"

#include <string.h>

const char *cell_text(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key)) ?: "";
}

double cell_mbit(const json_t *o, const char *key)
{
	return (double)json_integer_value(json_object_get(o, key)) / 1e6;
}

double cell_real(const json_t *o, const char *key)
{
	return json_number_value(json_object_get(o, key));
}

long long cell_integer(const json_t *o, const char *key)
{
	return (long long)json_integer_value(json_object_get(o, key));
}

static const json_t *part_of(const json_t *o, const char *in)
{
	return in ? json_object_get(o, in) : o;
}

void cell_find_columns(const json_t *list, const char *in, struct cell_columns *c)
{
	const json_t *one;
	size_t i;

	json_array_foreach(list, i, one) {
		c->reserve |= json_is_integer(json_object_get(part_of(one, in), "reserve_bps"));
		c->limit |= json_is_integer(json_object_get(part_of(one, in), "limit_bps"));
	}
}

void cell_headers(const struct cell_columns *c, const char *const *first, const char *const *behind,
		  const char *headers[CELL_HEADERS_MAX])
{
	static const char *const rates[] = { ">ENTITLED", ">DELIVERED", ">ERR pp", ">DROPS" };
	size_t n = 0;

	while (*first)
		headers[n++] = *first++;
	headers[n++] = ">SHARE";
	if (c->reserve)
		headers[n++] = ">RESERVE";
	if (c->limit)
		headers[n++] = ">LIMIT";
	for (size_t i = 0; i < ARRAY_SIZE(rates); i++)
		headers[n++] = rates[i];
	while (*behind)
		headers[n++] = *behind++;
	headers[n] = NULL;
}

/* null: divvyd does not know yet, for a rate needs two readings. */
void cell_rate(struct table *t, const json_t *o, const char *key)
{
	if (json_is_number(json_object_get(o, key)))
		table_cell(t, "%.2f", cell_mbit(o, key));
	else
		table_cell(t, "-");
}

/* 0 for what would print as -0.00. */
static double no_minus_zero(double v)
{
	return v > -0.005 && v < 0.005 ? 0.0 : v;
}

void cell_error(struct table *t, const json_t *o)
{
	if (json_is_number(json_object_get(o, "error_pp")))
		table_cell(t, "%+.2f", no_minus_zero(cell_real(o, "error_pp")));
	else
		table_cell(t, "-");
}

void cell_none(struct table *t, size_t n)
{
	while (n--)
		table_cell(t, "-");
}

void cell_terms(struct table *t, const json_t *o, const struct cell_columns *c)
{
	table_cell(t, "%lld", cell_integer(o, "share"));
	if (c->reserve)
		cell_rate(t, o, "reserve_bps");
	if (c->limit)
		cell_rate(t, o, "limit_bps");
}

/* A network has no error and no drops of its own. */
void cell_rates(struct table *t, const json_t *o)
{
	cell_rate(t, o, "entitled_bps");
	cell_rate(t, o, "delivered_bps");
	cell_error(t, o);
	if (json_is_integer(json_object_get(o, "dropped_packets")))
		table_cell(t, "%lld", cell_integer(o, "dropped_packets"));
	else
		table_cell(t, "-");
}

void cell_promise(struct table *t, const json_t *o, const struct cell_columns *columns)
{
	const json_t *c = json_object_get(o, "conformance");
	long long reserve = cell_integer(c, "reserve_missed"), below = cell_integer(c, "below_entitlement");
	char what[96] = "";

	if (!reserve && !below)
		return;
	if (reserve)
		snprintf(what, sizeof(what), "less than its reserve %lld time%s", reserve, reserve == 1 ? "" : "s");
	if (below)
		snprintf(what + strlen(what), sizeof(what) - strlen(what), "%sbelow its entitlement for %lld s",
			 reserve ? ", " : "", below);
	table_line(t, "  promise not kept: %s; last %.3g s ago", what,
		   (double)(columns->now_ns - cell_integer(c, "violated_ns")) / 1e9);
}

void cell_promises(FILE *to, const json_t *devices, const char *in)
{
	size_t i, all = 0, measured = 0, settled = 0;
	double largest = 0.0;
	long long after_ms = 0;
	const json_t *d;

	json_array_foreach(devices, i, d) {
		const json_t *c = json_object_get(part_of(d, in), "conformance");
		double error = cell_real(c, "error_pp") < 0 ? -cell_real(c, "error_pp") : cell_real(c, "error_pp");

		all += json_is_object(part_of(d, in));
		if (!json_is_number(json_object_get(c, "error_pp")))
			continue;
		measured++;
		largest = error > largest ? error : largest;
		if (!json_is_integer(json_object_get(c, "settled_after_ms")))
			continue;
		settled++;
		after_ms = cell_integer(c, "settled_after_ms") > after_ms ? cell_integer(c, "settled_after_ms") : after_ms;
	}
	if (!measured)
		return;
	fprintf(to, "  promises: measured on %zu of %zu devices, in the latest second within %.2f points of %s",
		measured, all, largest, in ? "rx_capacity" : "the uplink");
	if (settled == measured)
		fprintf(to, "; settled %.3g s after the last change", (double)after_ms / 1e3);
	fputc('\n', to);
}
