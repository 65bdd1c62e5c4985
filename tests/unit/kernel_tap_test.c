/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Backpressure on real taps: another process holds them, in a network namespace of the test's own. Also
 * vmm_scan() over this machine's processes, and what it costs with a thousand of them.
 */
#include "kernel/vmm/tap.h"
#include "kernel/vmm/vmm.h"

#include "base/cleanup.h"
#include "tests/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <setjmp.h>

#include <cmocka.h>

#define PROC "/proc"

static int open_queue(const char *name, short flags)
{
	struct ifreq ifr = { .ifr_flags = (short)(IFF_TAP | IFF_NO_PI | flags) };
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);

	strncpy(ifr.ifr_name, name, IFNAMSIZ - 1);
	return fd >= 0 && ioctl(fd, TUNSETIFF, &ifr) == 0 ? fd : -1;
}

/* A process that holds a tap until it is killed or its pipe closes. */
struct holder {
	struct tap_ref ref;
	int ctl; /* our end: a byte makes it open one queue more */
	int ack;
};

static void holder_main(const char *name, int queues, bool other_netns, int ctl, int ack)
{
	short flags = queues > 1 ? IFF_MULTI_QUEUE : 0;
	char c = 'y';

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (other_netns && unshare(CLONE_NEWNET))
		_exit(1);
	for (int i = 0; i < queues; i++)
		if (open_queue(name, flags) < 0)
			_exit(2);
	do {
		if (write(ack, &c, 1) != 1)
			_exit(3);
		if (read(ctl, &c, 1) != 1)
			_exit(0);
	} while (open_queue(name, flags) >= 0);
	_exit(4);
}

static struct holder hold(const char *name, int queues, bool other_netns)
{
	struct holder h = { 0 };
	int ctl[2], ack[2];
	char c;

	assert_int_equal(pipe2(ctl, O_CLOEXEC), 0);
	assert_int_equal(pipe2(ack, O_CLOEXEC), 0);
	h.ref.pid = fork();
	assert_true(h.ref.pid >= 0);
	if (h.ref.pid == 0) {
		close(ctl[1]);
		close(ack[0]);
		holder_main(name, queues, other_netns, ctl[0], ack[1]);
	}
	close(ctl[0]);
	close(ack[1]);
	h.ctl = ctl[1];
	h.ack = ack[0];
	assert_int_equal(read(h.ack, &c, 1), 1);
	assert_int_equal(vmm_start_time(PROC, h.ref.pid, &h.ref.start_time), 0);
	strncpy(h.ref.name, name, IFNAMSIZ - 1);
	return h;
}

static void one_more_queue(struct holder *h)
{
	char c = 'q';

	assert_int_equal(write(h->ctl, &c, 1), 1);
	assert_int_equal(read(h->ack, &c, 1), 1);
}

static void drop(struct holder *h)
{
	close(h->ctl);
	close(h->ack);
	kill(h->ref.pid, SIGKILL);
	assert_int_equal(waitpid(h->ref.pid, NULL, 0), h->ref.pid);
}

