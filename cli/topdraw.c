// SPDX-License-Identifier: GPL-2.0-or-later
#include "topdraw.h"
#include "bars.h"
#include "shorten.h"

#include "base/cleanup.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum cell {
	NAME,
	SHARE,
	RESERVE,
	LIMIT,
	ENTITLED,
	DELIVERED,
	BAR,
	SPARK,
	RX_ENTITLED,
	RX_DELIVERED,
	RX_BAR,
	RX_SPARK,
	ERROR,
	DROPS,
	STATE,
	NIC,
	VM,
	CELLS,
};
static_assert(CELLS == TOPDRAW_CELLS, "topdraw.h has room for all");

#define NAME_WANTED 16 /* what a name gets before bars grow */
#define RATE_LEAST 6   /* where both directions are shown: a rate itself has no more */

/* least, most and drop: see columns.h. Names, vNICs and VMs get no more than the longest of them needs. */
static const struct cell_kind {
	const char *header;
	size_t least, most;
	int drop;
	bool right;
} kinds[CELLS] = {
	[NAME] = { "NAME", 12, 40, 0, false },
	[SHARE] = { "SHARE", 5, 5, 5, true },
	[RESERVE] = { "RESERVE", 7, 7, 8, true },
	[LIMIT] = { "LIMIT", 6, 6, 9, true },
	[ENTITLED] = { "ENTITLED", 8, 8, 3, true },
	[DELIVERED] = { "DELIVERED", 9, 9, 1, true },
	[BAR] = { "", 8, 30, 6, false },
	[SPARK] = { "LAST MINUTE", 11, 20, 10, false },
	[RX_ENTITLED] = { "ENTITLED", 8, 8, 4, true },
	[RX_DELIVERED] = { "DELIVERED", 9, 9, 2, true },
	[RX_BAR] = { "", 8, 30, 7, false },
	[RX_SPARK] = { "LAST MINUTE", 11, 20, 11, false },
	[ERROR] = { "ERR pp", 6, 6, 13, true },
	[DROPS] = { "DROPS", 5, 6, 12, true },
	[STATE] = { "STATE", 11, 11, 2, false },
	[NIC] = { "NIC", 6, 15, 14, false },
	[VM] = { "VM", 8, 24, 15, false },
};

static bool is_shown(const struct topdraw *t, enum cell c)
{
	bool tx = t->directions[TOP_TX], rx = t->directions[TOP_RX] && t->rows->directions[TOP_RX];

	switch (c) {
	case ENTITLED:
	case DELIVERED:
	case BAR:
	case SPARK:
	case ERROR:
		return tx;
	case RX_ENTITLED:
	case RX_DELIVERED:
	case RX_BAR:
	case RX_SPARK:
		return rx;
	case RESERVE:
		return t->rows->reserves;
	case LIMIT:
		return t->rows->limits;
	default:
		return true;
	}
}

/* Then headers say which direction a column is of, and columns are narrower. */
static bool shows_both(const struct topdraw *t)
{
	return is_shown(t, DELIVERED) && is_shown(t, RX_DELIVERED);
}

static size_t indent(const struct top_row *row)
{
	return 2 * row->depth;
}

/* Columns of the widest name, vNIC and VM among the rows that are shown. */
static void naturals(const struct topdraw *t, size_t out[CELLS])
{
	for (size_t i = 0; i < t->view->n; i++) {
		const struct top_row *row = &t->rows->list[t->view->order[i]];
		const size_t widths[] = { indent(row) + 2 + shorten_width(row->label), shorten_width(row->nic),
					  shorten_width(row->vm) };
		static const enum cell cells[] = { NAME, NIC, VM };

		for (size_t j = 0; j < ARRAY_SIZE(cells); j++)
			if (widths[j] > out[cells[j]])
				out[cells[j]] = widths[j];
	}
}

