/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whose NICs vhost-net serves: a made-up /proc for each row. */
#include "kernel/vmm/vmm.h"

#include "base/cleanup.h"

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

	snprintf(path, sizeof(path), "%s/" PID "/%s", tree, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, size), size);
}

static void put_fd(int fd, const char *target, const char *iff)
{
	char path[PATH_MAX], name[32], text[64];

	snprintf(path, sizeof(path), "%s/" PID "/fd/%d", tree, fd);
	assert_int_equal(symlink(target, path), 0);
	snprintf(name, sizeof(name), "fdinfo/%d", fd);
	snprintf(text, sizeof(text), "pos:\t0\niff:\t%s\n", iff);
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
	put("cmdline", cmdline, size);
	snprintf(path, sizeof(path), "%.15s\n",
		 strrchr(row->argv[0], '/') ? strrchr(row->argv[0], '/') + 1 : row->argv[0]);
	put("comm", path, strlen(path));
	put("stat", stat, sizeof(stat) - 1);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("kernel/vmm/vhost", tests, NULL, NULL);
}