static size_t open_descriptors(void)
{
	size_t n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void sets_reads_back_and_restores(void **state)
{
	static const int queues[] = { 1, 4 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(queues); i++) {
		struct holder h = hold("dvt0", queues[i], false);
		size_t before_fds = open_descriptors();
		int before = 0, now = 0;

		assert_int_equal(tap_get_sndbuf(&h.ref, &now), 0);
		assert_int_equal(now, TAP_SNDBUF_UNLIMITED);
		assert_int_equal(tap_set_sndbuf(&h.ref, 250000, &before), 0);
		assert_int_equal(before, TAP_SNDBUF_UNLIMITED);
		assert_int_equal(tap_get_sndbuf(&h.ref, &now), 0);
		assert_int_equal(now, 250000);
		assert_int_equal(tap_set_sndbuf(&h.ref, before, NULL), 0);
		assert_int_equal(tap_get_sndbuf(&h.ref, &now), 0);
		assert_int_equal(now, TAP_SNDBUF_UNLIMITED);
		assert_int_equal(open_descriptors(), before_fds); /* nothing borrowed is kept */
		drop(&h);
	}
}

static void refuses_what_is_no_size(void **state)
{
	struct holder h = hold("dvt0", 1, false);
	int before = 7;

	(void)state;
	assert_int_equal(tap_set_sndbuf(&h.ref, 0, &before), -EINVAL);
	assert_int_equal(tap_set_sndbuf(&h.ref, -1, &before), -EINVAL);
	assert_int_equal(before, 7);
	drop(&h);
}

static void a_later_queue_shows(void **state)
{
	struct holder h = hold("dvt0", 2, false);
	int now = 0;

	(void)state;
	assert_int_equal(tap_set_sndbuf(&h.ref, 100000, NULL), 0);
	one_more_queue(&h);
	assert_int_equal(tap_get_sndbuf(&h.ref, &now), 0);
	assert_int_equal(now, TAP_SNDBUF_UNLIMITED);
	assert_int_equal(tap_set_sndbuf(&h.ref, 100000, &now), 0);
	assert_int_equal(now, TAP_SNDBUF_UNLIMITED);
	assert_int_equal(tap_get_sndbuf(&h.ref, &now), 0);
	assert_int_equal(now, 100000);
	drop(&h);
}

static void other_taps_are_left_alone(void **state)
{
	struct holder a = hold("dvt0", 1, false), b = hold("dvt1", 1, false);
	struct tap_ref wrong = a.ref;
	int now = 0;

	(void)state;
	assert_int_equal(tap_set_sndbuf(&a.ref, 90000, NULL), 0);
	assert_int_equal(tap_get_sndbuf(&b.ref, &now), 0);
	assert_int_equal(now, TAP_SNDBUF_UNLIMITED);
	strcpy(wrong.name, "dvt1");
	assert_int_equal(tap_set_sndbuf(&wrong, 90000, NULL), -ENODEV);
	drop(&a);
	drop(&b);
}

static void the_same_name_elsewhere_is_another_tap(void **state)
{
	struct holder here = hold("dvt0", 1, false), there = hold("dvt0", 1, true);
	_cleanup_free_ struct vmm_nic *nics = NULL;
	size_t n;
	int now = 3;

	(void)state;
	assert_int_equal(tap_set_sndbuf(&there.ref, 80000, &now), -ENODEV);
	assert_int_equal(tap_get_sndbuf(&there.ref, &now), -ENODEV);
	assert_int_equal(now, 3);
	assert_int_equal(tap_set_sndbuf(&here.ref, 80000, NULL), 0);
	assert_int_equal(vmm_scan_pid(PROC, there.ref.pid, &nics, &n), 0);
	assert_int_equal(n, 0);
	drop(&here);
	drop(&there);
}

/* One reading of a process serves for all of its taps, as long as it is the same process. */
static void a_list_is_read_once(void **state)
{
	struct holder a = hold("dvt0", 2, false), b = hold("dvt1", 1, false), more;
	struct tap_lists lists = { 0 };
	int now = 0;

	(void)state;
	a.ref.lists = b.ref.lists = &lists;
	assert_int_equal(tap_set_sndbuf(&a.ref, 90000, NULL), 0);
	assert_int_equal(tap_set_sndbuf(&b.ref, 80000, NULL), 0);
	assert_int_equal(tap_get_sndbuf(&a.ref, &now), 0);
	assert_int_equal(now, 90000);
	assert_int_equal(tap_get_sndbuf(&b.ref, &now), 0);
	assert_int_equal(now, 80000);
	assert_int_equal(lists.n, 2);
	strcpy(a.ref.name, "dvt1");
	assert_int_equal(tap_get_sndbuf(&a.ref, &now), -ENODEV);
	strcpy(a.ref.name, "dvt");
	assert_int_equal(tap_get_sndbuf(&a.ref, &now), -ENODEV);
	/* What has no descriptor in the list has none, until it is read anew. */
	more = a;
	strcpy(more.ref.name, "dvt0");
	one_more_queue(&more);
	assert_int_equal(tap_get_sndbuf(&more.ref, &now), 0);
	assert_int_equal(now, 90000);
	tap_lists_free(&lists);
	assert_int_equal(tap_get_sndbuf(&more.ref, &now), 0);
	assert_int_equal(now, TAP_SNDBUF_UNLIMITED);
	drop(&b);
	assert_int_equal(tap_get_sndbuf(&b.ref, &now), -ESRCH);
	drop(&a);
	tap_lists_free(&lists);
}

static void a_process_that_died(void **state)
{
	struct holder h = hold("dvt0", 1, false);
	int now = 3;

	(void)state;
	drop(&h);
	assert_int_equal(tap_get_sndbuf(&h.ref, &now), -ESRCH);
	assert_int_equal(tap_set_sndbuf(&h.ref, 80000, &now), -ESRCH);
	assert_int_equal(now, 3);
}

static void dies_while_it_is_set(void **state)
{
	(void)state;
	for (int round = 0; round < 50; round++) {
		struct holder h = hold("dvt0", 4, false);
		int r;

		kill(h.ref.pid, SIGKILL);
		/* by turns before, within and after its end */
		do {
			r = tap_set_sndbuf(&h.ref, 70000 + round, NULL);
			assert_true(r == 0 || r == -ESRCH || r == -ENODEV || r == -EACCES);
		} while (r == 0);
		drop(&h);
	}
}

static void a_reused_pid_is_another_process(void **state)
{
	struct holder h = hold("dvt0", 1, false);
	struct tap_ref stale = h.ref;

	(void)state;
	stale.start_time--;
	assert_int_equal(tap_set_sndbuf(&stale, 70000, NULL), -ESRCH);
	stale = h.ref;
	stale.pid = 0;
	assert_int_equal(tap_set_sndbuf(&stale, 70000, NULL), -ESRCH);
	drop(&h);
}

/* The daemon may hold a tap itself. */
static void works_on_our_own(void **state)
{
	struct tap_ref self = { .pid = getpid() };
	_cleanup_close_ int fd = open_queue("dvt0", 0);
	int now;

	(void)state;
	assert_true(fd >= 0);
	strcpy(self.name, "dvt0");
	assert_int_equal(vmm_start_time(PROC, self.pid, &self.start_time), 0);
	assert_int_equal(tap_set_sndbuf(&self, 12345, NULL), 0);
	assert_int_equal(ioctl(fd, TUNGETSNDBUF, &now), 0);
	assert_int_equal(now, 12345);
}

static void scan_finds_this_machine_s(void **state)
{
	struct holder a = hold("dvt7", 4, false), b = hold("dvt3", 1, false),
		      elsewhere = hold("dvt1", 1, true);
	_cleanup_free_ struct vmm_nic *nics = NULL, *one = NULL;
	_cleanup_close_ int detached = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	struct vmm_sight sight;
	size_t n;

	(void)state;
	assert_true(detached >= 0);
	assert_int_equal(vmm_scan(PROC, &nics, &n, &sight), 0);
	assert_int_equal(n, 2);
	assert_string_equal(nics[0].tap, "dvt3");
	assert_int_equal(nics[0].pid, b.ref.pid);
	assert_string_equal(nics[1].tap, "dvt7");
	assert_int_equal(nics[1].pid, a.ref.pid);
	assert_int_equal(nics[1].queues, 4);
	assert_int_equal(nics[1].start_time, a.ref.start_time);
	assert_string_equal(nics[1].vmm, "kernel_tap_test");
	assert_int_equal(nics[1].waits, VMM_WAITS_UNKNOWN);
	assert_int_equal(vmm_scan_pid(PROC, a.ref.pid, &one, &n), 0);
	assert_int_equal(n, 1);
	assert_string_equal(one[0].tap, "dvt7");
	drop(&a);
	drop(&b);
	drop(&elsewhere);
}

/* With few descriptors divvyd does not know, which is another thing than that there is no VM, or no such tap. */
static void few_descriptors(void **state)
{
	struct holder h = hold("dvt4", 2, false);
	int next = dup(STDERR_FILENO); /* the lowest that is free */
	struct rlimit few, before;
	unsigned int free_fds = 0, all = 0;

	(void)state;
	assert_true(next >= 0 && close(next) == 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = before;
	assert_int_equal(tap_set_sndbuf(&h.ref, 12345, NULL), 0);
	for (; all < 2 && free_fds < 20; free_fds++) {
		struct vmm_nic *nics = NULL;
		struct vmm_sight sight;
		size_t n = 0;
		int now = 0, scan, get;

		few.rlim_cur = (rlim_t)next + free_fds;
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
		scan = vmm_scan(PROC, &nics, &n, &sight);
		get = tap_get_sndbuf(&h.ref, &now);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
		assert_true(scan == -EMFILE || (scan == 0 && n == 1 && nics[0].queues == 2));
		assert_true(get == -EMFILE || (get == 0 && now == 12345));
		all = (scan == 0) + (get == 0);
		free(nics);
	}
	assert_true(3 < free_fds && free_fds < 20);
	drop(&h);
}

/* Idle processes with 24 descriptors each, as services have; two VMs among them. */
static void scan_of_a_thousand_processes(void **state)
{
	enum { N = 1000, FDS = 24 };
	struct holder a = hold("dvt7", 4, false), b = hold("dvt3", 1, false);
	pid_t pids[N];
	double best = 1e9;
	int life[2], made = 0;

	(void)state;
	assert_int_equal(pipe(life), 0);
	for (; made < N; made++) {
		pids[made] = (pid_t)syscall(SYS_fork);
		if (pids[made] < 0)
			break;
		if (pids[made] == 0) {
			char c;

			close(life[1]);
			for (int i = 0; i < FDS; i++)
				if (dup(life[0]) < 0)
					_exit(1);
			_exit((int)read(life[0], &c, 1)); /* until the parent is gone */
		}
	}
	for (int i = 0; i < 5; i++) {
		_cleanup_free_ struct vmm_nic *nics = NULL;
		uint64_t from = now_ns();
		double ms;
		struct vmm_sight sight;
		size_t n;

		assert_int_equal(vmm_scan(PROC, &nics, &n, &sight), 0);
		assert_int_equal(n, 2);
		ms = (double)(now_ns() - from) / 1e6;
		best = ms < best ? ms : best;
	}
	close(life[0]);
	close(life[1]);
	for (int i = 0; i < made; i++)
		waitpid(pids[i], NULL, 0);
	print_message("# vmm_scan of %d processes: %.1f ms\n", made, best);
	assert_true(made == N);
	assert_true(best < 500); /* far above what it takes, also under ASan on a busy machine */
	drop(&a);
	drop(&b);
}

static int new_netns(void **state)
{
	(void)state;
	return unshare(CLONE_NEWNET);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sets_reads_back_and_restores),
		cmocka_unit_test(refuses_what_is_no_size),
		cmocka_unit_test(a_later_queue_shows),
		cmocka_unit_test(other_taps_are_left_alone),
		cmocka_unit_test(the_same_name_elsewhere_is_another_tap),
		cmocka_unit_test(a_list_is_read_once),
		cmocka_unit_test(a_process_that_died),
		cmocka_unit_test(dies_while_it_is_set),
		cmocka_unit_test(a_reused_pid_is_another_process),
		cmocka_unit_test(works_on_our_own),
		cmocka_unit_test(scan_finds_this_machine_s),
		cmocka_unit_test(few_descriptors),
		cmocka_unit_test(scan_of_a_thousand_processes),
	};

	if (geteuid() != 0 || access("/dev/net/tun", R_OK | W_OK)) {
		printf("1..0 # SKIP needs root and /dev/net/tun\n");
		return 0;
	}
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("kernel_tap", tests, new_netns, NULL);
}
