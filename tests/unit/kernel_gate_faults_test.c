/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Gates whose cgroup another program pauses or removes, and what a dead divvyd left paused. */

#include "gate_rig.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

static void a_vanished_cgroup_gives_an_errno(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		enum gate_state s;
		struct rig r;
		uint64_t ns;

		if (!available(&kinds[i]))
			continue;
		set_up(&r, &kinds[i], 1);
		assert_int_equal(gate_pause(&r.gate), 0);
		if (r.tree == CGROUP_V1_FREEZER) /* v1 does not let a frozen process die */
			assert_int_equal(gate_run(&r.gate), 0);
		end(r.pid);
		assert_int_equal(place_leave(&r.place), 0);
		assert_int_equal(gate_run(&r.gate), -ENODEV);
		assert_int_equal(gate_pause(&r.gate), -ENODEV);
		assert_int_equal(gate_state(&r.gate, &s), -ENODEV);
		if (r.cpu.source == CPUTIME_PROCESS)
			assert_int_equal(cputime_read(&r.cpu, &ns), -ESRCH);
		else
			assert_int_equal(cputime_read(&r.cpu, &ns), -ENODEV);
		tear_down(&r);
	}
}

static void an_ancestor_paused_by_another(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		char parent[CGROUP_PATH_SIZE], text[16], why[PLACE_WHY_SIZE] = "";
		bool v2 = kinds[i].tree == CGROUP_V2;
		struct rig r = { .ops = gate_of(kinds[i].gate), .tree = kinds[i].tree };
		pid_t other;

		if (kinds[i].gate != GATE_FREEZE || !available(&kinds[i]))
			continue;
		snprintf(parent, sizeof(parent), "%s/divvytest-%d", host.mount[r.tree], (int)getpid());
		assert_int_equal(mkdir(parent, 0755), 0);
		r.pid = start_busy(1);
		other = start_busy(1);
		snprintf(text, sizeof(text), "%d", (int)r.pid);
		assert_int_equal(cgroup_write(parent, "cgroup.procs", text), 0);
		snprintf(text, sizeof(text), "%d", (int)other);
		assert_int_equal(cgroup_write(parent, "cgroup.procs", text), 0);
		assert_int_equal(place_find(&host, r.tree, process_of(r.pid), "held", NULL, &r.place,
					    why),
				 0);
		assert_string_equal(r.place.home, parent);
		assert_int_equal(place_enter(&host, &r.place, NULL, why), 0);
		assert_int_equal(gate_open(&r.gate, r.ops, &r.place, why), 0);
		assert_int_equal(cputime_open(&r.cpu, &host, &r.place), 0);
		assert_int_equal(
			cgroup_write(parent, v2 ? "cgroup.freeze" : "freezer.state", v2 ? "1" : "FROZEN"), 0);
		assert_true(reaches(&r, GATE_HELD));
		assert_int_equal(gate_run(&r.gate), 0);
		assert_true(reaches(&r, GATE_HELD));
		assert_int_equal(
			cgroup_write(parent, v2 ? "cgroup.freeze" : "freezer.state", v2 ? "0" : "THAWED"), 0);
		assert_true(reaches(&r, GATE_RUNNING));
		tear_down(&r);
		end(other);
		assert_int_equal(rmdir(parent), 0);
	}
}

static void paused_by_another_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		bool v2 = kinds[i].tree == CGROUP_V2;
		char why[PLACE_WHY_SIZE] = "";
		struct gate second = { .control = 77 };
		struct rig r;

		if (kinds[i].gate != GATE_FREEZE || !available(&kinds[i]))
			continue;
		set_up(&r, &kinds[i], 1);
		assert_int_equal(cgroup_write(r.place.dir, v2 ? "cgroup.freeze" : "freezer.state",
					      v2 ? "1" : "FROZEN"),
				 0);
		assert_int_equal(gate_open(&second, r.ops, &r.place, why), -EBUSY);
		assert_non_null(strstr(why, "another program"));
		assert_int_equal(second.control, 77);
		tear_down(&r);
	}
}

static void after_a_crash_everything_runs(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct gate lost;
		struct rig r;
		char why[PLACE_WHY_SIZE];
		const char *below;

		if (!available(&kinds[i]))
			continue;
		set_up(&r, &kinds[i], 1);
		assert_int_equal(gate_pause(&r.gate), 0);
		lost = r.gate; /* as if divvyd had died: it is never closed */
		below = r.place.dir; /* elsewhere others may be at work */
		assert_int_equal(gate_recover_below(below), 1);
		assert_true(makes_progress(&r));
		assert_int_equal(gate_recover_below(below), 0);
		close(lost.control);
		close(lost.events);
		assert_int_equal(gate_open(&r.gate, r.ops, &r.place, why), 0);
		tear_down(&r);
	}
}

