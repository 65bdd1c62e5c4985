/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Processes that set up a VM's tap: a child of this process, and a manager by its name. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "kernel/vmm/setup.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void managers(void **state)
{
	(void)state;
	assert_true(vmm_is_manager("libvirtd"));
	assert_true(vmm_is_manager("virtqemud"));
	assert_false(vmm_is_manager("qemu"));
	assert_false(vmm_is_manager("libvirt"));
	assert_false(vmm_is_manager(""));
}

static void no_process(void **state)
{
	(void)state;
	assert_false(vmm_script_runs("/proc", 0, 10));
	assert_false(vmm_script_runs("/proc", 1 << 30, 10));
	assert_false(vmm_script_runs("/nowhere", getpid(), 10));
}

static void child_of_a_thread(void)
{
	int end[2];
	char c;
	pid_t pid;

	assert_int_equal(pipe(end), 0);
	assert_false(vmm_script_runs("/proc", getpid(), 10));
	pid = fork();
	if (pid == 0) {
		close(end[1]);
		_exit(read(end[0], &c, 1) != 0);
	}
	assert_true(vmm_script_runs("/proc", getpid(), 10));
	usleep(1100000);
	assert_false(vmm_script_runs("/proc", getpid(), 1)); /* too old to be a script */
	close(end[1]);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	close(end[0]);
	assert_false(vmm_script_runs("/proc", getpid(), 10));
}

static void *in_thread(void *arg)
{
	child_of_a_thread();
	return arg;
}

static void script(void **state)
{
	pthread_t thread;

	(void)state;
	if (access("/proc/thread-self/children", R_OK) < 0) {
		print_message("# skipped: the kernel has no CONFIG_PROC_CHILDREN\n");
		skip();
	}
	child_of_a_thread();
	assert_int_equal(pthread_create(&thread, NULL, in_thread, NULL), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(managers), cmocka_unit_test(no_process),
					    cmocka_unit_test(script) };

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("kernel/vmm/setup", tests, NULL, NULL);
}