void topdraw_layout(struct topdraw *t)
{
	struct column *out = t->layout;
	size_t natural[CELLS] = { 0 };

	naturals(t, natural);
	for (size_t c = 0; c < CELLS; c++) {
		const struct cell_kind *k = &kinds[c];

		out[c] = (struct column){ .least = k->least, .most = k->most, .drop = k->drop };
		if (!is_shown(t, (enum cell)c))
			out[c].least = out[c].most = 0;
		else if (shows_both(t) && (c == ENTITLED || c == DELIVERED || c == RX_ENTITLED || c == RX_DELIVERED))
			out[c].least = out[c].most = RATE_LEAST;
		else if (c == NAME || c == NIC || c == VM) {
			if (natural[c] < out[c].most)
				out[c].most = natural[c] > out[c].least ? natural[c] : out[c].least;
			if (c == NAME)
				out[c].least = out[c].most < NAME_WANTED ? out[c].most : NAME_WANTED;
			else if (!natural[c])
				out[c].least = out[c].most = 0;
		}
	}
	columns_fit(out, CELLS, t->columns);
}

static const char *header_of(const struct topdraw *t, enum cell c)
{
	if (t->rows->cpu && c == ENTITLED)
		return "CPU ENT.";
	if (t->rows->cpu && c == DELIVERED)
		return "CPU USED";
	if (c == BAR || c == RX_BAR)
		return !t->rows->directions[TOP_RX] ? "" : c == BAR ? "SENT" : "RECEIVED";
	if (shows_both(t))
		return c == ENTITLED	 ? "TX ENT" :
		       c == DELIVERED	 ? "TX GOT" :
		       c == SPARK	 ? "TX, 1 min" :
		       c == RX_ENTITLED	 ? "RX ENT" :
		       c == RX_DELIVERED ? "RX GOT" :
		       c == RX_SPARK	 ? "RX, 1 min" :
					   kinds[c].header;
	return kinds[c].header;
}

/* The next column that is shown, from c on; a space stands before it, but for the first. CELLS: there is none. */
static size_t next_shown(const struct topdraw *t, size_t c, enum strip_style style, struct strip *out)
{
	bool first = true;

	for (size_t k = 0; k < c && first; k++)
		first = !t->layout[k].width;
	while (c < CELLS && !t->layout[c].width)
		c++;
	if (c < CELLS && !first)
		strip_put(out, style, " ", 1);
	return c;
}

void topdraw_headers(const struct topdraw *t, struct strip *out)
{
	*out = (struct strip){ 0 };
	for (size_t c = next_shown(t, 0, STRIP_HEAD, out); c < CELLS; c = next_shown(t, c + 1, STRIP_HEAD, out))
		strip_cell(out, STRIP_HEAD, header_of(t, (enum cell)c), t->layout[c].width, kinds[c].right, t->ascii);
}

/* --- a row --------------------------------------------------------------------------------------------- */

static const char *rate_text(const struct topdraw *t, const struct top_flow *f, double v, char out[BARS_NUMBER_SIZE])
{
	if (!f->divided || isnan(v))
		return "-";
	if (!t->rows->cpu)
		return bars_rate(v, out);
	snprintf(out, BARS_NUMBER_SIZE, "%.1f%%", v);
	return out;
}

/* Bars of siblings are compared with each other: the longest of them fills its columns. An uplink's is its capacity. */
static double scale_of(const struct topdraw *t, const struct top_row *row, enum top_direction d)
{
	double most = fmax(row->flow[d].entitled, row->flow[d].delivered); /* fmax() passes NAN by */

	if (row->parent == TOP_NONE)
		return most;
	for (size_t i = row->parent + 1; i < t->rows->n && t->rows->list[i].depth >= row->depth; i++)
		if (t->rows->list[i].parent == row->parent)
			most = fmax(most, fmax(t->rows->list[i].flow[d].entitled, t->rows->list[i].flow[d].delivered));
	return most;
}