/* Whoever may make cgroups can make paths that are longer than divvy's. */
static void a_path_too_long_stops_no_recovery(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		char part[251], sub[2][1024], why[PLACE_WHY_SIZE];
		struct gate lost;
		struct rig r;

		if (!available(&kinds[i]))
			continue;
		set_up(&r, &kinds[i], 1);
		memset(part, 'x', sizeof(part) - 1);
		part[sizeof(part) - 1] = '\0';
		snprintf(sub[0], sizeof(sub[0]), "%s/%s", r.place.dir, part);
		snprintf(sub[1], sizeof(sub[1]), "%.511s/%s", sub[0], part);
		assert_int_equal(mkdir(sub[0], 0755), 0);
		assert_int_equal(mkdir(sub[1], 0755), 0);
		assert_int_equal(gate_pause(&r.gate), 0);
		lost = r.gate; /* as above */
		assert_int_equal(gate_recover_below(r.place.dir), 1);
		assert_true(makes_progress(&r));
		rmdir(sub[1]);
		rmdir(sub[0]);
		close(lost.control);
		close(lost.events);
		assert_int_equal(gate_open(&r.gate, r.ops, &r.place, why), 0);
		tear_down(&r);
	}
}

/* What another process holds is no leftover while it lives, and is one when it is dead, buried or not. */
static void a_living_owner_s_are_left_alone(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		_cleanup_free_ struct place *list = NULL;
		enum gate_state s;
		siginfo_t ended;
		char c, why[PLACE_WHY_SIZE];
		pid_t owner;
		int ready[2];
		size_t n;
		struct rig r;

		if (!available(&kinds[i]))
			continue;
		set_up(&r, &kinds[i], 1);
		gate_close(&r.gate);
		assert_int_equal(pipe(ready), 0);
		owner = fork();
		if (owner == 0) {
			struct gate theirs;

			prctl(PR_SET_PDEATHSIG, SIGKILL);
			if (place_enter(&host, &r.place, r.ops->controller, why) ||
			    gate_open(&theirs, r.ops, &r.place, why) || gate_pause(&theirs))
				_exit(1);
			(void)!write(ready[1], "r", 1);
			for (;;)
				pause();
		}
		close(ready[1]);
		assert_int_equal(read(ready[0], &c, 1), 1);
		close(ready[0]);
		assert_int_equal(gate_recover_below(r.place.dir), 0);
		assert_int_equal(place_list(&host, &list, &n), 0);
		for (size_t k = 0; k < n; k++)
			assert_string_not_equal(list[k].dir, r.place.dir);
		kill(owner, SIGKILL);
		assert_int_equal(waitid(P_PID, (id_t)owner, &ended, WEXITED | WNOWAIT), 0);
		assert_int_equal(gate_recover_below(r.place.dir), 1);
		waitpid(owner, NULL, 0);
		assert_int_equal(gate_open(&r.gate, r.ops, &r.place, why), 0);
		assert_int_equal(gate_state(&r.gate, &s), 0);
		assert_int_equal(s, GATE_RUNNING);
		tear_down(&r);
	}
}

/*
 * A thaw that fails (here a full device in the control file's place) keeps the gate, and the mark by which a later
 * start would find the VM; the next attempt lets it run.
 */
static void a_gate_that_cannot_be_closed_stays(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct rig r;
		char mark[128];
		int control;

		if (!available(&kinds[i]))
			continue;
		set_up(&r, &kinds[i], 1);
		assert_int_equal(gate_pause(&r.gate), 0);
		control = r.gate.control;
		r.gate.control = open("/dev/full", O_WRONLY | O_CLOEXEC);
		assert_true(r.gate.control >= 0);
		assert_int_equal(gate_run(&r.gate), -ENOSPC);
		assert_int_equal(gate_close(&r.gate), -ENOSPC);
		assert_true(r.gate.paused);
		assert_true(getxattr(r.place.dir, GATE_XATTR_UNDO, mark, sizeof(mark)) > 0);
		close(r.gate.control);
		r.gate.control = control;
		assert_int_equal(gate_close(&r.gate), 0);
		assert_true(makes_progress(&r));
		assert_true(getxattr(r.place.dir, GATE_XATTR_UNDO, mark, sizeof(mark)) < 0);
		assert_int_equal(gate_close(&r.gate), 0);
		tear_down(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_vanished_cgroup_gives_an_errno),
		cmocka_unit_test(an_ancestor_paused_by_another),
		cmocka_unit_test(paused_by_another_is_refused),
		cmocka_unit_test(after_a_crash_everything_runs),
		cmocka_unit_test(a_path_too_long_stops_no_recovery),
		cmocka_unit_test(a_living_owner_s_are_left_alone),
		cmocka_unit_test(a_gate_that_cannot_be_closed_stays),
	};

	need_cgroups();
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("kernel_gate_faults", tests, NULL, NULL);
}
