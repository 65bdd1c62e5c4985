/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The order of a tree's uplinks and vNICs, and what is looked up by it. */

#include "plan_rig.h"

#define TRIALS 4000

#define N_NAMES 9
static const char *const uplink_names[N_NAMES] = { "eth0",  "eth1", "eth", "e",
						   "eth10", "eth2", "zz",  "a-name-of-15-ch",
						   "ETH0" };

/* Up to N_NAMES uplinks and 40 vNICs, in any order. Each uplink's ifb tells which one it is. */
static void random_tree(struct tree *t)
{
	const char *names[N_NAMES];
	uint32_t ifindex[40];

	memcpy(names, uplink_names, sizeof(names));
	shuffle(names, N_NAMES, sizeof(*names));
	*t = (struct tree){ .uplinks = calloc(N_NAMES, sizeof(*t->uplinks)),
			    .vnics = calloc(ARRAY_SIZE(ifindex), sizeof(*t->vnics)) };
	assert_true(t->uplinks && t->vnics);
	t->n_uplinks = rnd_below(N_NAMES + 1);
	for (size_t i = 0; i < t->n_uplinks; i++) {
		strcpy(t->uplinks[i].name, names[i]);
		t->uplinks[i].ifb = 1000 + (uint32_t)names[i][0] * 100 + (uint32_t)strlen(names[i]);
	}
	for (uint32_t i = 0; i < ARRAY_SIZE(ifindex); i++)
		ifindex[i] = 2 * i + 1;
	shuffle(ifindex, ARRAY_SIZE(ifindex), sizeof(*ifindex));
	t->n_vnics = t->n_uplinks ? rnd_below(ARRAY_SIZE(ifindex) + 1) : 0;
	for (size_t i = 0; i < t->n_vnics; i++)
		t->vnics[i] = (struct tree_vnic){ .ifindex = ifindex[i],
						  .uplink = rnd_below((uint32_t)t->n_uplinks) };
	for (size_t i = 0; i < t->n_vnics; i++) /* to be known again after the sort */
		t->vnics[i].sndbuf = t->uplinks[t->vnics[i].uplink].ifb;
}

static void sorts_and_finds(void **state)
{
	char long_name[MODEL_NAME_SIZE] = "";

	(void)state;
	memset(long_name, 'e', sizeof(long_name) - 1);
	for (int trial = 0; trial < TRIALS; trial++) {
		size_t found = 0;
		struct tree t;

		random_tree(&t);
		assert_int_equal(tree_sort(&t), 0);
		for (size_t i = 0; i < t.n_uplinks; i++)
			assert_int_equal(t.uplinks[i].ifb, 1000 + (uint32_t)t.uplinks[i].name[0] * 100 +
								   strlen(t.uplinks[i].name));
		for (size_t i = 1; i < t.n_uplinks; i++)
			assert_true(strcmp(t.uplinks[i - 1].name, t.uplinks[i].name) < 0);
		for (size_t i = 0; i < t.n_vnics; i++) {
			assert_true(i == 0 || t.vnics[i - 1].ifindex < t.vnics[i].ifindex);
			assert_int_equal(t.uplinks[t.vnics[i].uplink].ifb, t.vnics[i].sndbuf);
		}
		for (uint32_t ifindex = 0; ifindex < 90; ifindex++) {
			const struct tree_vnic *v = tree_vnic(&t, ifindex, DIRECTION_TX);

			assert_true(!v || v->ifindex == ifindex);
			found += v != NULL;
		}
		assert_int_equal(found, t.n_vnics);
		assert_null(tree_uplink(&t, "", DIRECTION_TX));
		assert_null(tree_uplink(&t, "a-name-of-15-chars", DIRECTION_TX));
		assert_null(tree_uplink(&t, long_name, DIRECTION_TX));
		tree_free(&t);
	}
}

static void matches_uplinks_by_name(void **state)
{
	(void)state;
	for (int trial = 0; trial < TRIALS; trial++) {
		struct tree from, to;
		uint32_t *at;

		random_tree(&from);
		random_tree(&to);
		assert_int_equal(tree_sort(&to), 0);
		at = tree_match(&from, &to);
		assert_non_null(at);
		for (size_t i = 0; i < from.n_uplinks; i++) {
			uint32_t want = NODE_NONE;

			for (uint32_t k = 0; k < to.n_uplinks; k++)
				if (strcmp(from.uplinks[i].name, to.uplinks[k].name) == 0)
					want = k;
			assert_int_equal(at[i], want);
		}
		free(at);
		tree_free(&from);
		tree_free(&to);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sorts_and_finds),
		cmocka_unit_test(matches_uplinks_by_name),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
