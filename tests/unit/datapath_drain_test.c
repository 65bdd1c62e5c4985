/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What drains goes when it is empty, and not before, and who waits for it is told once. The event loop is the
 * real one, the kernel a table.
 */

#include "datapath/drain.h"
#include "fake_htb.h"
#include "tests/clock.h"

/* --- a data path in which something drains ------------------------------------------------------- */

struct site {
	struct dataplane plane;
	struct drain drain;
	sd_event *event;
};

static void site_make(struct site *s)
{
	*s = (struct site){ 0 };
	random_want(&s->plane.have);
	make_observed(&s->plane.have, false);
	assert_true(sd_event_new(&s->event) >= 0);
	assert_int_equal(drain_open(&s->drain, s->event, &s->plane), 0);
}

static void site_free(struct site *s)
{
	drain_close(&s->drain);
	tree_free(&s->plane.have);
	sd_event_unref(s->event);
}

/* Some uplinks go, and of others some classes: devices, and networks with all that is in them. */
static void let_drain(struct tree *have)
{
	size_t kept = 0;

	for (size_t i = 0; i < have->n_uplinks; i++) {
		struct tree_uplink *u = &have->uplinks[i];
		bool network[NETWORKS_END];

		for (size_t k = 0; k < NETWORKS_END; k++)
			network[k] = k > CLASSID_ROOT && one_in(3);
		u->drains = one_in(3);
		for (size_t k = 0; k < u->n_classes; k++) {
			struct tree_class *c = &u->classes[k];
			uint16_t minor = c->htb.minor, parent = c->htb.parent;

			c->drains = u->drains || (minor < NETWORKS_END && network[minor]) ||
				    (parent < NETWORKS_END && network[parent]) ||
				    (minor >= NETWORKS_END && minor < MINORS_END && one_in(3));
		}
	}
	/* No vNIC's packets go to a class that drains. */
	for (size_t i = 0; i < have->n_vnics; i++) {
		const struct tree_vnic v = have->vnics[i];
		const struct tree_uplink *u = &have->uplinks[v.uplink];
		bool drains = false;

		for (size_t k = 0; k < u->n_classes; k++)
			drains |= u->classes[k].htb.minor == v.minor && u->classes[k].drains;
		if (!drains)
			have->vnics[kept++] = v;
	}
	have->n_vnics = kept;
}

/* Run the loop once. False: no timer was due within a second. */
static bool run_once(struct site *s)
{
	return sd_event_run(s->event, 1000000) > 0;
}

/* Whether a further look is due some time. */
static bool looks_again(const struct site *s)
{
	int enabled;

	assert_true(sd_event_source_get_enabled(s->drain.timer, &enabled) >= 0);
	return enabled != SD_EVENT_OFF;
}

struct ear {
	int told, err;
};

static void hear(int err, void *arg)
{
	struct ear *e = arg;

	e->told++;
	e->err = err;
}

/* --- random ------------------------------------------------------------------------------------- */

static bool is_left(const struct tree *have, const char *name, uint16_t minor)
{
	const struct tree_uplink *u = tree_uplink(have, name, DIRECTION_TX);

	for (size_t i = 0; u && i < u->n_classes; i++)
		if (u->classes[i].htb.minor == minor)
			return true;
	return false;
}

/* Believed is what is real: what did not drain. */
static void check_rest(const struct site *s, const struct tree *before)
{
	for (size_t i = 0; i < before->n_uplinks; i++) {
		const struct tree_uplink *was = &before->uplinks[i];
		const struct k_ifb *ifb = &kernel[was->ifb - IFB_FIRST];

		assert_int_equal(ifb->there, !was->drains);
		assert_int_equal(tree_uplink(&s->plane.have, was->name, DIRECTION_TX) != NULL, !was->drains);
		for (size_t k = 0; k < was->n_classes; k++) {
			const struct tree_class *c = &was->classes[k];

			assert_int_equal(ifb->class[c->htb.minor].there, !c->drains);
			assert_int_equal(is_left(&s->plane.have, was->name, c->htb.minor), !c->drains);
		}
	}
	assert_int_equal(s->plane.have.n_vnics, before->n_vnics);
	for (size_t i = 0; i < before->n_vnics; i++)
		assert_string_equal(s->plane.have.uplinks[s->plane.have.vnics[i].uplink].name,
				    before->uplinks[before->vnics[i].uplink].name);
}