static void put_bar(const struct topdraw *t, const struct top_row *row, enum top_direction d, size_t columns, struct strip *out)
{
	char bar[BARS_SIZE];
	const struct top_flow *f = &row->flow[d];

	bars_bar(f->delivered, f->entitled, f->divided ? scale_of(t, row, d) : 0, columns, t->ascii, bar);
	strip_put(out, row->kind == TOP_DEVICE ? STRIP_GOOD : STRIP_PLAIN, bar, columns);
}

/* As high as what it is entitled to, or the most of the last minute. */
static void put_spark(const struct topdraw *t, const struct top_row *row, enum top_direction d, size_t columns, struct strip *out)
{
	const struct top_flow *f = &row->flow[d];
	double scale = f->entitled;
	char line[BARS_SIZE];

	for (size_t i = 0; i < TOP_HISTORY; i++)
		scale = fmax(scale, (double)f->history[i]);
	bars_spark(f->history, TOP_HISTORY, isnan(scale) ? 0 : scale, columns, t->ascii, line);
	strip_put(out, STRIP_PLAIN, line, columns);
}

static void put_name(const struct topdraw *t, const struct top_row *row, size_t columns, struct strip *out)
{
	size_t from = out->columns, left;

	for (size_t i = 0; i < indent(row) && out->columns - from + 4 < columns; i++)
		strip_put(out, STRIP_PLAIN, " ", 1);
	if (row->kind != TOP_DEVICE)
		strip_put(out, STRIP_FAINT, row->folded ? (t->ascii ? "+ " : "▸ ") : (t->ascii ? "- " : "▾ "), 2);
	left = columns - (out->columns - from);
	strip_cell(out, row->kind == TOP_DEVICE ? STRIP_PLAIN : STRIP_HEAD, row->label, left, false, t->ascii);
}

/* Of the directions that are shown. */
static double violations(const struct topdraw *t, const struct top_row *row)
{
	double n = 0;

	for (size_t d = 0; d < TOP_DIRECTIONS; d++)
		n += t->directions[d] ? (double)row->flow[d].violations : 0;
	return n;
}

/* Of a network and an uplink: how many of what it holds are as they should not be. */
static enum top_state group_state(const struct top_row *row, char *out, size_t size)
{
	if (row->undivided)
		snprintf(out, size, "%u NOT DIV.", row->undivided);
	else if (row->violated)
		snprintf(out, size, "%u NOT KEPT", row->violated);
	else if (row->waiting)
		snprintf(out, size, "%u waiting", row->waiting);
	else
		snprintf(out, size, "%u bound", row->devices);
	return row->undivided ? TOP_UNDIVIDED : row->violated ? TOP_VIOLATED : row->waiting ? TOP_WAITING : TOP_BOUND;
}

/* Behind the state, as far as there is room: how many times the row did not get what it is promised. */
static void put_state(const struct topdraw *t, const struct top_row *row, size_t columns, struct strip *out)
{
	static const char *const names[] = { [TOP_BOUND] = "bound",	   [TOP_MAY_DROP] = "may drop",
					     [TOP_RX_WAITING] = "rx waits", [TOP_WAITING] = "waiting",
					     [TOP_VIOLATED] = "NOT KEPT",  [TOP_ABSENT] = "no port",
					     [TOP_UNDIVIDED] = "NOT DIVIDED" };
	static const enum strip_style styles[] = { [TOP_BOUND] = STRIP_GOOD,	  [TOP_MAY_DROP] = STRIP_PLAIN,
						   [TOP_RX_WAITING] = STRIP_WARN, [TOP_WAITING] = STRIP_WARN,
						   [TOP_VIOLATED] = STRIP_BAD,	  [TOP_ABSENT] = STRIP_WARN,
						   [TOP_UNDIVIDED] = STRIP_BAD };
	char state[64], number[BARS_NUMBER_SIZE];
	enum top_state s = row->state;
	double n = violations(t, row);
	size_t len;

	if (row->kind == TOP_DEVICE || s == TOP_ABSENT)
		snprintf(state, sizeof(state), "%s", names[s]);
	else
		s = group_state(row, state, sizeof(state));
	len = strlen(state);
	if (n > 0)
		snprintf(state + len, sizeof(state) - len, s == TOP_VIOLATED ? " %s" : " !%s", bars_count(n, number));
	if (strlen(state) > columns)
		state[len] = '\0';
	strip_cell(out, styles[s], state, columns, false, t->ascii);
}

