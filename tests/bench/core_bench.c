/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What core costs: time per operation, the median of several runs. Prints a table. */

#include "core/slots/bucket.h"
#include "base/cleanup.h"
#include "core/conform.h"
#include "core/entitle.h"
#include "core/follow.h"
#include "core/sizing.h"
#include "core/slots.h"
#include "tests/clock.h"

#include <stdio.h>
#include <string.h>

#define RUNS 9
#define RUN_NS (20 * NSEC_PER_MSEC)

struct input {
	struct model model;
	struct rate *demand, *out;
	uint64_t *credit, *slots;
	uint32_t *quantum;
	struct rate *part;
	struct demand *demands;
	struct quanta_class *now;
	size_t n;
};

static volatile uint64_t sink; /* keeps what nobody reads */

static void op_entitle(struct input *in)
{
	if (entitle(&in->model, in->demand, in->out) < 0)
		abort();
	sink += in->out[1].bytes_ps;
}

/* Ten devices are active, one of which sends at another rate each time. */
static void op_follow(struct input *in)
{
	in->demands[1].steady.bytes_ps = 1000000 + sink % 1000000;
	if (follow_divide(&in->model, 0, in->model.n_nodes, in->demands, in->out, in->now) < 0)
		abort();
	sink += in->out[1].bytes_ps;
}

static void op_slots(struct input *in)
{
	if (slots_allocate(in->credit, in->n, 1000003, in->slots) < 0)
		abort();
	sink += in->slots[0];
}

