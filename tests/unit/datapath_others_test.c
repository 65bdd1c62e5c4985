/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Filters of others, and divvy's hooks, of vNICs that come and go. The build wraps filter_list_all(). */

#include "datapath/hooks.h"
#include "datapath/others.h"
#include "kernel/net/filter.h"
#include "plan_rig.h"

#include <errno.h>

#define IFINDEXES 12
#define FILTERS 4

static const struct host no_links;
static const struct others_source kernel = { .host = &no_links };

/* The kernel: what hangs on each vNIC's hooks. */
static struct filter filters[IFINDEXES][FILTERS];
static size_t n_filters[IFINDEXES], n_read[IFINDEXES];
static int read_error[IFINDEXES];

int __wrap_filter_list_all(struct rtnl *r, uint32_t ifindex, struct filter **f, size_t *n);
int __wrap_filter_list_all(struct rtnl *r, uint32_t ifindex, struct filter **f, size_t *n)
{
	assert_null(r);
	assert_in_range(ifindex, 1, IFINDEXES - 1);
	n_read[ifindex]++;
	if (read_error[ifindex])
		return read_error[ifindex];
	*f = malloc(sizeof(filters[ifindex]));
	assert_non_null(*f);
	memcpy(*f, filters[ifindex], sizeof(filters[ifindex]));
	*n = n_filters[ifindex];
	return 0;
}

static int set_up(void **state)
{
	(void)state;
	memset(filters, 0, sizeof(filters));
	memset(n_filters, 0, sizeof(n_filters));
	memset(n_read, 0, sizeof(n_read));
	memset(read_error, 0, sizeof(read_error));
	return 0;
}

static void hang(uint32_t ifindex, const char *kind, uint16_t pref, bool ours)
{
	struct filter *f = &filters[ifindex][n_filters[ifindex]++];

	*f = (struct filter){ .ifindex = ifindex, .pref = pref, .ours = ours };
	snprintf(f->kind, sizeof(f->kind), "%s", kind);
}

/* --- filters of others -------------------------------------------------------------------------- */

static void names_those_of_others(void **state)
{
	const struct others_vnic *v;
	struct others o = { 0 };

	(void)state;
	assert_null(others_of(&o, 3));
	hang(3, "bpf", 10, false);
	hang(3, "bpf", FILTER_PREF, true);
	hang(3, "matchall", 49152, false);
	hang(3, "bpf", 10, false); /* an `ingress` qdisc shows it at both hooks */
	assert_int_equal(others_read(&o, &kernel, 3), 0);
	v = others_of(&o, 3);
	assert_non_null(v);
	assert_int_equal(v->n, 2);
	assert_string_equal(v->text[0], "filter bpf pref 10");
	assert_string_equal(v->text[1], "filter matchall pref 49152");
	assert_int_equal(v->place[0], OTHER_BEFORE); /* as the kernel dumps them, not by preference */
	assert_int_equal(v->place[1], OTHER_BEHIND);
	assert_string_equal(others_before(v), "filter bpf pref 10");
	/* They went, and others came. */
	n_filters[3] = 0;
	hang(3, "flower", 1, false);
	assert_int_equal(others_read(&o, &kernel, 3), 0);
	v = others_of(&o, 3);
	assert_int_equal(v->n, 1);
	assert_string_equal(v->text[0], "filter flower pref 1");
	assert_int_equal(v->place[0], OTHER_BEFORE);
	filters[3][0].egress = true;
	assert_int_equal(others_read(&o, &kernel, 3), 0);
	assert_int_equal(others_of(&o, 3)->place[0], OTHER_ELSEWHERE);
	assert_string_equal(others_before(others_of(&o, 3)), "");
	n_filters[3] = 0;
	assert_int_equal(others_read(&o, &kernel, 3), 0);
	assert_int_equal(others_of(&o, 3)->n, 0);
	assert_int_equal(o.n, 1);
	others_free(&o);
	assert_null(others_of(&o, 3));
}

static void what_was_known_outlives_a_failure(void **state)
{
	struct others o = { 0 };

	(void)state;
	hang(3, "bpf", 10, false);
	assert_int_equal(others_read(&o, &kernel, 3), 0);
	read_error[3] = read_error[4] = -ENODEV;
	assert_int_equal(others_read(&o, &kernel, 3), -ENODEV);
	assert_int_equal(others_of(&o, 3)->n, 1);
	assert_int_equal(others_read(&o, &kernel, 4), -ENODEV);
	assert_null(others_of(&o, 4));
	others_free(&o);
}

