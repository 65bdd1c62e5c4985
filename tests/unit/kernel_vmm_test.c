/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who is behind a tap: a made-up /proc, and the machine's own. */
#include "kernel/vmm/vmm.h"

#include "base/cleanup.h"
#include "kernel/proc/procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <setjmp.h>

#include <cmocka.h>

static char tree[] = "/tmp/divvy-vmm-XXXXXX";

static void put(const char *path, const void *data, size_t size)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, size), size);
}

static void make_process(int pid, const char *comm, const char *cmdline, size_t cmdline_size, int start)
{
	char path[PATH_MAX], text[256];

	snprintf(path, sizeof(path), "%s/%d", tree, pid);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/%d/fd", tree, pid);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/%d/fdinfo", tree, pid);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/%d/comm", tree, pid);
	snprintf(text, sizeof(text), "%s\n", comm);
	put(path, text, strlen(text));
	snprintf(path, sizeof(path), "%s/%d/cmdline", tree, pid);
	put(path, cmdline, cmdline_size);
	snprintf(path, sizeof(path), "%s/%d/stat", tree, pid);
	snprintf(text, sizeof(text), "%d (%s) 1) S 1 1 1 0 -1 4194560 1 1 1 1 1 1 1 1 20 0 1 0 %d 1 1\n", pid,
		 comm, start);
	put(path, text, strlen(text));
}

static void make_fd_of(int pid, int fd, const char *target, const char *iff, const char *flags)
{
	char path[PATH_MAX], text[256];

	snprintf(path, sizeof(path), "%s/%d/fd/%d", tree, pid, fd);
	assert_int_equal(symlink(target, path), 0);
	snprintf(path, sizeof(path), "%s/%d/fdinfo/%d", tree, pid, fd);
	if (iff)
		snprintf(text, sizeof(text), "pos:\t0\nflags:\t%s\nmnt_id:\t24\nino:\t105\niff:\t%s\n",
			 flags, iff);
	else
		snprintf(text, sizeof(text), "pos:\t0\nflags:\t%s\nmnt_id:\t24\n", flags);
	put(path, text, strlen(text));
}

static void make_fd(int pid, int fd, const char *target, const char *iff)
{
	make_fd_of(pid, fd, target, iff, "0104002");
}

#define CLOEXEC_FLAGS "02104002" /* as a QEMU shows what it received through its monitor */

#define CMDLINE(s) (s), sizeof(s)