static void put_drops(const struct topdraw *t, const struct top_row *row, size_t columns, struct strip *out)
{
	const struct top_flow *tx = &row->flow[TOP_TX], *rx = &row->flow[TOP_RX];
	bool dropping = (t->directions[TOP_TX] && tx->dropping) || (t->directions[TOP_RX] && rx->dropping);
	double n = (t->directions[TOP_TX] ? (double)tx->dropped : 0) + (t->directions[TOP_RX] ? (double)rx->dropped : 0);
	char number[BARS_NUMBER_SIZE];

	strip_cell(out, dropping ? STRIP_BAD : STRIP_PLAIN, bars_count(n, number), columns, true, t->ascii);
}

static void put_text(const struct topdraw *t, const struct top_row *row, enum cell c, size_t columns, struct strip *out)
{
	enum top_direction d = c == RX_ENTITLED || c == RX_DELIVERED ? TOP_RX : TOP_TX;
	const struct top_flow *f = &row->flow[d];
	char text[BARS_NUMBER_SIZE] = "-";
	const char *shown = text;

	switch (c) {
	case SHARE:
		if (row->share)
			bars_count((double)row->share, text);
		break;
	case RESERVE:
		bars_rate(row->reserve, text);
		break;
	case LIMIT:
		bars_rate(row->limit, text);
		break;
	case ENTITLED:
	case RX_ENTITLED:
		shown = rate_text(t, f, f->entitled, text);
		break;
	case DELIVERED:
	case RX_DELIVERED:
		shown = rate_text(t, f, f->delivered, text);
		break;
	case ERROR:
		if (row->kind == TOP_DEVICE && !isnan(row->error_pp))
			snprintf(text, sizeof(text), "%+.2f", row->error_pp > -0.005 && row->error_pp < 0 ? 0 : row->error_pp);
		break;
	case NIC:
		shown = row->nic;
		break;
	default:
		shown = row->vm;
		break;
	}
	strip_cell(out, STRIP_PLAIN, shown, columns, kinds[c].right, t->ascii);
}

static void put_cell(const struct topdraw *t, const struct top_row *row, enum cell c, size_t columns, struct strip *out)
{
	switch (c) {
	case NAME:
		put_name(t, row, columns, out);
		break;
	case BAR:
	case RX_BAR:
		put_bar(t, row, c == BAR ? TOP_TX : TOP_RX, columns, out);
		break;
	case SPARK:
	case RX_SPARK:
		put_spark(t, row, c == SPARK ? TOP_TX : TOP_RX, columns, out);
		break;
	case STATE:
		put_state(t, row, columns, out);
		break;
	case DROPS:
		put_drops(t, row, columns, out);
		break;
	default:
		put_text(t, row, c, columns, out);
		break;
	}
}

void topdraw_row(const struct topdraw *t, uint32_t row, bool selected, struct strip *out)
{
	*out = (struct strip){ .selected = selected };
	for (size_t c = next_shown(t, 0, STRIP_PLAIN, out); c < CELLS; c = next_shown(t, c + 1, STRIP_PLAIN, out))
		put_cell(t, &t->rows->list[row], (enum cell)c, t->layout[c].width, out);
}

/* --- above and below -------------------------------------------------------------------------------------- */

/* "58.9M of 100M bit/s"; of both directions, for which a line of 80 columns has less room: "tx 58.9M of 100M, rx ...". */
static void rates_of(const struct topdraw *t, const struct top_row *u, char *out, size_t size)
{
	static const char *const names[] = { [TOP_TX] = "tx ", [TOP_RX] = ", rx " };
	char have[BARS_NUMBER_SIZE], all[BARS_NUMBER_SIZE];
	size_t used = 0;

	out[0] = '\0';
	for (size_t d = 0; d < TOP_DIRECTIONS; d++)
		if (d == TOP_TX || u->flow[d].divided)
			used += (size_t)snprintf(out + used, size - used, "%s%s of %s", t->rows->directions[TOP_RX] ? names[d] : "",
						 bars_rate(u->flow[d].delivered, have), bars_rate(u->flow[d].entitled, all));
	if (!u->flow[TOP_RX].divided)
		snprintf(out + used, size - used, " bit/s");
}