static void everything_goes_when_it_is_empty(void **state)
{
	size_t classes = 0, links = 0;

	(void)state;
	for (int trial = 0; trial < 40; trial++) {
		struct ear ears[3] = { 0 };
		struct tree before;
		struct site s;

		site_make(&s);
		let_drain(&s.plane.have);
		copy_tree(&s.plane.have, &before);
		boot(&s.plane.have, 4);
		for (size_t i = 0; i < ARRAY_SIZE(ears); i++) {
			assert_int_equal(drain_wait(&s.drain, hear, &ears[i]), 0);
			assert_int_equal(ears[i].told, drain_is_done(&s.drain));
		}
		drain_start(&s.drain);
		while (!drain_is_done(&s.drain)) {
			for (size_t i = 0; i < ARRAY_SIZE(ears); i++)
				assert_int_equal(ears[i].told, 0);
			assert_true(run_once(&s));
			assert_false(s.plane.stale);
		}
		for (size_t i = 0; i < ARRAY_SIZE(ears); i++) {
			assert_int_equal(ears[i].told, 1);
			assert_int_equal(ears[i].err, 0);
		}
		assert_false(looks_again(&s));
		check_rest(&s, &before);
		classes += n_class_dels;
		links += n_link_dels;
		site_free(&s);
		for (size_t i = 0; i < ARRAY_SIZE(ears); i++)
			assert_int_equal(ears[i].told, 1);
		tree_free(&before);
	}
	assert_in_range(classes, 50, SIZE_MAX);
	assert_in_range(links, 20, SIZE_MAX);
}

/* --- by hand ------------------------------------------------------------------------------------ */

/* eth0 with the network 2, in which the device 5 is; all three drain, or the uplink as a whole. */
static void site_small(struct site *s, bool whole)
{
	struct tree *have = &s->plane.have;
	struct tree_uplink *u = calloc(1, sizeof(*u));

	*s = (struct site){ 0 };
	*have = (struct tree){ .uplinks = u, .n_uplinks = 1 };
	assert_non_null(u);
	*u = (struct tree_uplink){ .name = "eth0", .ifb = IFB_FIRST, .drains = whole };
	u->classes = calloc(MINORS_END, sizeof(*u->classes));
	assert_non_null(u->classes);
	put_class(u, 5);
	for (size_t i = 0; i < u->n_classes; i++)
		u->classes[i].drains = whole || u->classes[i].htb.minor != CLASSID_ROOT;
	assert_int_equal(u->n_classes, 3);
	boot(have, 0);
	assert_true(sd_event_new(&s->event) >= 0);
	assert_int_equal(drain_open(&s->drain, s->event, &s->plane), 0);
}

/* HTB refuses to delete a class with children, also when they went in the same batch's place before it. */
static void a_network_goes_after_its_devices(void **state)
{
	struct site s;

	(void)state;
	site_small(&s, false);
	drain_start(&s.drain);
	assert_true(run_once(&s));
	assert_false(kernel[0].class[5].there);
	assert_true(kernel[0].class[2].there);
	assert_false(drain_is_done(&s.drain));
	assert_true(run_once(&s));
	assert_false(kernel[0].class[2].there);
	assert_true(drain_is_done(&s.drain));
	assert_int_equal(n_class_dels, 2);
	site_free(&s);
}

static void a_whole_uplink_goes_as_a_link(void **state)
{
	struct site s;

	(void)state;
	site_small(&s, true);
	kernel[0].class[5].waiting = 5;
	drain_start(&s.drain);
	while (!drain_is_done(&s.drain)) {
		assert_true(kernel[0].there);
		assert_true(run_once(&s));
	}
	assert_false(kernel[0].there);
	assert_true(n_looks > 2);
	assert_int_equal(n_link_dels, 1);
	assert_int_equal(n_class_dels, 0);
	assert_int_equal(s.plane.have.n_uplinks, 0);
	site_free(&s);
}

static void who_still_waits_at_the_end_is_told(void **state)
{
	struct ear ears[2] = { 0 };
	struct site s;

	(void)state;
	site_small(&s, false);
	assert_int_equal(drain_wait(&s.drain, hear, &ears[0]), 0);
	assert_int_equal(drain_wait(&s.drain, hear, &ears[1]), 0);
	drain_start(&s.drain);
	drain_close(&s.drain);
	for (size_t i = 0; i < ARRAY_SIZE(ears); i++) {
		assert_int_equal(ears[i].told, 1);
		assert_int_equal(ears[i].err, -ECANCELED);
	}
	site_free(&s); /* closes again: nothing happens */
	assert_int_equal(ears[0].told, 1);
}

/* What is told starts a further drain: a client that releases the next device at once. */
struct again {
	struct site *s;
	struct ear ear;
};

static void release_more(int err, void *arg)
{
	struct again *a = arg;
	struct tree_uplink *u = &a->s->plane.have.uplinks[0];

	assert_int_equal(err, 0);
	put_class(u, 6);
	u->classes[u->n_classes - 1].drains = true;
	kernel[0].class[6] = (struct k_class){ .there = true, .parent = parent_of(6) };
	kernel[0].class[parent_of(6)].there = true;
	drain_start(&a->s->drain);
	assert_int_equal(drain_wait(&a->s->drain, hear, &a->ear), 0);
}

