/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Cgroups that never say "frozen 1": files in a folder that look like those of v2 before 6.13, with a kernel thread
 * in the VM's cgroup.
 */
#include "kernel/cgroup/gate.h"

#include "base/cleanup.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
/* cmocka.h needs those above. */
#include <cmocka.h>

static char root[] = "/tmp/divvy-held-XXXXXX";
static struct gate gate;

static void put(const char *name, const char *text)
{
	_cleanup_close_ int fd = -1;
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", root, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void folder(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", root, name);
	assert_int_equal(mkdir(path, 0700), 0);
}

static int begin(void **state)
{
	struct place place = { .tree = CGROUP_V2 };
	char why[PLACE_WHY_SIZE] = "";

	(void)state;
	strcpy(strrchr(root, '-') + 1, "XXXXXX");
	assert_non_null(mkdtemp(root)); /* as v2's root it has no cgroup.freeze */
	folder("slice");
	folder("slice/machine");
	folder("slice/machine/vm");
	put("slice/cgroup.freeze", "0\n");
	put("slice/machine/cgroup.freeze", "0\n");
	put("slice/machine/vm/cgroup.freeze", "0\n");
	put("slice/machine/vm/cgroup.events", "populated 1\nfrozen 0\n");
	snprintf(place.dir, sizeof(place.dir), "%s/slice/machine/vm", root);
	if (gate_open(&gate, gate_of(GATE_FREEZE), &place, why) < 0)
		fail_msg("%s", why);
	return 0;
}

static int end(void **state)
{
	char command[64];

	(void)state;
	assert_int_equal(gate_close(&gate), 0);
	snprintf(command, sizeof(command), "rm -rf %s", root);
	return system(command);
}

static enum gate_state state_of_gate(void)
{
	enum gate_state s;

	assert_int_equal(gate_state(&gate, &s), 0);
	return s;
}

static void test_nobody_holds_it(void **state)
{
	(void)state;
	assert_int_equal(state_of_gate(), GATE_RUNNING);
	assert_false(gate_held_above(&gate));
	assert_int_equal(gate_pause(&gate), 0);
	assert_int_equal(state_of_gate(), GATE_PAUSING);
	assert_false(gate_held_above(&gate));
	assert_int_equal(gate_run(&gate), 0);
	assert_int_equal(state_of_gate(), GATE_RUNNING);
}

static void test_its_own_cgroup_is_held(void **state)
{
	(void)state;
	put("slice/machine/vm/cgroup.freeze", "1\n");
	assert_int_equal(state_of_gate(), GATE_HELD);
	assert_int_equal(gate_run(&gate), 0);
	assert_int_equal(state_of_gate(), GATE_RUNNING);
}

static void test_one_above_is_held(void **state)
{
	static const char *const above[] = { "slice/cgroup.freeze", "slice/machine/cgroup.freeze" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(above); i++) {
		put(above[i], "1\n");
		assert_true(gate_held_above(&gate));
		/* Also while divvy itself pauses the VM. */
		assert_int_equal(gate_pause(&gate), 0);
		assert_true(gate_held_above(&gate));
		assert_int_equal(gate_run(&gate), 0);
		put(above[i], "0\n");
		assert_false(gate_held_above(&gate));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nobody_holds_it, begin, end),
		cmocka_unit_test_setup_teardown(test_its_own_cgroup_is_held, begin, end),
		cmocka_unit_test_setup_teardown(test_one_above_is_held, begin, end),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("kernel/cgroup/gate held", tests, NULL, NULL);
}
