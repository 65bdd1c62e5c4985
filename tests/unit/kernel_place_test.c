/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VMs enter and leave real cgroups of this machine, in each hierarchy that it has. Needs root. */
#include "kernel/cgroup/place.h"

#include "base/cleanup.h"
#include "tests/clock.h"
#include "tests/unit/process_of.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <setjmp.h>

#include <cmocka.h>

static struct cgroup_host host;

static void *wait_for_ever(void *arg)
{
	for (;;)
		pause();
	return arg;
}

/* A process with four threads and one child. */
static pid_t start_vm(void)
{
	int ready[2];
	pid_t pid;
	char c;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		pid_t vm = getpid();

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (fork() == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			if (getppid() != vm) /* it ended before that */
				_exit(0);
			wait_for_ever(NULL);
		}
		for (int i = 0; i < 3; i++) {
			pthread_t t;

			pthread_create(&t, NULL, wait_for_ever, NULL);
		}
		(void)!write(ready[1], "r", 1);
		wait_for_ever(NULL);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	return pid;
}

static void end_vm(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static enum cgroup_tree next_tree(int from)
{
	while (from < CGROUP_TREES && (!*host.mount[from] || from == CGROUP_V1_CPUACCT))
		from++;
	return (enum cgroup_tree)from;
}

/* NOLINTNEXTLINE(bugprone-macro-parentheses): a name that is declared takes none */
#define FOR_EACH_TREE(t) for (enum cgroup_tree t = next_tree(0); t < CGROUP_TREES; t = next_tree((int)t + 1))

static size_t processes_in(const char *dir)
{
	_cleanup_free_ pid_t *pids = NULL;
	size_t n = 0;

	assert_int_equal(cgroup_processes(dir, &pids, &n), 0);
	return n;
}

/* Retries as a daemon does: a child that was killed takes a moment to be gone. */
static int leave(struct place *p)
{
	int r = place_leave(p);

	for (int i = 0; i < 500 && r == -EBUSY; i++) {
		nap_us(2000);
		r = place_leave(p);
	}
	return r;
}

static void enters_and_leaves(void **state)
{
	char why[PLACE_WHY_SIZE] = "", dir[CGROUP_PATH_SIZE];

	(void)state;
	FOR_EACH_TREE(t)
	{
		pid_t pid = start_vm();
		struct place p, again;
		struct stat st;
		mode_t mask;

		assert_int_equal(place_find(&host, t, process_of(pid), "enter_test", NULL, &p, why), 0);
		assert_false(p.made);
		if (!*p.home) { /* the test itself runs in a cgroup of one VM? */
			end_vm(pid);
			continue;
		}
		assert_int_not_equal(access(p.dir, F_OK), 0); /* finding changes nothing */
		mask = umask(0077); /* divvyd's unit has it; a VM's cgroup is open to readers all the same */
		assert_int_equal(place_enter(&host, &p, NULL, why), 0);
		umask(mask);
		assert_true(p.made);
		assert_int_equal(stat(p.dir, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0755);
		assert_int_equal(cgroup_of(&host, t, pid, dir), 0);
		assert_string_equal(dir, p.dir);
		/* not at the root: whose children are whose there is not looked at */
		if (strcmp(p.home, host.mount[t]))
			assert_int_equal(processes_in(p.dir), 2);
		assert_int_equal(place_enter(&host, &p, NULL, why), 0);
		/* a restart finds it again, and the way home */
		assert_int_equal(place_find(&host, t, process_of(pid), "other_name", NULL, &again, why), 0);
		assert_true(again.made);
		assert_string_equal(again.dir, p.dir);
		assert_string_equal(again.home, p.home);
		assert_int_equal(leave(&again), 0);
		assert_int_not_equal(access(p.dir, F_OK), 0);
		assert_int_equal(cgroup_of(&host, t, pid, dir), 0);
		assert_string_equal(dir, p.home);
		assert_int_equal(leave(&p), 0);
		end_vm(pid);
	}
}

/* As two divvyds of one host do: both look before either moves its VM. */
static void two_vms_of_one_name_share_no_cgroup(void **state)
{
	char why[PLACE_WHY_SIZE] = "", dir[CGROUP_PATH_SIZE];

	(void)state;
	FOR_EACH_TREE(t)
	{
		pid_t pid[2] = { start_vm(), start_vm() };
		struct place p[2];

		for (int i = 0; i < 2; i++)
			assert_int_equal(place_find(&host, t, process_of(pid[i]), "namesake", NULL, &p[i], why), 0);
		for (int i = 0; i < 2; i++)
			assert_int_equal(place_enter(&host, &p[i], NULL, why), 0);
		assert_string_not_equal(p[0].dir, p[1].dir);
		assert_int_equal(leave(&p[0]), 0);
		assert_int_equal(cgroup_of(&host, t, pid[1], dir), 0);
		assert_string_equal(dir, p[1].dir);
		assert_int_equal(leave(&p[1]), 0);
		assert_int_not_equal(access(p[1].dir, F_OK), 0);
		for (int i = 0; i < 2; i++)
			end_vm(pid[i]);
	}
}

static void children_come_along(void **state)
{
	char why[PLACE_WHY_SIZE] = "", home[CGROUP_PATH_SIZE], text[16];

	(void)state;
	FOR_EACH_TREE(t)
	{
		pid_t other = start_vm(), pid = start_vm();
		_cleanup_free_ pid_t *pids = NULL;
		struct place p;
		size_t n;

		snprintf(home, sizeof(home), "%s/divvytest-%d", host.mount[t], (int)getpid());
		assert_int_equal(mkdir(home, 0755), 0);
		assert_int_equal(cgroup_processes(host.mount[t], &pids, &n), 0);
		for (size_t i = 0; i < n; i++) { /* both VMs and their children */
			char path[64], stat[512] = "", *s;
			int fd, ppid = 0;

			snprintf(path, sizeof(path), "/proc/%d/stat", (int)pids[i]);
			fd = open(path, O_RDONLY | O_CLOEXEC);
			if (fd < 0)
				continue;
			(void)!read(fd, stat, sizeof(stat) - 1);
			close(fd);
			s = strrchr(stat, ')');
			if (!s || sscanf(s, ") %*c %d", &ppid) != 1)
				continue;
			if (pids[i] != pid && pids[i] != other && ppid != pid && ppid != other)
				continue;
			snprintf(text, sizeof(text), "%d", (int)pids[i]);
			assert_int_equal(cgroup_write(home, "cgroup.procs", text), 0);
		}
		assert_int_equal(processes_in(home), 4);
		assert_int_equal(place_find(&host, t, process_of(pid), "children", NULL, &p, why), 0);
		assert_string_equal(p.home, home);
		assert_int_equal(place_enter(&host, &p, NULL, why), 0);
		assert_int_equal(processes_in(p.dir), 2);
		assert_int_equal(processes_in(home), 4); /* with those below */
		assert_int_equal(leave(&p), 0);
		assert_int_equal(processes_in(home), 4);
		/* alone with its child it needs no other place */
		end_vm(other);
		for (int i = 0; i < 500 && processes_in(home) > 2; i++)
			nap_us(2000);
		assert_int_equal(place_find(&host, t, process_of(pid), "children", NULL, &p, why), 0);
		assert_string_equal(p.dir, home);
		assert_string_equal(p.home, "");
		assert_int_equal(place_leave(&p), 0);
		end_vm(pid);
		for (int i = 0; i < 500 && rmdir(home) < 0 && errno == EBUSY; i++)
			nap_us(2000);
		assert_int_not_equal(access(home, F_OK), 0);
	}
}

static void leaves_though_vm_or_home_are_gone(void **state)
{
	char why[PLACE_WHY_SIZE] = "", dir[CGROUP_PATH_SIZE];

	(void)state;
	FOR_EACH_TREE(t)
	{
		pid_t pid = start_vm();
		struct place p;

		assert_int_equal(place_find(&host, t, process_of(pid), "gone", NULL, &p, why), 0);
		assert_int_equal(place_enter(&host, &p, NULL, why), 0);
		end_vm(pid);
		assert_int_equal(leave(&p), 0);
		assert_int_not_equal(access(p.dir, F_OK), 0);

		pid = start_vm();
		assert_int_equal(place_find(&host, t, process_of(pid), "gone", NULL, &p, why), 0);
		assert_int_equal(place_enter(&host, &p, NULL, why), 0);
		strcat(p.home, "/divvytest-gone/below");
		assert_int_equal(leave(&p), 0);
		p.home[strlen(p.home) - strlen("/divvytest-gone/below")] = '\0';
		assert_int_equal(cgroup_of(&host, t, pid, dir), 0);
		assert_string_equal(dir, p.home);
		end_vm(pid);
	}
}

static void a_vm_that_died_cannot_enter(void **state)
{
	char why[PLACE_WHY_SIZE] = "";
	pid_t pid = start_vm();
	struct place p;

	(void)state;
	assert_int_equal(place_find(&host, next_tree(0), process_of(pid), "dead", NULL, &p, why), 0);
	end_vm(pid);
	assert_int_equal(place_enter(&host, &p, NULL, why), -ESRCH);
	assert_int_not_equal(access(p.dir, F_OK), 0); /* nothing left behind */
	assert_int_equal(place_find(&host, next_tree(0), process_of(pid), "dead", NULL, &p, why), -ESRCH);
}

/* The VM has ended, and another process has its pid: it is neither found a place nor moved. */
static void a_pid_that_is_another_s_is_left_alone(void **state)
{
	char why[PLACE_WHY_SIZE] = "", before[CGROUP_PATH_SIZE], after[CGROUP_PATH_SIZE];

	(void)state;
	FOR_EACH_TREE(t)
	{
		pid_t stranger = start_vm();
		struct process vm = *process_of(stranger);
		struct place p = { .vm.pid = -7 };

		vm.start_time--;
		assert_int_equal(cgroup_of(&host, t, stranger, before), 0);
		assert_int_equal(place_find(&host, t, &vm, "reused", NULL, &p, why), -ESRCH);
		assert_int_equal(p.vm.pid, -7);
		assert_int_equal(place_find(&host, t, process_of(stranger), "reused", NULL, &p, why), 0);
		p.vm = vm; /* the pid has changed hands since */
		if (*p.home) {
			assert_int_equal(place_enter(&host, &p, NULL, why), -ESRCH);
			assert_int_not_equal(access(p.dir, F_OK), 0);
		}
		assert_int_equal(cgroup_of(&host, t, stranger, after), 0);
		assert_string_equal(before, after);
		end_vm(stranger);
	}
}

/* In a pid namespace of its own: 0 if leaving moved neither the VM nor the process that leaves. */
static int leave_from_namespace(struct place *p)
{
	char before[CGROUP_PATH_SIZE], after[CGROUP_PATH_SIZE];
	int status = 1;
	pid_t child;

	if (unshare(CLONE_NEWPID) < 0)
		return 1;
	child = fork();
	if (child == 0) {
		/* As /proc, which is that of the namespace outside, calls this process. */
		pid_t self = (pid_t)atoi(realpath("/proc/self", NULL) + strlen("/proc/"));
		bool looked = cgroup_of(&host, p->tree, self, before) == 0;
		int r = place_leave(p);

		looked = looked && cgroup_of(&host, p->tree, self, after) == 0;
		_exit(looked && r == -EBUSY && !strcmp(before, after) ? 0 : 2);
	}
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 3;
}

/* The kernel lists a process of another pid namespace as 0, and a 0 that is written stands for the writer. */
static void nobody_is_moved_for_a_process_elsewhere(void **state)
{
	char why[PLACE_WHY_SIZE] = "", dir[CGROUP_PATH_SIZE];

	(void)state;
	FOR_EACH_TREE(t)
	{
		pid_t vm = start_vm(), child;
		struct place p;
		int status = 1;

		assert_int_equal(place_find(&host, t, process_of(vm), "elsewhere", NULL, &p, why), 0);
		assert_int_equal(place_enter(&host, &p, NULL, why), 0);
		/* A home in which this process is not: a move would show. */
		snprintf(p.home, sizeof(p.home), "%s/divvytest-home-%d", host.mount[t], (int)getpid());
		assert_int_equal(mkdir(p.home, 0755), 0);
		child = fork();
		if (child == 0)
			_exit(leave_from_namespace(&p));
		waitpid(child, &status, 0);
		assert_int_equal(status, 0);
		assert_int_equal(cgroup_of(&host, t, vm, dir), 0);
		assert_string_equal(dir, p.dir);
		assert_int_equal(leave(&p), 0);
		end_vm(vm);
		for (int i = 0; i < 500 && rmdir(p.home) < 0; i++)
			nap_us(2000);
	}
}

static void what_was_made_is_listed(void **state)
{
	char why[PLACE_WHY_SIZE] = "";
	pid_t pid = start_vm();
	_cleanup_free_ struct place *list = NULL;
	struct place p;
	size_t n, found = 0;

	(void)state;
	assert_int_equal(place_find(&host, next_tree(0), process_of(pid), "listed", NULL, &p, why), 0);
	assert_int_equal(place_enter(&host, &p, NULL, why), 0);
	assert_int_equal(place_list(&host, &list, &n), 0);
	for (size_t i = 0; i < n; i++)
		if (!strcmp(list[i].dir, p.dir)) {
			found++;
			assert_string_equal(list[i].home, p.home);
			assert_int_equal(leave(&list[i]), 0);
		}
	assert_int_equal(found, 1);
	assert_int_not_equal(access(p.dir, F_OK), 0);
	end_vm(pid);
}

static void our_own_cgroup_is_never_a_place(void **state)
{
	char why[PLACE_WHY_SIZE] = "";
	struct place p;

	(void)state;
	assert_int_equal(place_find(&host, next_tree(0), process_of(getpid()), "me", NULL, &p, why),
			 -EDEADLK);
	assert_int_equal(place_find(&host, next_tree(0), process_of(getppid()), "shell", NULL, &p, why),
			 -EDEADLK);
	assert_int_equal(place_find(&host, next_tree(0), process_of(1), "init", NULL, &p, why), -EDEADLK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(enters_and_leaves),
		cmocka_unit_test(two_vms_of_one_name_share_no_cgroup),
		cmocka_unit_test(children_come_along),
		cmocka_unit_test(leaves_though_vm_or_home_are_gone),
		cmocka_unit_test(a_vm_that_died_cannot_enter),
		cmocka_unit_test(a_pid_that_is_another_s_is_left_alone),
		cmocka_unit_test(nobody_is_moved_for_a_process_elsewhere),
		cmocka_unit_test(what_was_made_is_listed),
		cmocka_unit_test(our_own_cgroup_is_never_a_place),
	};

	if (geteuid() != 0 || cgroup_probe("", &host) < 0) {
		printf("1..0 # SKIP needs root and a cgroup hierarchy\n");
		return 0;
	}
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("kernel_place", tests, NULL, NULL);
}
