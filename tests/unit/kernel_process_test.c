/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A process is its pid and its start time; its CPU clock goes by the pid alone. */
#include "kernel/proc/process.h"

#include "base/cleanup.h"
#include "kernel/cgroup/cputime.h"
#include "tests/unit/process_of.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <setjmp.h>

#include <cmocka.h>

static pid_t start(void)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void pid_and_start_time_are_one_process(void **state)
{
	pid_t pid = start();
	struct process p = *process_of(pid), other = p;
	int pidfd = -7, procdir = -7;

	(void)state;
	other.start_time++;
	assert_int_equal(process_check(PROCFS_ROOT, &p), 0);
	assert_int_equal(process_check(PROCFS_ROOT, &other), -ESRCH);
	assert_int_equal(process_open(&other, &pidfd, &procdir), -ESRCH);
	assert_int_equal(pidfd, -7);
	assert_int_equal(procdir, -7);
	assert_int_equal(process_open(&p, &pidfd, &procdir), 0);
	assert_true(process_lives(pidfd));
	end(pid);
	assert_false(process_lives(pidfd));
	assert_int_equal(process_check(PROCFS_ROOT, &p), -ESRCH);
	close(pidfd);
	close(procdir);
	for (pid_t none = -1; none <= 0; none++) {
		p.pid = none;
		assert_int_equal(process_check(PROCFS_ROOT, &p), -ESRCH);
		assert_int_equal(process_open(&p, &pidfd, &procdir), -ESRCH);
	}
}

static void the_clock_of_a_process_ends_with_it(void **state)
{
	pid_t pid = start();
	static const struct cgroup_host none; /* its hierarchies count no CPU time */
	struct place place = { .vm = *process_of(pid), .tree = CGROUP_V1_FREEZER };
	struct cputime c;
	uint64_t ns = 7;

	(void)state;
	place.vm.start_time++;
	assert_int_equal(cputime_open(&c, &none, &place), -ESRCH);
	place.vm.start_time--;
	assert_int_equal(cputime_open(&c, &none, &place), 0);
	assert_int_equal(c.source, CPUTIME_PROCESS);
	assert_int_equal(cputime_read(&c, &ns), 0);
	kill(pid, SIGKILL);
	/* Not waited for: the pid still has a clock. */
	assert_int_equal(waitid(P_PID, (id_t)pid, &(siginfo_t){ 0 }, WEXITED | WNOWAIT), 0);
	assert_int_equal(cputime_read(&c, &ns), -ESRCH);
	waitpid(pid, NULL, 0);
	assert_int_equal(cputime_read(&c, &ns), -ESRCH);
	cputime_close(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pid_and_start_time_are_one_process),
		cmocka_unit_test(the_clock_of_a_process_ends_with_it),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("kernel_process", tests, NULL, NULL);
}
