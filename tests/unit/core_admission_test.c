/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What is admitted is kept, whatever is demanded; what is refused could not be; and what is said of it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "core/admission.h"
#include "core/entitle.h"
#include "base/cleanup.h"
#include "random.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MBIT 125000ULL
#define NODES_MAX 512

static uint32_t add(struct model *m, enum node_kind kind, uint32_t parent, const char *name)
{
	struct node node = { .kind = kind, .parent = parent, .share = SHARE_DEFAULT, .limit = RATE_UNLIMITED };
	int64_t i;

	node.line = (uint32_t)m->n_nodes + 1;
	snprintf(node.name, sizeof(node.name), "%s", name);
	if (kind == NODE_UPLINK)
		node.limit.bytes_ps = 100 * MBIT;
	if (kind == NODE_DEVICE)
		snprintf(node.selector, sizeof(node.selector), "tap%zu", m->n_nodes);
	i = model_add(m, &node);
	assert_true(i >= 0);
	return (uint32_t)i;
}

static void reserve(struct model *m, uint32_t i, uint64_t mbit)
{
	m->nodes[i].reserve.bytes_ps = mbit * MBIT;
}

/* 0 eth0 { 1 web, 2 blue { 3 front { 4 web, 5 db }, 6 mail }, 7 batch } */
static void sample(struct model *m)
{
	model_init(m);
	add(m, NODE_UPLINK, NODE_NONE, "eth0");
	add(m, NODE_DEVICE, 0, "web");
	add(m, NODE_NETWORK, 0, "blue");
	add(m, NODE_NETWORK, 2, "front");
	add(m, NODE_DEVICE, 3, "web");
	add(m, NODE_DEVICE, 3, "db");
	add(m, NODE_DEVICE, 2, "mail");
	add(m, NODE_DEVICE, 0, "batch");
}

static void refused(const struct model *m, uint32_t line, const char *text)
{
	struct model_error err = { 0 };

	assert_int_equal(model_validate(m, &err), -EINVAL);
	assert_string_equal(err.text, text);
	assert_int_equal(err.line, line);
	assert_int_equal(err.part, PART_RESERVE);
}

static void accepted(const struct model *m)
{
	struct model_error err = { 0 };

	if (model_validate(m, &err) < 0)
		fail_msg("%s", err.text);
}

static void one_level(void **state)
{
	_cleanup_(model_free) struct model m;

	(void)state;
	sample(&m);
	reserve(&m, 1, 60);
	reserve(&m, 7, 40);
	accepted(&m);
	reserve(&m, 7, 41);
	refused(&m, 8, "device \"batch\": reserve 41mbit: together with web 60mbit that is 101mbit, 1mbit too much; "
		       "expected at most 100mbit, the capacity of eth0");
	/* The first that finds too little left, and all of the level. */
	reserve(&m, 1, 101);
	refused(&m, 2, "device \"web\": reserve 101mbit: together with batch 41mbit that is 142mbit, 42mbit too much; "
		       "expected at most 100mbit, the capacity of eth0");
	reserve(&m, 7, 0);
	refused(&m, 2, "device \"web\": reserve 101mbit: 1mbit too much; expected at most 100mbit, the capacity of eth0");
	m.nodes[1].limit.bytes_ps = 50 * MBIT;
	refused(&m, 2, "device \"web\": reserve 101mbit is above its limit; expected at most 50mbit");
	m.nodes[1].reserve.bytes_ps = RATE_MIN_BYTES_PS - 1;
	refused(&m, 2, "device \"web\": reserve 7992bit, expected at least 8kbit");
}

static void networks(void **state)
{
	_cleanup_(model_free) struct model m;

	(void)state;
	sample(&m);
	reserve(&m, 4, 20);
	reserve(&m, 5, 30);
	accepted(&m);
	/* A network's own is the sum, or more. */
	reserve(&m, 3, 50);
	reserve(&m, 2, 80);
	accepted(&m);
	reserve(&m, 3, 49);
	refused(&m, 4, "network \"blue/front\": reserve 49mbit is 1mbit less than the reserves in it; expected at least 50mbit, or none");
	/* What a network keeps for itself counts. */
	reserve(&m, 3, 70);
	reserve(&m, 6, 11);
	refused(&m, 3, "network \"blue\": reserve 80mbit is 1mbit less than the reserves in it; expected at least 81mbit, or none");
	reserve(&m, 2, 0);
	accepted(&m);
	reserve(&m, 1, 20);
	refused(&m, 3, "network \"blue\": the reserves in it, 81mbit: together with web 20mbit that is 101mbit, 1mbit too much; "
		       "expected at most 100mbit, the capacity of eth0");
	/* The lowest level that does not fit is told, with the lowest limit above it. */
	reserve(&m, 1, 0);
	reserve(&m, 3, 0);
	m.nodes[2].limit.bytes_ps = 40 * MBIT;
	refused(&m, 6, "device \"blue/front/db\": reserve 30mbit: together with web 20mbit that is 50mbit, 10mbit too much; "
		       "expected at most 40mbit, the limit of blue");
}