static int make_tree(void **state)
{
	(void)state;
	if (!mkdtemp(tree))
		return -1;
	make_process(100, "qemu-system-x86",
		     CMDLINE("qemu-system-x86_64\0-name\0web\0-nic\0tap,fds=9:12,model=virtio-net-pci\0-nic\0"
			     "tap,ifname=tapb,model=e1000"),
		     4711);
	make_fd(100, 3, "/dev/null", NULL);
	make_fd(100, 9, "/dev/net/tun", "tapa");
	make_fd(100, 12, "/dev/net/tun", "tapa");
	make_fd(100, 11, "/dev/net/tun", "tapb");
	make_fd(100, 10, "/dev/net/tun", ""); /* detached */
	/* libvirtd's child, older and with as many descriptors, but no VMM */
	make_process(50, "rpc-libvirtd", CMDLINE("/usr/sbin/libvirtd"), 1);
	make_fd(50, 40, "/dev/net/tun", "tapa");
	make_fd(50, 41, "/dev/net/tun", "tapa");
	make_fd(50, 42, "/dev/net/tun", "tapa");
	/* a fork that kept one queue, and one that kept both */
	make_process(101, "qemu-system-x86", CMDLINE("qemu-system-x86_64\0-name\0fork"), 5000);
	make_fd(101, 9, "/dev/net/tun", "tapa");
	make_process(102, "qemu-system-x86", CMDLINE("qemu-system-x86_64\0-name\0fork"), 5001);
	make_fd(102, 9, "/dev/net/tun", "tapa");
	make_fd(102, 12, "/dev/net/tun", "tapa");
	/* jailed */
	make_process(200, "firecracker", CMDLINE("firecracker\0--id\0fc"), 6000);
	make_fd(200, 5, "/srv/jailer/firecracker/fc/root/dev/net/tun", "fctap");
	/* libvirt unplugged the NIC that 33 was, and plugged two others in: their numbers are 33 and 11 */
	make_process(400, "qemu-system-x86",
		     CMDLINE("qemu-system-x86_64\0-name\0guest=plug\0-netdev\0{\"type\":\"tap\",\"fd\":\"33\",\"id\":"
			     "\"hostnet0\"}\0-device\0{\"driver\":\"virtio-net-pci\",\"netdev\":\"hostnet0\",\"mac\":"
			     "\"52:54:00:00:00:01\"}\0-netdev\0{\"type\":\"tap\",\"fd\":\"34\",\"id\":\"hostnet1\"}\0"
			     "-device\0{\"driver\":\"virtio-net-pci\",\"netdev\":\"hostnet1\",\"mac\":"
			     "\"52:54:00:00:00:02\"}"),
		     8000);
	make_fd_of(400, 11, "/dev/net/tun", "vnet3", CLOEXEC_FLAGS);
	make_fd_of(400, 33, "/dev/net/tun", "vnet2", CLOEXEC_FLAGS);
	make_fd(400, 34, "/dev/net/tun", "vnet1");
	/* QEMU makes a tap itself, and another was plugged in */
	make_process(401, "qemu-system-x86",
		     CMDLINE("qemu-system-x86_64\0-name\0helper\0-netdev\0bridge,id=n0\0-device\0virtio-net-pci,netdev=n0,mac="
			     "52:54:00:00:00:03\0-nic\0tap,ifname=vnetn,model=virtio,mac=52:54:00:00:00:04"),
		     8001);
	make_fd(401, 11, "/dev/net/tun", "vnetg");
	make_fd(401, 12, "/dev/net/tun", "vnetn");
	make_fd_of(401, 13, "/dev/net/tun", "vneth", CLOEXEC_FLAGS);
	/* Incus names its NICs neither on the command line nor in the file that it has QEMU read */
	make_process(402, "qemu-system-x86",
		     CMDLINE("/opt/incus/bin/qemu-system-x86_64\0-S\0-name\0web\0-uuid\0"
			     "6f0fbc2f-9f07-4f97-a5f3-c383ae89544c\0-daemonize\0-cpu\0host\0-nographic\0-nodefaults\0"
			     "-no-user-config\0-readconfig\0/run/incus/web/qemu.conf\0-pidfile\0/run/incus/web/qemu.pid"),
		     8002);
	make_fd_of(402, 40, "/dev/net/tun", "xtap2f0b3c1d", CLOEXEC_FLAGS);
	/* neither a VM's nor a tap */
	make_process(300, "bash", CMDLINE("bash"), 7000);
	make_fd(300, 5, "/dev/net/tunnel", "nope");
	make_process(301, "macvtap", CMDLINE("qemu-kvm"), 7001);
	make_fd(301, 5, "/dev/tap9", NULL);
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static int remove_tree(void **state)
{
	(void)state;
	return nftw(tree, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void scans_a_tree(void **state)
{
	_cleanup_free_ struct vmm_nic *nics = NULL;
	struct vmm_sight sight;
	size_t n;

	(void)state;
	assert_int_equal(vmm_scan(tree, &nics, &n, &sight), 0);
	assert_int_equal(n, 10);
	assert_string_equal(nics[0].tap, "fctap");
	assert_string_equal(nics[0].vm, "fc");
	assert_string_equal(nics[1].tap, "tapa");
	assert_int_equal(nics[1].pid, 100); /* known before unknown, then most queues, then lowest pid */
	assert_int_equal(nics[1].queues, 2);
	assert_int_equal(nics[1].start_time, 4711);
	assert_string_equal(nics[1].model, "virtio-net-pci");
	assert_string_equal(nics[2].tap, "tapb");
	assert_string_equal(nics[2].model, "e1000");
}

static void a_number_that_was_used_again_is_not_believed(void **state)
{
	_cleanup_free_ struct vmm_nic *nics = NULL;
	size_t n;

	(void)state;
	assert_int_equal(vmm_scan_pid(tree, 400, &nics, &n), 0);
	assert_int_equal(n, 3);
	for (size_t i = 0; i < n; i++) {
		bool first = strcmp(nics[i].tap, "vnet1") == 0;

		assert_string_equal(nics[i].vm, "plug");
		assert_int_equal(nics[i].queues, 1);
		assert_string_equal(nics[i].mac, first ? "52:54:00:00:00:02" : "");
		assert_string_equal(nics[i].model, first ? "virtio-net-pci" : "");
		assert_int_equal(nics[i].waits, first ? VMM_WAITS_YES : VMM_WAITS_UNKNOWN);
	}
}

static void of_two_that_are_not_named_none_is_guessed(void **state)
{
	_cleanup_free_ struct vmm_nic *nics = NULL;
	size_t n;

	(void)state;
	assert_int_equal(vmm_scan_pid(tree, 401, &nics, &n), 0);
	assert_int_equal(n, 3);
	for (size_t i = 0; i < n; i++) {
		bool named = strcmp(nics[i].tap, "vnetn") == 0;

		assert_string_equal(nics[i].mac, named ? "52:54:00:00:00:04" : "");
		assert_string_equal(nics[i].model, named ? "virtio" : "");
		assert_int_equal(nics[i].waits, named ? VMM_WAITS_YES : VMM_WAITS_UNKNOWN);
	}
}

static void what_nothing_tells_is_unknown(void **state)
{
	_cleanup_free_ struct vmm_nic *nics = NULL;
	size_t n;

	(void)state;
	assert_int_equal(vmm_scan_pid(tree, 402, &nics, &n), 0);
	assert_int_equal(n, 1);
	assert_string_equal(nics[0].vm, "web");
	assert_string_equal(nics[0].mac, "");
	assert_string_equal(nics[0].model, "");
	assert_int_equal(nics[0].waits, VMM_WAITS_UNKNOWN);
	assert_non_null(strstr(nics[0].why, "backpressure: on")); /* the way out */
}

static void scans_one_process(void **state)
{
	struct vmm_nic *nics = (struct vmm_nic *)0x10;
	size_t n = 99;

	(void)state;
	assert_int_equal(vmm_scan_pid(tree, 999, &nics, &n), -ESRCH);
	assert_int_equal(vmm_scan_pid(tree, -1, &nics, &n), -ESRCH);
	assert_ptr_equal(nics, (struct vmm_nic *)0x10);
	assert_int_equal(n, 99);
	assert_int_equal(vmm_scan_pid(tree, 300, &nics, &n), 0);
	assert_int_equal(n, 0);
	free(nics);
	assert_int_equal(vmm_scan_pid(tree, 50, &nics, &n), 0);
	assert_int_equal(n, 1);
	assert_string_equal(nics[0].vmm, "rpc-libvirtd");
	assert_int_equal(nics[0].queues, 3);
	free(nics);
}

static void reads_start_times(void **state)
{
	uint64_t t = 5, again = 6;

	(void)state;
	assert_int_equal(vmm_start_time(tree, 100, &t), 0);
	assert_int_equal(t, 4711);
	assert_int_equal(vmm_start_time(tree, 4, &t), -ESRCH);
	assert_int_equal(t, 4711);
	assert_int_equal(vmm_start_time(PROCFS_ROOT, getpid(), &t), 0);
	assert_int_equal(vmm_start_time(PROCFS_ROOT, getpid(), &again), 0);
	assert_int_equal(t, again);
	assert_true(t > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scans_a_tree),
		cmocka_unit_test(what_nothing_tells_is_unknown),
		cmocka_unit_test(scans_one_process),
		cmocka_unit_test(of_two_that_are_not_named_none_is_guessed),
		cmocka_unit_test(a_number_that_was_used_again_is_not_believed),
		cmocka_unit_test(reads_start_times),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("kernel_vmm", tests, make_tree, remove_tree);
}
