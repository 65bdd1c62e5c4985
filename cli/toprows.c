// SPDX-License-Identifier: GPL-2.0-or-later
#include "toprows.h"

#include "base/cleanup.h"
#include "proto/answer.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *text(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key)) ?: "";
}

static double number(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	return json_is_number(v) ? json_number_value(v) : NAN;
}

static uint64_t count(const json_t *o, const char *key)
{
	json_int_t v = json_integer_value(json_object_get(o, key));

	return v > 0 ? (uint64_t)v : 0;
}

void toprows_free(struct top_rows *r)
{
	for (size_t i = 0; i < r->n; i++)
		free(r->list[i].name);
	free(r->list);
	json_decref(r->status);
	*r = (struct top_rows){ 0 };
}

/* --- rows of this reading ------------------------------------------------------------------------------- */

/* Appends a row of the name's first len bytes, of which its label begins at label. NULL: out of memory. */
static struct top_row *add(struct top_rows *r, enum top_kind kind, const char *name, size_t len, size_t label,
			   uint32_t parent)
{
	struct top_row *bigger, *row;

	if (r->n == 0 || (r->n >= 64 && (r->n & (r->n - 1)) == 0)) {
		bigger = reallocarray(r->list, r->n ? 2 * r->n : 64, sizeof(*r->list));
		if (!bigger)
			return NULL;
		r->list = bigger;
	}
	row = &r->list[r->n];
	*row = (struct top_row){ .kind = kind, .name = strndup(name, len), .parent = parent, .before = TOP_NONE,
				 .reserve = NAN, .limit = NAN, .error_pp = NAN, .nic = "", .why = "", .vm = "" };
	if (!row->name)
		return NULL;
	row->label = row->name + label;
	row->uplink = parent == TOP_NONE ? (uint32_t)r->n : r->list[parent].uplink;
	row->depth = parent == TOP_NONE ? 0 : r->list[parent].depth + 1;
	for (size_t d = 0; d < TOP_DIRECTIONS; d++)
		row->flow[d] = (struct top_flow){ .why = "", .entitled = NAN, .delivered = NAN, .settled_ms = NAN };
	r->n++;
	return row;
}

/*
 * Where the last part of a device's full name begins. Names have no slash; but the VM that a pattern has matched may have
 * one in its own name.
 */
static size_t label_of(const char *name, const char *of, const char *vm)
{
	const char *slash = strrchr(name, '/');
	size_t len = strlen(name), own = strlen(vm), up = strlen(of);

	if (!slash)
		return 0;
	if (own && up && len > own + up && strcmp(name + len - own, vm) == 0 && name[len - own - 1] == '/' &&
	    memcmp(name + len - own - 1 - up, of, up) == 0)
		return len - own;
	return (size_t)(slash + 1 - name);
}

/*
 * The row that holds a device of this full name, whose last part begins at label: that of the network before it, which
 * is added where it is not there yet. latest: the row behind which it comes. TOP_NONE: out of memory.
 */
static uint32_t holder(struct top_rows *r, uint32_t uplink, const char *name, size_t label, uint32_t latest)
{
	uint32_t up = r->list[latest].kind == TOP_DEVICE ? r->list[latest].parent : latest;
	const char *slash;

	/* Up to the network that the name begins with, ... */
	while (r->list[up].kind == TOP_NETWORK) {
		size_t len = strlen(r->list[up].name);

		if (len < label && strncmp(name, r->list[up].name, len) == 0 && name[len] == '/')
			break;
		up = r->list[up].parent;
	}
	/* ... and down from there, a network for each part that is left. */
	for (;;) {
		size_t len = up == uplink ? 0 : strlen(r->list[up].name) + 1;

		slash = len < label ? strchr(name + len, '/') : NULL;
		if (!slash)
			return up;
		if (!add(r, TOP_NETWORK, name, (size_t)(slash - name), len, up))
			return TOP_NONE;
		up = (uint32_t)(r->n - 1);
	}
}

static void read_terms(struct top_rows *r, struct top_row *row, const json_t *o)
{
	row->share = json_integer_value(json_object_get(o, "share"));
	row->reserve = number(o, "reserve_bps");
	row->limit = number(o, "limit_bps");
	r->reserves |= !isnan(row->reserve);
	r->limits |= !isnan(row->limit);
}