static void op_validate(struct input *in)
{
	struct model_error err;

	if (model_validate(&in->model, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		abort();
	}
}

static void op_find(struct input *in)
{
	sink += (uint64_t)model_find(&in->model, in->model.nodes[in->model.n_nodes - 1].name);
}

static void op_class(struct input *in)
{
	struct rate rate = { 1000 + (sink & 0xffffff) };
	struct sizing s;

	(void)in;
	sizing_class(&sizing_host_default, rate, (struct rate){ 12500000 }, 1, &s);
	sink += s.sndbuf;
}

static void op_quanta(struct input *in)
{
	sizing_quanta(&sizing_host_default, in->part, in->n, in->quantum);
	sink += in->quantum[0];
}

static void op_bucket(struct input *in)
{
	static struct bucket b = { .rate = 7500000, .depth = 75000 };

	(void)in;
	bucket_refill(&b, b.last_ns + 200011);
	bucket_charge(&b, 1500);
	sink += (uint64_t)b.level;
}

static void op_conform(struct input *in)
{
	static struct conform c;
	static struct conform_reading r = { .now_ns = 1,
					    .backlogged = true,
					    .entitled = { 7500000 },
					    .reserve = { 2500000 },
					    .capacity = { 12500000 } };

	(void)in;
	r.now_ns += 20 * NSEC_PER_MSEC;
	r.bytes += 150000;
	sink += conform_read(&c, &r);
}

static const struct {
	const char *name;
	void (*op)(struct input *in);
	size_t n; /* devices; 0: does not depend on them */
	size_t per_network;
} table[] = {
	{ "entitle", op_entitle, 1000, 0 },
	{ "entitle", op_entitle, 1000, 20 },
	{ "entitle", op_entitle, MODEL_UPLINK_NODES_MAX, 0 },
	{ "entitle", op_entitle, 31000, 100 },
	{ "follow_divide", op_follow, 1000, 20 },
	{ "follow_divide", op_follow, 10000, 20 },
	{ "slots_allocate", op_slots, 10, 0 },
	{ "slots_allocate", op_slots, 10000, 0 },
	{ "model_validate", op_validate, 1000, 20 },
	{ "model_validate", op_validate, 31000, 100 },
	{ "model_find", op_find, 1000, 20 },
	{ "sizing_quanta", op_quanta, 1000, 0 },
	{ "sizing_quanta", op_quanta, MODEL_UPLINK_NODES_MAX, 0 },
	{ "sizing_class", op_class, 0, 0 },
	{ "bucket refill+charge", op_bucket, 0, 0 },
	{ "conform_read", op_conform, 0, 0 },
};

static void add(struct model *m, enum node_kind kind, uint32_t parent, size_t i)
{
	struct node node = { .kind = kind,
			     .parent = parent,
			     .share = { 1 + (uint32_t)(i * 7919 % 9) },
			     .limit = RATE_UNLIMITED };

	if (kind == NODE_UPLINK)
		node.limit.bytes_ps = RATE_MAX_BYTES_PS;
	else if (kind == NODE_DEVICE && i % 3 == 0)
		node.limit.bytes_ps = 1000000 + i * 104729 % 10000000;
	snprintf(node.name, sizeof(node.name), "%c%zu", "und"[kind], i);
	snprintf(node.selector, sizeof(node.selector), "tap%zu", i);
	if (model_add(m, &node) < 0)
		abort();
}

static void input_init(struct input *in, size_t n, size_t per_network)
{
	uint32_t parent = 0;

	memset(in, 0, sizeof(*in));
	model_init(&in->model);
	in->n = n;
	add(&in->model, NODE_UPLINK, NODE_NONE, 0);
	for (size_t i = 1; i <= n; i++) {
		if (per_network && i % per_network == 1) {
			parent = (uint32_t)in->model.n_nodes;
			add(&in->model, NODE_NETWORK, 0, i);
		}
		add(&in->model, NODE_DEVICE, parent, i);
	}
	in->demand = calloc(in->model.n_nodes, sizeof(*in->demand));
	in->out = calloc(in->model.n_nodes, sizeof(*in->out));
	in->credit = calloc(n + 1, sizeof(*in->credit));
	in->slots = calloc(n + 1, sizeof(*in->slots));
	in->quantum = calloc(n + 1, sizeof(*in->quantum));
	in->part = calloc(n + 1, sizeof(*in->part));
	in->demands = calloc(in->model.n_nodes, sizeof(*in->demands));
	in->now = calloc(in->model.n_nodes, sizeof(*in->now));
	for (size_t i = 0; in->demands && i < in->model.n_nodes; i++)
		in->demands[i] = (struct demand){ .guaranteed = { 1000 }, .limit = RATE_UNLIMITED };
	for (size_t i = 1; in->demands && i < in->model.n_nodes && i <= 10; i++)
		in->demands[i].waited = in->demands[i].looks = 1;
	if (!in->demands || !in->now || !in->demand || !in->out || !in->credit || !in->slots || !in->quantum || !in->part)
		abort();
	/* A third idle, a third backlogged, a third in between. */
	for (size_t i = 0; i < in->model.n_nodes; i++)
		in->demand[i].bytes_ps = i % 3 == 0 ? 0 : i % 3 == 1 ? UINT64_MAX : i * 15485863 % 5000000;
	for (size_t i = 0; i < n; i++) {
		in->credit[i] = (i + 1) * 2654435761U % 1000000007;
		in->part[i].bytes_ps = (1 + i * 7919 % 97) * 10000;
	}
}

static void input_free(struct input *in)
{
	model_free(&in->model);
	free(in->demand);
	free(in->out);
	free(in->credit);
	free(in->slots);
	free(in->quantum);
	free(in->part);
	free(in->demands);
	free(in->now);
}

static int cmp(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Nanoseconds an operation: the median of RUNS, each repeated for RUN_NS. */
static double measure(void (*op)(struct input *in), struct input *in)
{
	double run[RUNS];

	op(in);
	for (size_t r = 0; r < RUNS; r++) {
		uint64_t start = now_ns(), spent, ops = 0, batch = 1;

		do {
			for (uint64_t i = 0; i < batch; i++)
				op(in);
			ops += batch;
			batch *= 2;
			spent = now_ns() - start;
		} while (spent < RUN_NS);
		run[r] = (double)spent / (double)ops;
	}
	qsort(run, RUNS, sizeof(*run), cmp);
	return run[RUNS / 2];
}

int main(void)
{
	printf("%-22s %8s %9s %14s %12s\n", "operation", "devices", "networks", "ns/op", "ns/device");
	for (size_t k = 0; k < ARRAY_SIZE(table); k++) {
		size_t n = table[k].n, per = table[k].per_network;
		struct input in;
		double ns;

		input_init(&in, n, per);
		ns = measure(table[k].op, &in);
		printf("%-22s %8zu %9zu %14.1f", table[k].name, n, per ? (n + per - 1) / per : 0, ns);
		if (n)
			printf(" %12.1f", ns / (double)n);
		printf("\n");
		input_free(&in);
	}
	return 0;
}
