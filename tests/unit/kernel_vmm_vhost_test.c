/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whose NICs vhost-net serves, and by which threads: a made-up /proc for each row. */
#include "kernel/vmm/vhost.h"
#include "kernel/vmm/vmm.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
/* cmocka.h needs those above. */
#include <cmocka.h>

#define PID "100"
#define TAPS_MAX 3

static const struct row {
	const char *what;
	const char *argv[12];
	const char *tap[TAPS_MAX];       /* descriptor 10 and following are its queues, one each */
	int vhost;                       /* descriptors of /dev/vhost-net */
	enum vmm_vhost expect[TAPS_MAX]; /* by tap's name */
} rows[] = {
	{ "by hand, without",
	  { "qemu-system-x86_64", "-netdev", "tap,id=n0,ifname=tap0", "-device", "virtio-net-pci,netdev=n0" },
	  { "tap0" },
	  0,
	  { VMM_VHOST_NO } },
	{ "by hand, with",
	  { "qemu-system-x86_64", "-netdev", "tap,id=n0,ifname=tap0,vhost=on", "-device",
	    "virtio-net-pci,netdev=n0" },
	  { "tap0" },
	  1,
	  { VMM_VHOST_YES } },
	{ "asked for, but /dev/vhost-net could not be opened: QEMU goes on without",
	  { "qemu-system-x86_64", "-netdev", "tap,id=n0,ifname=tap0,vhost=on", "-device",
	    "virtio-net-pci,netdev=n0" },
	  { "tap0" },
	  0,
	  { VMM_VHOST_NO } },
	{ "one NIC of two",
	  { "qemu-system-x86_64", "-netdev", "tap,id=n0,ifname=tap0,vhost=off", "-netdev",
	    "tap,id=n1,ifname=tap1,vhost=on" },
	  { "tap0", "tap1" },
	  1,
	  { VMM_VHOST_NO, VMM_VHOST_YES } },
	{ "a NIC that does not ask, with descriptors enough for both",
	  { "qemu-system-x86_64", "-netdev", "tap,id=n0,ifname=tap0", "-netdev",
	    "tap,id=n1,ifname=tap1,vhost=on" },
	  { "tap0", "tap1" },
	  2,
	  { VMM_VHOST_NO, VMM_VHOST_YES } },
	{ "libvirt",
	  { "qemu-system-x86_64", "-netdev",
	    "{\"type\":\"tap\",\"fd\":\"10\",\"vhost\":true,\"vhostfd\":\"36\",\"id\":\"hostnet0\"}" },
	  { "vnet0" },
	  1,
	  { VMM_VHOST_YES } },
	{ "libvirt, vhostfds alone",
	  { "qemu-system-x86_64", "-netdev", "tap,fds=10:11,id=hostnet0,vhostfds=32:33" },
	  { "vnet0", "vnet0" },
	  2,
	  { VMM_VHOST_YES } },
	{ "libvirt, descriptors that it must not use",
	  { "qemu-system-x86_64", "-netdev",
	    "{\"type\":\"tap\",\"fd\":\"10\",\"vhost\":false,\"vhostfd\":\"36\"}" },
	  { "vnet0" },
	  1,
	  { VMM_VHOST_NO } },
	{ "Proxmox",
	  { "/usr/bin/kvm", "-netdev",
	    "type=tap,id=net0,ifname=tap100i0,script=/usr/libexec/pve-bridge,vhost=on" },
	  { "tap100i0" },
	  1,
	  { VMM_VHOST_YES } },
	{ "hot-plugged: the command line does not tell, the descriptors do",
	  { "qemu-system-x86_64", "-S" },
	  { "tap0", "tap1" },
	  2,
	  { VMM_VHOST_YES, VMM_VHOST_YES } },
	{ "hot-plugged, and not enough for both",
	  { "qemu-system-x86_64", "-S" },
	  { "tap0", "tap1" },
	  1,
	  { VMM_VHOST_UNKNOWN, VMM_VHOST_UNKNOWN } },
	{ "another VMM", { "crosvm", "run" }, { "tap0" }, 1, { VMM_VHOST_YES } },
};

static char tree[] = "/tmp/divvy-vhost-XXXXXX";

static void put(const char *name, const void *data, size_t size)
{
	_cleanup_close_ int fd = -1;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", tree, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, size), size);
}

static void put_fd(int fd, const char *target, const char *iff)
{
	char path[PATH_MAX], name[32], text[64];

	snprintf(path, sizeof(path), "%s/" PID "/fd/%d", tree, fd);
	assert_int_equal(symlink(target, path), 0);
	snprintf(name, sizeof(name), PID "/fdinfo/%d", fd);
	snprintf(text, sizeof(text), "pos:\t0\nflags:\t0104002\niff:\t%s\n", iff);
	put(name, text, iff ? strlen(text) : 0);
}