static enum top_state state_of(const json_t *d, bool cpu)
{
	if (strcmp(text(d, "state"), "bound") != 0)
		return TOP_WAITING;
	if (answer_divided(d) == ANSWER_UNDIVIDED)
		return TOP_UNDIVIDED;
	return cpu || strcmp(text(d, "backpressure"), "on") == 0 ? TOP_BOUND : TOP_MAY_DROP;
}

/* What its VM used, against the reading before: follow() makes rates of it. */
static void read_cpu(struct top_row *row, const json_t *cpu)
{
	row->flow[TOP_TX].divided = json_is_object(cpu);
	row->cpu_entitled_ns = count(cpu, "entitled_ns");
	row->cpu_used_ns = count(cpu, "used_ns");
	row->error_pp = number(cpu, "error_pp");
}

static void read_promise(struct top_flow *f, const json_t *of)
{
	const json_t *c = json_object_get(of, "conformance");

	f->violations = count(c, "reserve_missed") + count(c, "below_entitlement");
	f->violated_ns = count(c, "violated_ns");
	f->settled_ms = number(c, "settled_after_ms");
}

static void read_flow(struct top_flow *f, const json_t *of)
{
	f->divided = true;
	f->entitled = number(of, "entitled_bps");
	f->delivered = number(of, "delivered_bps");
	f->dropped = count(of, "dropped_packets") + count(of, "burst_dropped_packets");
	read_promise(f, of);
}

/* What a device receives, where it has terms for that. */
static void read_rx(struct top_row *row, const json_t *rx)
{
	struct top_flow *f = &row->flow[TOP_RX];

	if (!json_is_object(rx))
		return;
	read_flow(f, rx);
	f->why = text(rx, "why");
	f->waiting = strcmp(text(rx, "state"), "waiting") == 0;
	if (!f->waiting)
		return;
	f->entitled = f->delivered = NAN;
	if (row->state < TOP_RX_WAITING)
		row->state = TOP_RX_WAITING;
}

/* Whether one of its flows got less than it was promised, lately. */
static bool is_violated(const struct top_rows *r, const struct top_row *row)
{
	for (size_t d = 0; d < TOP_DIRECTIONS; d++)
		if (row->flow[d].violated_ns && r->at_ns < row->flow[d].violated_ns + TOP_LATELY_NS)
			return true;
	return false;
}

static int read_device(struct top_rows *r, uint32_t uplink, const json_t *d)
{
	const char *name = text(d, "name"), *hint = text(json_object_get(d, "undivided"), "text");
	const char *of = text(d, "of"), *vm = text(json_object_get(d, "vm"), "name");
	size_t label = label_of(name, of, vm);
	uint32_t parent = holder(r, uplink, name, label, (uint32_t)(r->n - 1));
	struct top_row *row = parent == TOP_NONE ? NULL : add(r, TOP_DEVICE, name, strlen(name), label, parent);

	if (!row)
		return -ENOMEM;
	read_terms(r, row, d);
	/* A pattern's share is that of each of its matches, which stand below it like a network's devices. */
	if (r->list[parent].kind == TOP_NETWORK && strcmp(of, r->list[parent].label) == 0)
		r->list[parent].share = row->share;
	row->state = state_of(d, r->cpu);
	row->nic = text(d, "nic");
	row->vm = vm;
	row->why = hint[0] ? hint : text(d, "why");
	if (r->cpu) {
		read_cpu(row, json_object_get(d, "cpu"));
		return 0;
	}
	row->error_pp = number(d, "error_pp");
	read_flow(&row->flow[TOP_TX], d);
	read_rx(row, json_object_get(d, "rx"));
	if (row->state == TOP_WAITING) {
		row->error_pp = NAN;
		for (size_t i = 0; i < TOP_DIRECTIONS; i++)
			row->flow[i].entitled = row->flow[i].delivered = NAN;
	}
	return 0;
}