/* Six are named at most. */
static void many(void **state)
{
	_cleanup_(model_free) struct model m;
	char name[8];

	(void)state;
	model_init(&m);
	add(&m, NODE_UPLINK, NODE_NONE, "eth0");
	for (uint32_t i = 1; i <= 11; i++) {
		snprintf(name, sizeof(name), "d%u", i);
		reserve(&m, add(&m, NODE_DEVICE, 0, name), 10);
	}
	refused(&m, 12, "device \"d11\": reserve 10mbit: together with d1 10mbit, d2 10mbit, d3 10mbit, d4 10mbit, d5 10mbit "
			"and 5 others that is 110mbit, 10mbit too much; expected at most 100mbit, the capacity of eth0");
}

/* A speed that is not known yet is the highest. */
static void unknown_capacity(void **state)
{
	_cleanup_(model_free) struct model m;

	(void)state;
	sample(&m);
	m.nodes[0].limit = RATE_UNLIMITED;
	m.nodes[0].of_link.ppm = PART_MAX;
	reserve(&m, 1, 400000);
	accepted(&m);
	reserve(&m, 7, 1);
	refused(&m, 8, "device \"batch\": reserve 1mbit: together with web 400gbit that is 400001mbit, 1mbit too much; "
		       "expected at most 400gbit, the capacity of eth0");
}

/* --- little left ------------------------------------------------------------------------------ */

struct told {
	int n;
	uint32_t node;
	char text[1024];
};

static int tell(void *arg, uint32_t node, const char *text)
{
	struct told *t = arg;

	t->n++;
	t->node = node;
	snprintf(t->text, sizeof(t->text), "%s", text);
	return 0;
}

static void tight(const struct model *m, uint32_t node, const char *text)
{
	struct told t = { 0 };

	accepted(m);
	assert_int_equal(admission_tight(m, NULL, tell, &t), 0);
	assert_int_equal(t.n, 1);
	assert_string_equal(t.text, text);
	assert_int_equal(t.node, node);
}

static void roomy(const struct model *m)
{
	struct told t = { 0 };

	accepted(m);
	assert_int_equal(admission_tight(m, NULL, tell, &t), 0);
	if (t.n)
		fail_msg("%s", t.text);
}

static void little_left(void **state)
{
	_cleanup_(model_free) struct model m;

	(void)state;
	sample(&m);
	roomy(&m);
	reserve(&m, 1, 95);
	roomy(&m);
	reserve(&m, 1, 96);
	tight(&m, 0, "the reserves in eth0 (web 96mbit) leave 4.00 of 100 Mbit/s to blue and batch when all send, less than 5 %");
	/* They can use no more. */
	m.nodes[7].limit.bytes_ps = m.nodes[2].limit.bytes_ps = 2 * MBIT;
	roomy(&m);
	m.nodes[7].limit = m.nodes[2].limit = RATE_UNLIMITED;
	reserve(&m, 1, 0);
	/* In a network that has a third of the capacity when all send, of which a part is promised. */
	reserve(&m, 6, 31);
	reserve(&m, 1, 1);
	roomy(&m);
	reserve(&m, 6, 32);
	tight(&m, 2, "the reserves in blue (mail 32mbit) leave 1.33 of 33.3 Mbit/s to front when all send, less than 5 %");
}

/* Who has no part in a direction can use nothing there. */
static void little_left_for_some(void **state)
{
	_cleanup_(model_free) struct model m;
	bool part[NODES_MAX] = { [0] = true, [1] = true, [7] = true };
	struct told t = { 0 };

	(void)state;
	sample(&m);
	reserve(&m, 1, 96);
	assert_int_equal(admission_tight(&m, part, tell, &t), 0);
	assert_string_equal(t.text, "the reserves in eth0 (web 96mbit) leave 4.00 of 100 Mbit/s to batch when all send, less than 5 %");
	part[7] = false;
	t = (struct told){ 0 };
	assert_int_equal(admission_tight(&m, part, tell, &t), 0);
	assert_int_equal(t.n, 0);
}

/* --- all of it at random ---------------------------------------------------------------------- */

static void grow(struct model *m, uint32_t parent, int depth)
{
	uint32_t n = 1 + (uint32_t)(rnd() % 4);
	char name[16];

	for (uint32_t k = 0; k < n && m->n_nodes < NODES_MAX - 8; k++) {
		bool network = depth && rnd() % 2;
		uint32_t i;

		snprintf(name, sizeof(name), "n%u", k);
		i = add(m, network ? NODE_NETWORK : NODE_DEVICE, parent, name);
		m->nodes[i].share.weight = 1 + (uint32_t)(rnd() % 9);
		if (rnd() % 3 == 0)
			m->nodes[i].limit.bytes_ps = (1 + rnd() % 100) * MBIT;
		if (rnd() % 3 == 0)
			reserve(m, i, 1 + rnd() % (rnd() % 2 ? 8 : 60));
		if (network)
			grow(m, i, depth - 1);
	}
}