/* What is not as it should be, of an uplink's devices. */
static void off_of(const struct top_row *u, char *out, size_t size)
{
	const struct {
		uint32_t n;
		const char *what;
	} off[] = { { u->undivided, "NOT DIVIDED" }, { u->violated, "NOT KEPT" }, { u->waiting, "waiting" } };
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(off) && used < size; i++)
		if (off[i].n)
			used += (size_t)snprintf(out + used, size - used, ", %u %s", off[i].n, off[i].what);
}

void topdraw_title(const struct topdraw *t, const char *notes, struct strip *out)
{
	uint32_t selected = topview_selected(t->view);
	char line[512], rates[96], off[96];
	size_t room = shorten_width(notes);

	*out = (struct strip){ 0 };
	if (t->rows->n) {
		const struct top_row *u = &t->rows->list[selected == TOP_NONE ? 0 : t->rows->list[selected].uplink];

		rates_of(t, u, rates, sizeof(rates));
		off_of(u, off, sizeof(off));
		if (t->rows->cpu)
			snprintf(line, sizeof(line), "%.200s: CPU slots, %u devices%s", u->name, u->devices, off);
		else
			snprintf(line, sizeof(line), "%.200s: %s, %u device%s%s", u->name, rates, u->devices,
				 u->devices == 1 ? "" : "s", off);
	} else {
		snprintf(line, sizeof(line), "Nothing is divided: divvy apply FILE");
	}
	room = room + 1 < t->columns ? t->columns - room - 1 : 0;
	strip_cell(out, STRIP_HEAD, line, room, false, t->ascii);
	strip_put(out, STRIP_PLAIN, " ", 1);
	strip_cell(out, STRIP_FAINT, notes, t->columns - out->columns, true, t->ascii);
}

/* Whether it gets what it is promised in one direction; "": nothing is to be said. */
static void promise_of(const struct topdraw *t, const struct top_row *row, enum top_direction d, char *out, size_t size)
{
	const struct top_flow *f = &row->flow[d];
	const char *name = d == TOP_TX ? "sent" : "received";
	size_t used = 0;

	out[0] = '\0';
	if (f->violated_ns)
		used += (size_t)snprintf(out, size, "  %s: %llu times less than promised, last %.3g s ago", name,
					 (unsigned long long)f->violations, (double)(t->rows->at_ns - f->violated_ns) / 1e9);
	if (f->waiting && f->why[0])
		used += (size_t)snprintf(out + used, size - used, "  %s, not divided: %.300s", name, f->why);
	if (!isnan(f->settled_ms) && used < size)
		snprintf(out + used, size - used, "  %s: settled %.3g s after the last change", name, f->settled_ms / 1e3);
}

void topdraw_detail(const struct topdraw *t, struct strip *out)
{
	uint32_t selected = topview_selected(t->view);
	char line[STRIP_SIZE], sent[512], received[512];
	const struct top_row *row;

	*out = (struct strip){ 0 };
	if (selected == TOP_NONE)
		return;
	row = &t->rows->list[selected];
	promise_of(t, row, TOP_TX, sent, sizeof(sent));
	promise_of(t, row, TOP_RX, received, sizeof(received));
	snprintf(line, sizeof(line), "%.400s%s%.60s%s%.200s%s%s%s%.400s", row->name, row->nic[0] ? "  NIC " : "", row->nic,
		 row->vm[0] ? "  VM " : "", row->vm, sent, received, row->why[0] ? "  " : "", row->why);
	strip_cell(out, STRIP_FAINT, line, t->columns, false, t->ascii);
}