/* A network's or uplink's. What was delivered is the sum of what is below. */
static void read_sums(struct top_flow *f, const json_t *of, const char *entitled)
{
	f->own = json_is_object(of);
	f->entitled = number(of, entitled);
	read_promise(f, of);
}

/* What the status says of networks; their rows are there, for devices stand in them. */
static void read_networks(struct top_rows *r, uint32_t uplink, const json_t *list)
{
	const json_t *network;
	size_t i;

	json_array_foreach(list, i, network)
		for (size_t j = uplink + 1; j < r->n; j++) {
			struct top_row *row = &r->list[j];

			if (row->kind != TOP_NETWORK || strcmp(row->name, text(network, "name")) != 0)
				continue;
			read_terms(r, row, network);
			if (!r->cpu) {
				read_sums(&row->flow[TOP_TX], network, "entitled_bps");
				read_sums(&row->flow[TOP_RX], json_object_get(network, "rx"), "entitled_bps");
			}
			break;
		}
}

static int read_uplink(struct top_rows *r, const json_t *u)
{
	uint32_t uplink = (uint32_t)r->n;
	struct top_row *row = add(r, TOP_UPLINK, text(u, "name"), strlen(text(u, "name")), 0, TOP_NONE);
	const json_t *device;
	size_t i;

	if (!row)
		return -ENOMEM;
	if (json_is_false(json_object_get(u, "present"))) {
		row->state = TOP_ABSENT;
		row->why = "there is no such interface now";
	}
	json_array_foreach(json_object_get(u, "devices"), i, device)
		if (read_device(r, uplink, device) < 0)
			return -ENOMEM;
	read_networks(r, uplink, json_object_get(u, "networks"));
	row = &r->list[uplink];
	row->flow[TOP_TX].divided = true;
	if (!r->cpu) {
		read_sums(&row->flow[TOP_TX], u, "capacity_bps");
		read_sums(&row->flow[TOP_RX], json_object_get(u, "rx"), "capacity_bps");
	}
	return 0;
}

/* --- sums ------------------------------------------------------------------------------------------------ */

static double plus(double sum, double v)
{
	return isnan(v) ? sum : isnan(sum) ? v : sum + v;
}

static void add_flow(const struct top_row *row, struct top_row *up, enum top_direction d)
{
	up->flow[d].divided |= row->flow[d].divided;
	up->flow[d].delivered = plus(up->flow[d].delivered, row->flow[d].delivered);
	up->flow[d].dropped += row->flow[d].dropped;
	if (!up->flow[d].own)
		up->flow[d].entitled = plus(up->flow[d].entitled, row->flow[d].entitled);
}

/* What is below counts for what holds it. Children stand behind their parents: from the end. */
static void add_up(struct top_rows *r)
{
	for (size_t i = r->n; i-- > 0;) {
		struct top_row *row = &r->list[i], *up = row->parent == TOP_NONE ? NULL : &r->list[row->parent];

		if (row->kind == TOP_DEVICE) {
			row->devices = 1;
			row->waiting = row->state == TOP_WAITING || row->state == TOP_RX_WAITING;
			row->undivided = row->state == TOP_UNDIVIDED;
		}
		if (is_violated(r, row)) {
			row->violated++;
			row->state = row->state < TOP_VIOLATED ? TOP_VIOLATED : row->state;
		}
		for (size_t d = 0; d < TOP_DIRECTIONS; d++) {
			r->directions[d] |= row->kind == TOP_DEVICE && row->flow[d].divided;
			if (row->kind == TOP_DEVICE)
				r->list[row->uplink].flow[d].violations += row->flow[d].violations;
			if (up)
				add_flow(row, up, (enum top_direction)d);
		}
		if (!up)
			continue;
		up->devices += row->devices;
		up->waiting += row->waiting;
		up->undivided += row->undivided;
		up->violated += row->violated;
		if (row->state > up->state)
			up->state = row->state;
	}
}

/* --- against the reading before --------------------------------------------------------------------------- */

static const struct top_rows *sorted_rows; /* what by_name() compares */