/* --- the reference: by recursion, and by its own words */

static uint64_t promised(const struct model *m, uint32_t i)
{
	uint64_t sum = 0;

	for (uint32_t k = i + 1; k < m->n_nodes; k++)
		if (m->nodes[k].parent == i)
			sum += promised(m, k);
	return m->nodes[i].reserve.bytes_ps ? m->nodes[i].reserve.bytes_ps : sum;
}

/* Whether the reserves at and below i could be kept if i had this much. */
static bool can_be_kept(const struct model *m, uint32_t i, uint64_t has)
{
	const struct node *node = &m->nodes[i];
	uint64_t sum = 0;

	if (node->limit.bytes_ps < has)
		has = node->limit.bytes_ps;
	if (promised(m, i) > has)
		return false;
	for (uint32_t k = i + 1; k < m->n_nodes; k++)
		if (m->nodes[k].parent == i) {
			sum += promised(m, k);
			if (!can_be_kept(m, k, has))
				return false;
		}
	return sum <= has && (!node->reserve.bytes_ps || sum <= node->reserve.bytes_ps);
}

static uint64_t most(const struct model *m, const struct rate *demand, uint32_t i)
{
	uint64_t sum = 0;

	if (m->nodes[i].kind == NODE_DEVICE)
		return rate_min(m->nodes[i].limit, demand[i]).bytes_ps;
	for (uint32_t k = i + 1; k < m->n_nodes; k++)
		if (m->nodes[k].parent == i) {
			uint64_t one = most(m, demand, k);

			sum = sum > UINT64_MAX - one ? UINT64_MAX : sum + one;
		}
	return rate_min(m->nodes[i].limit, (struct rate){ sum }).bytes_ps;
}

/* Each node has its reserve, or all that it could take of it. */
static void check_kept(const struct model *m)
{
	struct rate demand[NODES_MAX], out[NODES_MAX];

	for (int run = 0; run < 4; run++) {
		for (uint32_t i = 0; i < m->n_nodes; i++)
			demand[i] = run == 0	     ? RATE_UNLIMITED :
				    rnd() % 3 == 0 ? RATE_ZERO :
				    rnd() % 2	     ? RATE_UNLIMITED :
						       (struct rate){ rnd() % (50 * MBIT) };
		assert_int_equal(entitle(m, demand, out), 0);
		for (uint32_t i = 1; i < m->n_nodes; i++) {
			uint64_t could = most(m, demand, i), floor = promised(m, i);

			assert_true(out[i].bytes_ps >= (could < floor ? could : floor));
		}
	}
}

/* As it is cut, at least one of the nodes gets less than was promised it, when all send. */
static bool is_broken(const struct model *m)
{
	struct rate demand[NODES_MAX], out[NODES_MAX];

	for (uint32_t i = 0; i < m->n_nodes; i++)
		demand[i] = RATE_UNLIMITED;
	assert_int_equal(entitle(m, demand, out), 0);
	for (uint32_t i = 1; i < m->n_nodes; i++)
		if (out[i].bytes_ps < promised(m, i))
			return true;
	return false;
}

static void admitted_is_kept(void **state)
{
	int admitted = 0, broken = 0, less = 0;

	(void)state;
	for (int run = 0; run < 8000; run++) {
		_cleanup_(model_free) struct model m;
		struct model_error err = { 0 };
		bool kept;
		int r;

		model_init(&m);
		add(&m, NODE_UPLINK, NODE_NONE, "eth0");
		grow(&m, 0, (int)(rnd() % 6));
		kept = can_be_kept(&m, 0, UINT64_MAX);
		r = admission_check(&m, &err);
		if ((r >= 0) != kept)
			fail_msg("run %d: %s, expected the reserves %s", run, r < 0 ? err.text : "admitted",
				 kept ? "to fit" : "not to fit");
		if (r >= 0)
			check_kept(&m);
		else if (is_broken(&m))
			broken++;
		else
			less++; /* a network's own is less than the sum in it: entitle() takes the sum */
		admitted += r >= 0;
	}
	/* All three happen. */
	assert_true(admitted > 1000 && broken > 1000 && less > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_level),	    cmocka_unit_test(networks),
		cmocka_unit_test(many),	    cmocka_unit_test(unknown_capacity),
		cmocka_unit_test(little_left),
		cmocka_unit_test(little_left_for_some), cmocka_unit_test(admitted_is_kept),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