/* Events make what is known doubtful until it is read again. */
static void events_are_followed(void **state)
{
	struct others o = { 0 };

	(void)state;
	assert_false(others_touched(&o, 3));
	assert_false(others_has_none(&o, 3)); /* nothing is known */
	hang(3, "bpf", FILTER_PREF, true);
	hang(4, "bpf", 10, false);
	assert_int_equal(others_read(&o, &kernel, 3), 0);
	assert_int_equal(others_read(&o, &kernel, 4), 0);
	assert_true(others_has_none(&o, 3));
	assert_false(others_has_none(&o, 4));
	assert_true(others_touched(&o, 3));
	assert_false(others_has_none(&o, 3));
	memset(n_read, 0, sizeof(n_read));
	read_error[3] = -ENODEV;
	others_read_touched(&o, &kernel);
	assert_false(others_has_none(&o, 3)); /* still */
	read_error[3] = 0;
	others_read_touched(&o, &kernel);
	assert_true(others_has_none(&o, 3));
	hang(3, "flower", 10, false);
	filters[3][1].egress = true; /* it would go with divvy's qdisc, too */
	assert_true(others_touched(&o, 3));
	others_read_touched(&o, &kernel);
	assert_false(others_has_none(&o, 3));
	others_read_touched(&o, &kernel);
	assert_int_equal(n_read[3], 3);
	assert_int_equal(n_read[4], 0);
	others_free(&o);
}

/* Random trees, one after the other: an entry for each vNIC, and as few dumps as that takes. */
static void follows_the_tree(void **state)
{
	bool known[IFINDEXES] = { false };
	struct others o = { 0 };

	(void)state;
	for (int step = 0; step < 2000; step++) {
		struct tree_vnic vnics[IFINDEXES];
		struct tree have = { .vnics = vnics };
		bool all = one_in(4), there[IFINDEXES] = { false };
		int want = 0;

		memset(n_read, 0, sizeof(n_read));
		for (uint32_t i = 1; i < IFINDEXES; i++) {
			read_error[i] = one_in(20) ? -(int)i : 0;
			n_filters[i] = 0;
			hang(i, "bpf", (uint16_t)step, false);
			there[i] = one_in(2);
			if (there[i])
				vnics[have.n_vnics++] = (struct tree_vnic){ .ifindex = i };
			if (there[i] && (all || !known[i]) && want == 0)
				want = read_error[i];
		}
		assert_int_equal(others_follow(&o, &kernel, &have, all), want);
		for (uint32_t i = 1; i < IFINDEXES; i++) {
			assert_int_equal(n_read[i], there[i] && (all || !known[i]));
			known[i] = there[i] && (known[i] || !read_error[i]);
			assert_int_equal(others_of(&o, i) != NULL, known[i]);
			if (n_read[i] && !read_error[i])
				assert_int_equal(strtol(others_of(&o, i)->text[0] + strlen("filter bpf pref"),
							NULL, 10),
						 step);
		}
	}
	others_free(&o);
}

/* --- hooks -------------------------------------------------------------------------------------- */

/* Against a table. What is known already stays as it is. */
static void hooks_come_and_go(void **state)
{
	bool there[IFINDEXES] = { false }, ours[IFINDEXES];
	struct hooks h = { 0 };

	(void)state;
	for (int step = 0; step < 2000; step++) {
		uint32_t i = rnd_below(IFINDEXES);
		char name[IFNAMSIZ];

		snprintf(name, sizeof(name), "tap%u", i);
		if (one_in(2)) {
			bool mine = one_in(2);

			assert_int_equal(hooks_add(&h, i, there[i] ? "other" : name, mine, !mine), 0);
			ours[i] = there[i] ? ours[i] : mine;
			there[i] = true;
		} else {
			hooks_drop(&h, i);
			there[i] = false;
		}
		for (i = 0; i < IFINDEXES; i++) {
			const struct hook *hook = hooks_find(&h, i);

			assert_int_equal(hook != NULL, there[i]);
			if (!hook)
				continue;
			snprintf(name, sizeof(name), "tap%u", i);
			assert_string_equal(hook->name, name);
			assert_int_equal(hook->ours, ours[i]);
			assert_int_equal(hook->clsact, !ours[i]);
		}
	}
	hooks_free(&h);
	assert_null(hooks_find(&h, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(names_those_of_others, set_up),
		cmocka_unit_test_setup(what_was_known_outlives_a_failure, set_up),
		cmocka_unit_test_setup(events_are_followed, set_up),
		cmocka_unit_test_setup(follows_the_tree, set_up),
		cmocka_unit_test_setup(hooks_come_and_go, set_up),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