static int compare(const struct top_rows *a, uint32_t i, const struct top_rows *b, uint32_t j)
{
	const struct top_row *x = &a->list[i], *y = &b->list[j];
	int r = strcmp(a->list[x->uplink].name, b->list[y->uplink].name);

	if (r == 0)
		r = (x->kind > y->kind) - (x->kind < y->kind);
	return r ? r : strcmp(x->name, y->name);
}

static int by_name(const void *a, const void *b)
{
	return compare(sorted_rows, *(const uint32_t *)a, sorted_rows, *(const uint32_t *)b);
}

static uint32_t search(const struct top_rows *before, const uint32_t *sorted, const struct top_rows *r, uint32_t i)
{
	size_t low = 0, high = before->n;

	while (low < high) {
		size_t middle = (low + high) / 2;
		int c = compare(before, sorted[middle], r, i);

		if (c == 0)
			return sorted[middle];
		if (c < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return TOP_NONE;
}

/* Mostly nothing has changed, and a row is where it was. */
static int find_before(struct top_rows *r, const struct top_rows *before)
{
	_cleanup_free_ uint32_t *sorted = NULL;

	for (uint32_t i = 0; i < r->n; i++) {
		if (i < before->n && compare(before, i, r, i) == 0) {
			r->list[i].before = i;
			continue;
		}
		if (!sorted) {
			sorted = reallocarray(NULL, before->n + 1, sizeof(*sorted));
			if (!sorted)
				return -ENOMEM;
			for (uint32_t j = 0; j < before->n; j++)
				sorted[j] = j;
			sorted_rows = before;
			qsort(sorted, before->n, sizeof(*sorted), by_name);
		}
		r->list[i].before = search(before, sorted, r, i);
	}
	return 0;
}

static void cpu_rates(struct top_row *row, const struct top_row *old, uint64_t elapsed_ns)
{
	if (row->kind != TOP_DEVICE || !old || !elapsed_ns || !row->flow[TOP_TX].divided ||
	    row->cpu_used_ns < old->cpu_used_ns || row->cpu_entitled_ns < old->cpu_entitled_ns)
		return;
	row->flow[TOP_TX].entitled = 100.0 * (double)(row->cpu_entitled_ns - old->cpu_entitled_ns) / (double)elapsed_ns;
	row->flow[TOP_TX].delivered = 100.0 * (double)(row->cpu_used_ns - old->cpu_used_ns) / (double)elapsed_ns;
}

static void follow(struct top_row *row, const struct top_row *old)
{
	row->folded = old && old->folded;
	for (size_t d = 0; d < TOP_DIRECTIONS; d++) {
		struct top_flow *f = &row->flow[d];

		f->dropping = old && f->dropped > old->flow[d].dropped;
		for (size_t i = 0; i + 1 < TOP_HISTORY; i++)
			f->history[i] = old ? old->flow[d].history[i + 1] : NAN;
		f->history[TOP_HISTORY - 1] = (float)f->delivered;
	}
}

int toprows_read(json_t *status, const struct top_rows *before, struct top_rows *out)
{
	struct top_rows r = { .status = status, .at_ns = count(status, "monotonic_ns"),
			      .cpu = json_is_object(json_object_get(status, "schedule")) };
	const json_t *uplink;
	size_t i;
	int err = 0;

	json_array_foreach(json_object_get(status, "uplinks"), i, uplink)
		if (!err)
			err = read_uplink(&r, uplink);
	if (!err)
		err = find_before(&r, before);
	if (err) {
		toprows_free(&r);
		return err;
	}
	for (i = 0; i < r.n; i++) {
		struct top_row *row = &r.list[i];

		if (r.cpu && row->before != TOP_NONE)
			cpu_rates(row, &before->list[row->before], r.at_ns - before->at_ns);
	}
	add_up(&r);
	for (i = 0; i < r.n; i++)
		follow(&r.list[i], r.list[i].before == TOP_NONE ? NULL : &before->list[r.list[i].before]);
	*out = r;
	return 0;
}

uint32_t toprows_now(const struct top_rows *r, uint32_t i)
{
	if (i < r->n && r->list[i].before == i)
		return i;
	for (uint32_t j = 0; j < r->n && i != TOP_NONE; j++)
		if (r->list[j].before == i)
			return j;
	return TOP_NONE;
}
