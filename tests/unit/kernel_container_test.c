/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Network namespaces of containers, in a tree that looks like /proc, and against the kernel: real namespaces, the numbers
 * that veths name them by, and the default route.
 */

#include "netns.h"

#include "base/cleanup.h"
#include "folder.h"
#include "kernel/net/link.h"
#include "kernel/net/nsid.h"
#include "kernel/net/route.h"
#include "kernel/vmm/container.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

static struct folder folder;

static void put_file(const char *name, const char *text)
{
	char path[4200];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder.path, name);
	f = fopen(path, "we");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* A process with cgroups and a file that stands for its namespace. */
static void put_process(int pid, const char *cgroups, const char *netns)
{
	char path[4200], target[4200];

	snprintf(path, sizeof(path), "%s/%d", folder.path, pid);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/%d/ns", folder.path, pid);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "%d/cgroup", pid);
	put_file(path, cgroups);
	snprintf(path, sizeof(path), "%s/%d/ns/net", folder.path, pid);
	snprintf(target, sizeof(target), "%s/%s", folder.path, netns);
	if (netns[0] == '/')
		snprintf(target, sizeof(target), "%s", netns);
	assert_int_equal(symlink(target, path), 0);
}

static size_t count(const char *selector)
{
	int *fds = NULL;
	size_t n = 0;

	assert_int_equal(container_netns(folder.path, folder.path, selector, &fds, &n), 0);
	container_netns_close(fds, n);
	return n;
}

/* With few descriptors it is not known whether there is a container: that is another answer than none. */
static void count_with_few_descriptors(const char *selector)
{
	struct rlimit before, few;
	int next = dup(STDERR_FILENO), r = -EMFILE; /* the lowest that is free */

	assert_true(next >= 0 && close(next) == 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = before;
	for (few.rlim_cur = (rlim_t)next; r < 0 && few.rlim_cur < (rlim_t)next + 9; few.rlim_cur++) {
		int *fds = NULL;
		size_t n = 0;

		assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
		r = container_netns(folder.path, folder.path, selector, &fds, &n);
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
		assert_true(r == -EMFILE || n == 1);
		container_netns_close(fds, n);
	}
	assert_true(r == 0 && few.rlim_cur > (rlim_t)next + 1);
}

static void in_a_tree(void **state)
{
	(void)state;
	folder_make(&folder);
	put_file("web", "");
	put_file("db", "");
	put_process(10, "0::/system.slice/docker-0123456789ab.scope\n", "web");
	put_process(11, "0::/system.slice/docker-0123456789ab.scope\n", "web");
	put_process(12, "12:cpu,cpuacct:/machine.slice/libpod-77.scope/container\n1:name=systemd:/x\n", "db");
	put_process(13, "0::/system.slice/docker-0123456789abcd.scope\n", "db");
	put_process(14, "0::/system.slice/docker-0123456789ab.scope\n", "/proc/self/ns/net"); /* divvyd's own */
	assert_int_equal(count("10"), 1);
	assert_int_equal(count("14"), 0);
	assert_int_equal(count("15"), 0);
	assert_int_equal(count("web"), 1);
	assert_int_equal(count("absent"), 0);
	assert_int_equal(count(".."), 0);
	assert_int_equal(count("/system.slice/docker-0123456789ab.scope"), 1); /* two processes, one namespace */
	assert_int_equal(count("/system.slice"), 2);
	assert_int_equal(count("/system.slice/"), 2);
	assert_int_equal(count("/system.slic"), 0);
	assert_int_equal(count("/machine.slice/libpod-77.scope"), 1);
	assert_int_equal(count("/machine.slice/libpod-7"), 0);
	assert_int_equal(count("/x"), 1);
	count_with_few_descriptors("10");
	count_with_few_descriptors("web");
	count_with_few_descriptors("/machine.slice");
	folder_remove(&folder);
}

/* A veth to another namespace names it by the number that nsid_of() tells. */
static void as_a_veth_says(void **state)
{
	_cleanup_(rtnl_closep) struct rtnl *r = NULL;
	_cleanup_close_ int there = -1;
	struct link l;
	int32_t nsid = -7;
	char command[128];
	pid_t pid;

	(void)state;
	netns_enter();
	pid = fork();
	if (pid == 0) {
		unshare(CLONE_NEWNET);
		raise(SIGSTOP);
		_exit(0);
	}
	waitpid(pid, NULL, WUNTRACED);
	snprintf(command, sizeof(command), "/proc/%d/ns/net", pid);
	there = open(command, O_RDONLY | O_CLOEXEC);
	assert_true(there >= 0);
	assert_int_equal(rtnl_open(&r), 0);
	assert_int_equal(nsid_of(r, there, &nsid), -ENOENT);
	snprintf(command, sizeof(command), "ip link add c0 type veth peer name eth0 netns %d", pid);
	assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): a fixed command */
	assert_int_equal(link_get(r, "c0", &l), 0);
	assert_int_equal(nsid_of(r, there, &nsid), 0);
	assert_int_equal(l.peer_netns, nsid);
	assert_true(nsid >= 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void run(const char *command)
{
	assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): a fixed command */
}

static void by_the_default_route(void **state)
{
	_cleanup_(rtnl_closep) struct rtnl *r = NULL;
	struct link l;
	uint32_t out = 77;

	(void)state;
	netns_enter();
	assert_int_equal(rtnl_open(&r), 0);
	assert_int_equal(route_out(r, &out), 0);
	assert_int_equal(out, 0);
	run("ip link add a0 type veth peer name a1; ip link add b0 type veth peer name b1;"
	    "ip addr add 10.1.0.2/24 dev a0; ip addr add 10.2.0.2/24 dev b0;"
	    "for i in a0 a1 b0 b1; do ip link set $i up; done");
	assert_int_equal(route_out(r, &out), 0);
	assert_int_equal(out, 0);
	run("ip route add default via 10.2.0.1");
	assert_int_equal(link_get(r, "b0", &l), 0);
	assert_int_equal(route_out(r, &out), 0);
	assert_int_equal(out, l.ifindex);
	run("ip route replace default nexthop via 10.1.0.1 nexthop via 10.2.0.1");
	assert_int_equal(route_out(r, &out), 0);
	assert_int_equal(out, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_a_tree),
		cmocka_unit_test(as_a_veth_says),
		cmocka_unit_test(by_the_default_route),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