static void make_process(const struct row *row)
{
	static const char *const folders[] = { "", "/fd", "/fdinfo" };
	static const char stat[] = PID " (x) S 1 1 1 0 -1 4194560 1 1 1 1 1 1 1 1 20 0 1 0 4711 1 1\n";
	char path[PATH_MAX], cmdline[512];
	size_t size = 0;

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		snprintf(path, sizeof(path), "%s/" PID "%s", tree, folders[i]);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	for (const char *const *a = row->argv; *a; a++) {
		memcpy(cmdline + size, *a, strlen(*a) + 1);
		size += strlen(*a) + 1;
	}
	put(PID "/cmdline", cmdline, size);
	snprintf(path, sizeof(path), "%.15s\n",
		 strrchr(row->argv[0], '/') ? strrchr(row->argv[0], '/') + 1 : row->argv[0]);
	put(PID "/comm", path, strlen(path));
	put(PID "/stat", stat, sizeof(stat) - 1);
	for (int i = 0; i < TAPS_MAX && row->tap[i]; i++)
		put_fd(10 + i, "/dev/net/tun", row->tap[i]);
	for (int i = 0; i < row->vhost; i++)
		put_fd(30 + i, "/dev/vhost-net", NULL);
	put_fd(40, "/dev/vhost-vsock", NULL);
	put_fd(41, "anon_inode:[eventfd]", NULL);
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_free_ struct vmm_nic *nics = NULL;
		char command[sizeof(tree) + 16];
		size_t n = 0;

		strcpy(strrchr(tree, '-') + 1, "XXXXXX");
		assert_non_null(mkdtemp(tree));
		make_process(&rows[i]);
		assert_int_equal(vmm_scan_pid(tree, atoi(PID), &nics, &n), 0);
		assert_in_range(n, 1, TAPS_MAX);
		assert_string_equal(nics[n - 1].tap, rows[i].tap[n - 1]);
		for (size_t k = 0; k < n; k++)
			if (nics[k].vhost != rows[i].expect[k])
				fail_msg("%s: %s: %d instead of %d", rows[i].what, nics[k].tap, nics[k].vhost,
					 rows[i].expect[k]);
		snprintf(command, sizeof(command), "rm -rf %s", tree);
		assert_int_equal(system(command), 0);
	}
}

/* --- workers ------------------------------------------------------------------------------------- */

#define KTHREAD 2129984U /* flags of a kernel thread: PF_KTHREAD and others */
#define USER 4194560U

static void put_task(int pid, const char *comm, unsigned flags, int start, int tgid)
{
	char path[PATH_MAX], text[256];

	snprintf(path, sizeof(path), "%s/%d", tree, pid);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%d/comm", pid);
	snprintf(text, sizeof(text), "%s\n", comm);
	put(path, text, strlen(text));
	snprintf(path, sizeof(path), "%d/stat", pid);
	snprintf(text, sizeof(text), "%d (%s) S 2 0 0 0 -1 %u 0 0 0 0 3 4 0 0 20 0 1 0 %d 0 0\n", pid, comm, flags,
		 start);
	put(path, text, strlen(text));
	snprintf(path, sizeof(path), "%d/status", pid);
	snprintf(text, sizeof(text), "Name:\t%s\nUmask:\t0000\nState:\tS\nTgid:\t%d\nNgid:\t0\n", comm, tgid);
	put(path, text, strlen(text));
}

static void test_kernel_threads(void **state)
{
	_cleanup_free_ struct vhost_kthread *k = NULL;
	char command[sizeof(tree) + 16];
	uint64_t ns = 0;
	size_t n = 0;

	(void)state;
	strcpy(strrchr(tree, '-') + 1, "XXXXXX");
	assert_non_null(mkdtemp(tree));
	put_task(100, "qemu", USER, 50, 100);
	put_task(101, "IO", USER, 50, 100); /* a thread; readdir() of the real /proc does not list it */
	put_task(300, "qemu", USER, 70, 300);
	put_task(310, "vhost-300", KTHREAD, 71, 310);
	put_task(110, "vhost-100", KTHREAD, 51, 110);
	put_task(111, "vhost-101", KTHREAD, 52, 111);
	put_task(112, "vhost-100", USER, 53, 112); /* it only calls itself so */
	put_task(113, "vhost-", KTHREAD, 53, 113);
	put_task(114, "vhost-12x", KTHREAD, 53, 114);
	put_task(115, "vhost-999", KTHREAD, 54, 115); /* whose opener has ended */
	assert_int_equal(vhost_kthreads(tree, &k, &n), 0);
	assert_int_equal(n, 4);
	assert_int_equal(k[0].owner, 100);
	assert_int_equal(k[1].owner, 100);
	assert_int_equal(k[0].pid + k[1].pid, 110 + 111);
	assert_int_equal(k[2].owner, 300);
	assert_int_equal(k[2].pid, 310);
	assert_int_equal(k[3].owner, 999);
	assert_int_equal(vhost_kthread_cpu(tree, &k[2], &ns), 0);
	assert_int_equal(ns, 7 * (1000000000 / sysconf(_SC_CLK_TCK)));
	k[2].start_time++; /* another has its number by now */
	assert_int_equal(vhost_kthread_cpu(tree, &k[2], &ns), -ESRCH);
	k[2].pid = 777;
	assert_int_equal(vhost_kthread_cpu(tree, &k[2], &ns), -ESRCH);
	snprintf(command, sizeof(command), "rm -rf %s", tree);
	assert_int_equal(system(command), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_kernel_threads),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("kernel/vmm/vhost", tests, NULL, NULL);
}
