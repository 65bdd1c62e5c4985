/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Plans that fail: no number is left, or no memory. */

#include "no_memory.h"
#include "plan_rig.h"

#include <errno.h>

static void untouched(const struct plan *p, const struct plan *before)
{
	assert_memory_equal(p, before, sizeof(*p));
}

static void no_number_is_left(void **state)
{
	struct tree_uplink up = { .name = "eth0", .n_classes = CLASSID_LAST - 1 };
	struct tree have = { .uplinks = &up, .n_uplinks = 1 };
	struct plan p, before;
	struct scene s;

	(void)state;
	up.classes = calloc(up.n_classes, sizeof(*up.classes));
	assert_non_null(up.classes);
	for (size_t i = 0; i < up.n_classes; i++)
		up.classes[i].htb.minor = (uint16_t)(CLASSID_ROOT + i);
	scene_make(&s);
	add_device(&s.model, 0, "web", SELECT_VM, "vm1"); /* one number is left: 0xfffd */
	s.in.have = &have;
	make(&s, &p);
	assert_int_equal(p.minors[1], CLASSID_LAST);
	add_device(&s.model, 0, "db", SELECT_VM, "vm2");
	before = p;
	assert_int_equal(plan_make(&s.model, &s.in, &p), -ENOSPC);
	untouched(&p, &before);
	plan_free(&p);
	scene_free(&s);
	free(up.classes);
}

/* Wherever memory runs out: the error, nothing leaked (LeakSanitizer), and what was there is untouched. */
static void no_memory_is_left(void **state)
{
	struct plan p, before, scratch;
	struct scene s;
	long n = 0;
	int err;

	(void)state;
	scene_make(&s);
	add_device(&s.model, 0, "web", SELECT_VM, "vm1");
	add_device(&s.model, add_network(&s.model, 0, "blue"), "db", SELECT_VM, "vm2");
	make(&s, &p);
	before = p;
	memset(&scratch, 'x', sizeof(scratch));
	do {
		scratch = p;
		allocations_left = n++;
		err = plan_make(&s.model, &s.in, &scratch);
		assert_int_equal(err, allocations_left < 0 ? -ENOMEM : 0);
		allocations_left = -1;
		if (err < 0)
			untouched(&scratch, &before);
	} while (err < 0);
	assert_true(n > 20);
	assert_same_plan(&scratch, &p);
	plan_free(&scratch);
	plan_free(&p);
	scene_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_number_is_left),
		cmocka_unit_test(no_memory_is_left),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
