/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which cgroup hierarchies a host has and which place a VM gets, on made-up hosts: v1, hybrid, v2. */
#include "kernel/cgroup/place.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <setjmp.h>

#include <cmocka.h>

static char tree[64];

/* What stands behind the parent's pid in a made-up /proc/PID/stat; field 22 is the start time. */
#define STAT "1 1 0 -1 4194560 1 1 1 1 1 1 1 1 20 0 1 0 4242 1 1"
#define START 4242

static void make_parents(char *path)
{
	for (char *p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		if (mkdir(path, 0700) < 0)
			assert_int_equal(errno, EEXIST);
		*p = '/';
	}
}

static void put(const char *path, const char *text)
{
	char full[PATH_MAX];
	_cleanup_close_ int fd = -1;

	snprintf(full, sizeof(full), "%s%s", tree, path);
	make_parents(full);
	fd = open(full, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void new_host(const char *mountinfo)
{
	strcpy(tree, "/tmp/divvy-cgroup-XXXXXX");
	assert_non_null(mkdtemp(tree));
	put("/proc/self/mountinfo", mountinfo);
	put("/proc/self/stat", "900 (divvyd) S 899 " STAT "\n");
	put("/proc/900/stat", "900 (divvyd) S 899 " STAT "\n");
	put("/proc/899/stat", "899 (start (it)) S 1 " STAT "\n");
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static void end_host(void)
{
	nftw(tree, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* A thread; cgroup: the text of its cgroup file. */
static void thread(int pid, int tid, const char *cgroup)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/cgroup", pid, tid);
	put(path, cgroup);
}

/* A process; procs: of the cgroup that it is listed in, or NULL. */
static void process(int pid, int ppid, const char *cgroup, const char *procs)
{
	char path[64], text[160];

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	snprintf(text, sizeof(text), "%d (a (b) S 7) S %d " STAT "\n", pid, ppid);
	put(path, text);
	snprintf(path, sizeof(path), "/proc/%d/cgroup", pid);
	put(path, cgroup);
	thread(pid, pid, cgroup);
	snprintf(text, sizeof(text), "%d\n", pid);
	if (procs)
		put(procs, text);
}

#define V2_MOUNT "31 23 0:28 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
#define HYBRID_MOUNTS                                                                           \
	"31 23 0:28 / /sys/fs/cgroup ro shared:9 - tmpfs tmpfs rw\n"                            \
	"32 31 0:29 / /sys/fs/cgroup/unified rw shared:10 - cgroup2 cgroup2 rw\n"               \
	"33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw shared:11 - cgroup cgroup rw,cpu,cpuacct\n" \
	"34 31 0:31 / /sys/fs/cgroup/freezer rw shared:12 master:3 - cgroup cgroup rw,freezer\n"

static void in_tree(char out[CGROUP_PATH_SIZE], const char *path)
{
	snprintf(out, CGROUP_PATH_SIZE, "%s%s", tree, path);
}

static void assert_in_tree(const char *got, const char *want)
{
	char full[CGROUP_PATH_SIZE];

	in_tree(full, want);
	assert_string_equal(got, *want ? full : "");
}

static void probes_v2(void **state)
{
	struct cgroup_host h;

	(void)state;
	new_host(V2_MOUNT);
	put("/sys/fs/cgroup/cgroup.controllers", "cpuset cpu io memory pids\n");
	put("/sys/fs/cgroup/system.slice/cgroup.freeze", "0\n");
	assert_int_equal(cgroup_probe(tree, &h), 0);
	assert_string_equal(cgroup_mode(&h), "v2");
	assert_true(h.v2_freeze);
	assert_true(h.v2_cpu);
	assert_in_tree(h.mount[CGROUP_V2], "/sys/fs/cgroup");
	assert_string_equal(h.mount[CGROUP_V1_FREEZER], "");
	end_host();
}

static void probes_hybrid(void **state)
{
	struct cgroup_host h;

	(void)state;
	new_host(HYBRID_MOUNTS);
	put("/sys/fs/cgroup/unified/cgroup.controllers", "cpuset\n"); /* not "cpu" */
	put("/sys/fs/cgroup/unified/init.scope/cgroup.procs", "");    /* before 5.2 */
	assert_int_equal(cgroup_probe(tree, &h), 0);
	assert_string_equal(cgroup_mode(&h), "hybrid");
	assert_false(h.v2_freeze);
	assert_false(h.v2_cpu);
	assert_in_tree(h.mount[CGROUP_V2], "/sys/fs/cgroup/unified");
	assert_in_tree(h.mount[CGROUP_V1_FREEZER], "/sys/fs/cgroup/freezer");
	assert_in_tree(h.mount[CGROUP_V1_CPU], "/sys/fs/cgroup/cpu,cpuacct");
	assert_in_tree(h.mount[CGROUP_V1_CPUACCT], "/sys/fs/cgroup/cpu,cpuacct");
	end_host();
}

static void probes_v1(void **state)
{
	struct cgroup_host h;

	(void)state;
	new_host("34 31 0:31 / /cg/cpuset rw - cgroup cgroup rw,cpuset\n"
		 "35 31 0:31 /docker/x /cg/part rw - cgroup cgroup rw,freezer\n" /* only a part of it */
		 "36 31 0:31 / /cg/cpu rw - cgroup cgroup rw,cpu\n");
	assert_int_equal(cgroup_probe(tree, &h), 0);
	assert_string_equal(cgroup_mode(&h), "v1");
	assert_string_equal(h.mount[CGROUP_V1_FREEZER], "");
	assert_string_equal(h.mount[CGROUP_V1_CPUACCT], "");
	assert_in_tree(h.mount[CGROUP_V1_CPU], "/cg/cpu");
	end_host();
}

static void probes_nothing(void **state)
{
	struct cgroup_host h = { .v2_cpu = true };

	(void)state;
	new_host("34 31 0:31 / /proc rw - proc proc rw\nrubbish\n\n");
	assert_int_equal(cgroup_probe(tree, &h), -ENOENT);
	assert_true(h.v2_cpu);
	end_host();
	assert_int_equal(cgroup_probe("/nonexistent", &h), -ENOENT);
}

#define SCOPE "/machine.slice/machine-qemu\\x2d1\\x2dweb.scope"
#define CG "/sys/fs/cgroup"
#define SESSION "/user.slice/user-0.slice/session-3.scope"

/* Everything a v2 host may have at once. */
static void make_v2(void)
{
	new_host(V2_MOUNT);
	put(CG "/cgroup.controllers", "cpu memory\n");
	put(CG "/cgroup.subtree_control", "cpu memory\n");
	put(CG "/cgroup.procs", "1\n");
	put(CG "/user.slice/cgroup.procs", "");
	put(CG "/user.slice/user-0.slice/cgroup.procs", "");
	put(CG SESSION "/cgroup.subtree_control", "\n");
	/* libvirt: vCPUs in threaded cgroups, swtpm beside, not QEMU's child */
	process(100, 1, "0::" SCOPE "/libvirt/emulator\n", CG SCOPE "/libvirt/cgroup.procs");
	thread(100, 101, "0::" SCOPE "/libvirt/vcpu0\n");
	process(105, 1, "0::" SCOPE "/libvirt\n", CG SCOPE "/libvirt/cgroup.procs");
	put(CG SCOPE "/libvirt/cgroup.type", "domain threaded\n");
	put(CG SCOPE "/libvirt/emulator/cgroup.type", "threaded\n");
	put(CG SCOPE "/libvirt/vcpu0/cgroup.type", "threaded\n");
	put(CG SCOPE "/libvirt/vcpu0/cgroup.freeze", "0\n");
	/* by hand from a login shell */
	process(198, 1, "0::" SESSION "\n", CG SESSION "/cgroup.procs");
	process(199, 198, "0::" SESSION "\n", CG SESSION "/cgroup.procs");
	process(200, 199, "0::" SESSION "\n", CG SESSION "/cgroup.procs");
	thread(200, 201, "0::" SESSION "\n");
	/* a service of its own, with a child */
	process(300, 1, "0::/system.slice/vm.service\n", CG "/system.slice/vm.service/cgroup.procs");
	process(301, 300, "0::/system.slice/vm.service/sub\n",
		CG "/system.slice/vm.service/sub/cgroup.procs");
	/* at the root */
	process(400, 1, "0::/\n", NULL);
	/* in divvyd's */
	put(CG "/system.slice/divvyd.service/cgroup.procs", "900\n");
	process(500, 1, "0::/system.slice/divvyd.service\n", CG "/system.slice/divvyd.service/cgroup.procs");
	/* threads here and there, beside others */
	process(600, 1, "0::/misc/a\n", CG "/misc/a/cgroup.procs");
	thread(600, 601, "0::/misc/b\n");
	put(CG "/misc/b/cgroup.procs", "400\n");
	put(CG "/misc/cgroup.procs", "");
	/* all threads in one threaded cgroup, which lists no processes */
	process(150, 1, "0::/machine.slice/machine-t.scope/libvirt/emulator\n",
		CG "/machine.slice/machine-t.scope/libvirt/cgroup.procs");
	put(CG "/machine.slice/machine-t.scope/libvirt/emulator/cgroup.type", "threaded\n");
	/* a scope of one VM in which divvy runs all the same */
	put(CG "/machine.slice/machine-us.scope/cgroup.procs", "900\n");
	process(160, 1, "0::/machine.slice/machine-us.scope\n",
		CG "/machine.slice/machine-us.scope/cgroup.procs");
	/* Proxmox */
	process(700, 1, "0::/qemu.slice/100.scope\n", CG "/qemu.slice/100.scope/cgroup.procs");
	process(701, 1, "0::/qemu.slice/100.scope\n", CG "/qemu.slice/100.scope/cgroup.procs");
}

static const struct expectation {
	const char *what;
	pid_t pid;
	const char *name, *controller;
	int result;
	const char *dir, *home; /* below the mount; home NULL: the VM's own */
	const char *why;
} places[] = {
	{ "threaded", 150, "t", NULL, 0, "/machine.slice/machine-t.scope/libvirt", NULL, NULL },
	{ "with divvy in the VM's scope", 160, "us", NULL, 0, "/machine.slice/machine-us.scope/divvy-us",
	  "/machine.slice/machine-us.scope", NULL },
	{ "libvirt", 100, "web", NULL, 0, SCOPE "/libvirt", NULL, NULL },
	{ "libvirt, quota", 100, "web", "cpu", 0, SCOPE "/libvirt", NULL, NULL },
	{ "by hand", 200, "web", NULL, 0, SESSION "/divvy-web", SESSION, NULL },
	{ "strange name", 200, "we b/../x", NULL, 0, SESSION "/divvy-we_b_.._x", SESSION, NULL },
	{ "no name", 200, "", NULL, 0, SESSION "/divvy--200", SESSION, NULL },
	{ "by hand, quota: not below a cgroup with processes", 200, "web", "cpu", 0,
	  "/user.slice/user-0.slice/divvy-web", SESSION, NULL },
	{ "own service", 300, "vm", NULL, 0, "/system.slice/vm.service", NULL, NULL },
	{ "at the root", 400, "db", NULL, 0, "/divvy-db", "", NULL },
	{ "at the root, quota", 400, "db", "cpu", 0, "/divvy-db", "", NULL },
	{ "among divvy", 500, "x", NULL, 0, "/system.slice/divvyd.service/divvy-x",
	  "/system.slice/divvyd.service", NULL },
	{ "spread", 600, "x", NULL, -EBUSY, NULL, NULL, "systemd-run" },
	{ "Proxmox with a helper", 700, "vm100", NULL, 0, "/qemu.slice/100.scope", NULL, NULL },
	{ "our parent", 899, "x", NULL, -EDEADLK, NULL, NULL, "has started divvy" },
	{ "ourselves", 900, "x", NULL, -EDEADLK, NULL, NULL, "has started divvy" },
	{ "nobody", 4711, "x", NULL, -ESRCH, NULL, NULL, NULL },
};

static void finds_places(void **state)
{
	struct cgroup_host h;

	(void)state;
	make_v2();
	thread(899, 899, "0::/misc/c\n");
	thread(900, 900, "0::/system.slice/divvyd.service\n");
	assert_int_equal(cgroup_probe(tree, &h), 0);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		const struct expectation *e = &places[i];
		const struct process vm = { e->pid, START };
		struct place p = { .vm.pid = -7 }, other = { .vm.pid = -8 };
		char why[PLACE_WHY_SIZE] = "", path[CGROUP_PATH_SIZE];
		int r = place_find(&h, CGROUP_V2, &vm, e->name, e->controller, &p, why);

		/* Another process has the pid now. */
		assert_int_equal(place_find(&h, CGROUP_V2, &(struct process){ e->pid, START + 1 }, e->name,
					    e->controller, &other, why),
				 -ESRCH);
		assert_int_equal(other.vm.pid, -8);
		if (r != e->result)
			print_message("# %s: %d %s %s\n", e->what, r, p.dir, why);
		assert_int_equal(r, e->result);
		if (r < 0) {
			assert_int_equal(p.vm.pid, -7);
			if (e->why)
				assert_non_null(strstr(why, e->why));
			continue;
		}
		snprintf(path, sizeof(path), CG "%s", e->dir);
		assert_in_tree(p.dir, path);
		snprintf(path, sizeof(path), CG "%s", e->home ? e->home : "");
		assert_in_tree(p.home, e->home ? path : "");
		assert_int_equal(p.vm.pid, e->pid);
		assert_false(p.made);
	}
	end_host();
}

static void a_taken_name_gets_the_pid(void **state)
{
	char why[PLACE_WHY_SIZE];
	struct cgroup_host h;
	struct place p;

	(void)state;
	make_v2();
	put(CG SESSION "/divvy-web/cgroup.procs", "");
	assert_int_equal(cgroup_probe(tree, &h), 0);
	assert_int_equal(place_find(&h, CGROUP_V2, &(struct process){ 200, START }, "web", NULL, &p, why), 0);
	assert_in_tree(p.dir, CG SESSION "/divvy-web-200");
	end_host();
}

static void hierarchies_are_told_apart(void **state)
{
	static const char cgroup[] = "12:cpu,cpuacct:/c\n3:freezer:/f\n1:name=systemd:/s\n0::/u\n";
	char dir[CGROUP_PATH_SIZE], why[PLACE_WHY_SIZE] = "";
	const struct process vm = { 50, START };
	struct cgroup_host h;
	struct place p;

	(void)state;
	new_host(HYBRID_MOUNTS);
	process(50, 1, cgroup, "/sys/fs/cgroup/freezer/f/cgroup.procs");
	put("/sys/fs/cgroup/cpu,cpuacct/c/cgroup.procs", "1\n50\n");
	assert_int_equal(cgroup_probe(tree, &h), 0);
	assert_int_equal(cgroup_of(&h, CGROUP_V2, 50, dir), 0);
	assert_in_tree(dir, "/sys/fs/cgroup/unified/u");
	assert_int_equal(cgroup_of(&h, CGROUP_V1_FREEZER, 50, dir), 0);
	assert_in_tree(dir, "/sys/fs/cgroup/freezer/f");
	assert_int_equal(cgroup_of(&h, CGROUP_V1_CPUACCT, 50, dir), 0);
	assert_in_tree(dir, "/sys/fs/cgroup/cpu,cpuacct/c");
	assert_int_equal(cgroup_of(&h, CGROUP_V2, 51, dir), -ESRCH);
	assert_int_equal(place_find(&h, CGROUP_V1_FREEZER, &vm, "a", NULL, &p, why), 0);
	assert_in_tree(p.dir, "/sys/fs/cgroup/freezer/f");
	assert_string_equal(p.home, "");
	assert_int_equal(place_find(&h, CGROUP_V1_CPU, &vm, "a", NULL, &p, why), 0);
	assert_in_tree(p.dir, "/sys/fs/cgroup/cpu,cpuacct/c/divvy-a");
	h.mount[CGROUP_V1_FREEZER][0] = '\0';
	assert_int_equal(place_find(&h, CGROUP_V1_FREEZER, &vm, "a", NULL, &p, why), -ENOENT);
	assert_int_equal(place_find(&h, CGROUP_TREES, &vm, "a", NULL, &p, why), -ENOENT);
	assert_non_null(strstr(why, "hybrid"));
	end_host();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(probes_v2),
		cmocka_unit_test(probes_hybrid),
		cmocka_unit_test(probes_v1),
		cmocka_unit_test(probes_nothing),
		cmocka_unit_test(finds_places),
		cmocka_unit_test(a_taken_name_gets_the_pid),
		cmocka_unit_test(hierarchies_are_told_apart),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("kernel_cgroup", tests, NULL, NULL);
}