static void one_drain_after_the_other(void **state)
{
	struct site s;
	struct again a = { .s = &s };

	(void)state;
	site_small(&s, false);
	assert_int_equal(drain_wait(&s.drain, release_more, &a), 0);
	drain_start(&s.drain);
	while (!a.ear.told)
		assert_true(run_once(&s));
	assert_int_equal(a.ear.told, 1);
	assert_int_equal(a.ear.err, 0);
	assert_false(kernel[0].class[6].there);
	site_free(&s);
}

/* A start while a look is due does not put it off; without a start nothing is looked at. */
static void when_it_looks(void **state)
{
	uint64_t first, second, now;
	struct site s;

	(void)state;
	site_small(&s, false);
	kernel[0].class[5].waiting = 1000;
	assert_true(sd_event_run(s.event, 0) == 0);
	drain_start(&s.drain);
	assert_true(sd_event_source_get_time(s.drain.timer, &first) >= 0);
	nap_us(2000);
	if (sd_event_run(s.event, 0) == 0) { /* else the machine is so busy that it is due already */
		drain_start(&s.drain);
		assert_true(sd_event_source_get_time(s.drain.timer, &second) >= 0);
		assert_int_equal(first, second);
		assert_true(run_once(&s));
	}
	assert_int_equal(n_looks, 1);
	/* A look that took 7 ms is followed by a rest of 70. */
	look_takes_ns = 7 * NSEC_PER_MSEC;
	assert_true(run_once(&s));
	assert_true(sd_event_now(s.event, CLOCK_MONOTONIC, &now) >= 0);
	assert_true(sd_event_source_get_time(s.drain.timer, &second) >= 0);
	assert_in_range(second - now, 69000, 71000);
	site_free(&s);
}

/* The data path is stale then; the drain goes on until what there is was observed anew. */
static void what_fails(void **state)
{
	struct ear ear = { 0 };
	struct site s;

	(void)state;
	site_small(&s, false);
	assert_int_equal(drain_wait(&s.drain, hear, &ear), 0);
	drain_start(&s.drain);
	list_error = -ENODEV;
	assert_true(run_once(&s));
	assert_true(s.plane.stale);
	assert_int_equal(n_class_dels, 0);
	list_error = 0;
	s.plane.stale = false;
	commit_error = -ENOBUFS;
	assert_true(run_once(&s));
	assert_true(s.plane.stale);
	assert_int_equal(ear.told, 0);
	commit_error = 0;
	tree_free(&s.plane.have); /* as if all had been removed by others */
	assert_true(run_once(&s));
	assert_int_equal(ear.told, 1);
	site_free(&s);
}

/* What was asked for in the same look is not sent later, with other requests: it may not be so any more. */
static void what_fails_leaves_nothing_behind(void **state)
{
	(void)state;
	/* One of the two is looked at first, whichever it is. */
	for (uint32_t i = 0; i < 2; i++) {
		struct tree_uplink *two;
		struct site s;

		site_small(&s, true);
		two = reallocarray(s.plane.have.uplinks, 2, sizeof(*two));
		assert_non_null(two);
		s.plane.have.uplinks = two;
		s.plane.have.n_uplinks = 2;
		two[1] = (struct tree_uplink){ .name = "eth1", .ifb = IFB_FIRST + 1, .drains = true };
		boot(&s.plane.have, 0);
		list_error = -ENOBUFS;
		list_error_ifb = IFB_FIRST + i;
		drain_start(&s.drain);
		assert_true(run_once(&s));
		assert_true(s.plane.stale);
		assert_int_equal(n_batch, 0);
		assert_true(kernel[0].there && kernel[1].there);
		site_free(&s);
	}
}

/* Others removed its classes: the IFB still has to go. */
static void an_uplink_without_classes(void **state)
{
	struct ear ear = { 0 };
	struct site s;

	(void)state;
	site_small(&s, true);
	s.plane.have.uplinks[0].n_classes = 0;
	assert_int_equal(drain_wait(&s.drain, hear, &ear), 0);
	assert_int_equal(ear.told, 0);
	drain_start(&s.drain);
	assert_true(run_once(&s));
	assert_int_equal(ear.told, 1);
	assert_false(kernel[0].there);
	site_free(&s);
}

static int make_kernel(void **state)
{
	(void)state;
	kernel = calloc(N_IFBS, sizeof(*kernel));
	return kernel ? 0 : -1;
}

static int free_kernel(void **state)
{
	(void)state;
	free(kernel);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_goes_when_it_is_empty),
		cmocka_unit_test(a_network_goes_after_its_devices),
		cmocka_unit_test(a_whole_uplink_goes_as_a_link),
		cmocka_unit_test(who_still_waits_at_the_end_is_told),
		cmocka_unit_test(one_drain_after_the_other),
		cmocka_unit_test(when_it_looks),
		cmocka_unit_test(what_fails),
		cmocka_unit_test(what_fails_leaves_nothing_behind),
		cmocka_unit_test(an_uplink_without_classes),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, make_kernel, free_kernel);
}
