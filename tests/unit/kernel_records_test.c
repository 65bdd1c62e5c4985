/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Managers' records on a made-up host: which are believed, and what they change of what command lines say. */
#include "kernel/vmm/records.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "kernel/vmm/records_read.h"
#include "kernel/vmm/vmm_qemu.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

#define LIBVIRT "/run/libvirt/qemu"
#define PVE "/etc/pve/qemu-server"

static char tree[32];
static struct records *records;

static char *path_of(const char *name)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s%s", tree, name);
	return path;
}

static void put(const char *name, const char *text)
{
	_cleanup_close_ int fd = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void move(const char *from, const char *to)
{
	char old[PATH_MAX];

	snprintf(old, sizeof(old), "%s%s", tree, from);
	assert_int_equal(rename(old, path_of(to)), 0);
}

static int make_tree(void **state)
{
	static const char *const dirs[] = { "/run", "/run/libvirt", LIBVIRT, "/etc", "/etc/pve", PVE };

	(void)state;
	strcpy(tree, "/tmp/divvy-records-XXXXXX");
	if (!mkdtemp(tree))
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		if (mkdir(path_of(dirs[i]), 0755) < 0)
			return -1;
	return records_open(&records, tree);
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
	records = records_close(records);
	return nftw(tree, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* A vNIC as a command line tells it. */
static struct vmm_nic make_nic(const char *tap, pid_t pid, const char *mac, const char *model)
{
	struct vmm_nic nic = { .pid = pid, .known = true, .vmm = "qemu" };

	snprintf(nic.tap, sizeof(nic.tap), "%s", tap);
	snprintf(nic.mac, sizeof(nic.mac), "%s", mac);
	snprintf(nic.model, sizeof(nic.model), "%s", model);
	vmm_qemu_judge(model, &nic);
	return nic;
}

static void put_domain(const char *file, int pid, const char *tap, const char *mac, const char *model)
{
	char text[1024];

	snprintf(text, sizeof(text),
		 "<domstatus state='running' pid='%d'><domain><name>x</name><devices><interface type='bridge'>"
		 "<mac address='%s'/><target dev='%s'/><model type='%s'/></interface></devices></domain></domstatus>",
		 pid, mac, tap, model);
	put(file, text);
}

static uint64_t now_ns; /* moves on by hand */

/* One vNIC, after the records were read. */
static struct vmm_nic ask(const char *tap, pid_t pid)
{
	struct vmm_nic nic = make_nic(tap, pid, "52:54:00:00:00:99", "virtio-net-pci");

	assert_int_equal(records_apply(records, &nic, 1, true, now_ns), 0);
	return nic;
}

static void assert_is(struct vmm_nic nic, const char *mac, const char *model, enum vmm_waits waits)
{
	assert_string_equal(nic.mac, mac);
	assert_string_equal(nic.model, model);
	assert_int_equal(nic.waits, waits);
}

static void assert_believed(struct vmm_nic nic)
{
	assert_is(nic, "52:54:00:00:00:01", "e1000", VMM_WAITS_NO);
}

/* What the command line says. */
static void assert_ignored(struct vmm_nic nic)
{
	assert_is(nic, "52:54:00:00:00:99", "virtio-net-pci", VMM_WAITS_YES);
}

static void assert_news(const char *what)
{
	const char *line = records_news(records);

	if (!what) {
		assert_null(line);
		return;
	}
	assert_non_null(line);
	if (!strstr(line, what))
		fail_msg("\"%s\" is not in \"%s\"", what, line);
	assert_null(records_news(records));
	(void)ask("other", 1); /* read again: the same error is no news */
	assert_null(records_news(records));
}

static void libvirt_has_the_last_word(void **state)
{
	(void)state;
	assert_ignored(ask("vnet0", 100));
	put_domain(LIBVIRT "/web.xml", 100, "vnet0", "52:54:00:00:00:01", "e1000");
	assert_believed(ask("vnet0", 100));
	/* A tap that it does not name is none that it knows: what the command line says is not of it. */
	assert_is(ask("vnet1", 100), "", "", VMM_WAITS_UNKNOWN);
	/* Another process with a tap of that name: a record is of one process. */
	assert_ignored(ask("vnet0", 101));
	/* It is written anew: another NIC. */
	put_domain(LIBVIRT "/web.new", 100, "vnet1", "52:54:00:00:00:02", "virtio");
	assert_believed(ask("vnet0", 100));
	move(LIBVIRT "/web.new", LIBVIRT "/web.xml");
	assert_is(ask("vnet1", 100), "52:54:00:00:00:02", "virtio", VMM_WAITS_YES);
	assert_is(ask("vnet0", 100), "", "", VMM_WAITS_UNKNOWN);
	/* It is gone. */
	assert_int_equal(unlink(path_of(LIBVIRT "/web.xml")), 0);
	assert_ignored(ask("vnet0", 100));
	assert_news(NULL);
}

/* Between looks for other reasons only a tap that is new makes divvyd read. */
static void is_read_again_for_a_new_tap(void **state)
{
	struct vmm_nic nics[2];

	(void)state;
	put_domain(LIBVIRT "/a.xml", 100, "vnet0", "52:54:00:00:00:01", "e1000");
	assert_believed(ask("vnet0", 100));
	assert_false(records_behind(records));
	/* QEMU has another NIC, which libvirt has not recorded yet. */
	nics[0] = make_nic("vnet0", 100, "", ""), nics[1] = make_nic("vnet1", 100, "", "");
	assert_int_equal(records_apply(records, nics, 2, false, now_ns), 0);
	assert_believed(nics[0]);
	assert_is(nics[1], "", "", VMM_WAITS_UNKNOWN);
	assert_true(records_behind(records));
	put(LIBVIRT "/a.xml", "<domstatus pid='100'><domain><devices><interface><target dev='vnet0'/></interface><interface>"
			      "<target dev='vnet1'/><model type='virtio'/></interface></devices></domain></domstatus>");
	nics[0] = make_nic("vnet0", 100, "", ""), nics[1] = make_nic("vnet1", 100, "", "");
	assert_int_equal(records_apply(records, nics, 2, false, now_ns), 0);
	assert_true(records_behind(records));
	assert_int_equal(records_apply(records, nics, 2, true, now_ns), 0);
	assert_is(nics[1], "", "virtio", VMM_WAITS_YES);
	assert_false(records_behind(records));
}

static void two_records_of_one_process(void **state)
{
	(void)state;
	put_domain(LIBVIRT "/a.xml", 100, "vnet0", "52:54:00:00:00:01", "e1000");
	put_domain(LIBVIRT "/b.xml", 100, "vnet0", "52:54:00:00:00:02", "virtio");
	put_domain(LIBVIRT "/c.xml", 102, "vnet2", "52:54:00:00:00:01", "e1000");
	assert_ignored(ask("vnet0", 100));
	assert_believed(ask("vnet2", 102));
}

static void only_qemu_s_vnics(void **state)
{
	struct vmm_nic nics[] = { make_nic("vnet0", 100, "", ""), make_nic("vnet0", 100, "", "") };

	(void)state;
	put_domain(LIBVIRT "/a.xml", 100, "vnet0", "52:54:00:00:00:01", "e1000");
	nics[0].known = false;
	strcpy(nics[1].vmm, "firecracker");
	assert_int_equal(records_apply(records, nics, 2, true, now_ns), 0);
	assert_is(nics[0], "", "", VMM_WAITS_UNKNOWN);
	assert_is(nics[1], "", "", VMM_WAITS_UNKNOWN);
	assert_int_equal(records_apply(records, NULL, 0, true, now_ns), 0);
}

static void proxmox_by_number(void **state)
{
	struct vmm_nic nics[] = { make_nic("tap100i0", 7, "52:54:00:00:00:99", "virtio-net-pci"),
				  make_nic("tap100i1", 7, "52:54:00:00:00:99", "virtio-net-pci"),
				  make_nic("tap101i0", 8, "52:54:00:00:00:99", "virtio-net-pci"),
				  make_nic("tap100i0", 9, "52:54:00:00:00:99", "virtio-net-pci") };

	(void)state;
	put(PVE "/100.conf", "net0: e1000=52:54:00:00:00:01,bridge=vmbr0\n[PENDING]\nnet1: e1000=52:54:00:00:00:02\n");
	put(PVE "/102.conf", "net0: e1000=52:54:00:00:00:01,bridge=vmbr0\n");
	nics[3].known = false;
	assert_int_equal(records_apply(records, nics, ARRAY_SIZE(nics), true, now_ns), 0);
	assert_believed(nics[0]);
	assert_ignored(nics[1]); /* not told: the command line holds */
	assert_ignored(nics[2]);
	assert_ignored(nics[3]);
	assert_news(NULL);
	/* libvirt knows the process: it comes first. */
	put_domain(LIBVIRT "/a.xml", 7, "tap100i0", "52:54:00:00:00:05", "virtio");
	assert_is(ask("tap100i0", 7), "52:54:00:00:00:05", "virtio", VMM_WAITS_YES);
}

static void only_files_of_root(void **state)
{
	const char *file = LIBVIRT "/web.xml";

	(void)state;
	put_domain(file, 100, "vnet0", "52:54:00:00:00:01", "e1000");
	assert_int_equal(chmod(path_of(file), 0644), 0);
	assert_int_equal(chown(path_of(file), 1, 0), 0);
	assert_ignored(ask("vnet0", 100));
	assert_news("web.xml of libvirt is not used: only a regular file of root's");
	assert_int_equal(chown(path_of(file), 0, 0), 0);
	assert_believed(ask("vnet0", 100));
	assert_int_equal(chmod(path_of(file), 0620), 0);
	assert_ignored(ask("vnet0", 100));
	assert_news("that no other user may write");
	assert_int_equal(chmod(path_of(file), 0602), 0);
	assert_ignored(ask("vnet0", 100));
	assert_int_equal(chmod(path_of(file), 0644), 0);
	assert_believed(ask("vnet0", 100));
	/* a link, a FIFO, a directory */
	move(file, "/real.xml");
	assert_int_equal(symlink("../../../real.xml", path_of(file)), 0);
	assert_ignored(ask("vnet0", 100));
	assert_news("it is a link");
	assert_int_equal(unlink(path_of(file)), 0);
	assert_int_equal(mkfifo(path_of(file), 0600), 0);
	assert_ignored(ask("vnet0", 100));
	assert_int_equal(unlink(path_of(file)), 0);
	assert_int_equal(mkdir(path_of(file), 0700), 0);
	assert_ignored(ask("vnet0", 100));
	assert_int_equal(rmdir(path_of(file)), 0);
	/* the directory is another user's */
	move("/real.xml", file);
	assert_believed(ask("vnet0", 100));
	assert_int_equal(chmod(path_of(LIBVIRT), 0777), 0);
	assert_ignored(ask("vnet0", 100));
	assert_news(LIBVIRT "/ of libvirt is not used");
}

static void other_records_go_on(void **state)
{
	char name[64];

	(void)state;
	put_domain(LIBVIRT "/good.xml", 100, "vnet0", "52:54:00:00:00:01", "e1000");
	put(LIBVIRT "/bad\x1b[2J.xml", "<!DOCTYPE d [<!ENTITY e 'e'>]><domstatus pid='101'/>");
	put(LIBVIRT "/.hidden.xml", "nonsense");
	put(LIBVIRT "/web.pid", "100");
	assert_believed(ask("vnet0", 100));
	assert_news("bad?[2J.xml of libvirt is not used: it is no record of a VM");
	put(LIBVIRT "/long.xml", "");
	assert_int_equal(truncate(path_of(LIBVIRT "/long.xml"), 1024 * 1024 + 1), 0);
	assert_believed(ask("vnet0", 100));
	assert_news("long.xml of libvirt is not used: it is too long");
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), LIBVIRT "/vm%d.xml", i);
		put_domain(name, 1000 + i, "vnet9", "52:54:00:00:00:01", "e1000");
	}
	assert_believed(ask("vnet9", 1000));
	assert_believed(ask("vnet9", 1299));
}

/* As long as libvirt's are, about 10 KB. What it costs is printed. */
static void records_of_a_thousand(void **state)
{
	size_t room = 16384, at;
	_cleanup_free_ char *text = malloc(room);
	char name[64];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		at = (size_t)sprintf(text, "<domstatus state='running' pid='%d'><qemuCaps>\n", 1000 + i);
		while (at < 9000)
			at += (size_t)sprintf(text + at, "    <flag name='virtio-net-pci.some-capability'/>\n");
		sprintf(text + at,
			"</qemuCaps><domain><devices><interface type='bridge'><mac address='52:54:00:00:00:01'/>"
			"<target dev='vnet%d'/><model type='e1000'/></interface></devices></domain></domstatus>", i);
		snprintf(name, sizeof(name), LIBVIRT "/vm%d.xml", i);
		put(name, text);
	}
	for (int round = 0; round < 3; round++) {
		uint64_t start = clock_now_ns();
		struct vmm_nic nic = ask("vnet0", 1000);

		print_message("# records of 1,000 VMs, reading %d: %.1f ms\n", round + 1,
			      (double)(clock_now_ns() - start) / NSEC_PER_MSEC);
		if (round == 2) /* a busy machine may need more than one reading */
			assert_believed(nic);
	}
}

/* A file that is as it was is not parsed again. */
static void unchanged_files_are_known(void **state)
{
	struct records_set known = { 0 }, now = { 0 };
	struct records_request q = { .root = tree, .known = &known, .budget_ns = NSEC_PER_SEC };
	pid_t left = 0;

	(void)state;
	put_domain(LIBVIRT "/a.xml", 100, "vnet0", "52:54:00:00:00:01", "e1000");
	put_domain(LIBVIRT "/b.xml", 101, "vnet1", "52:54:00:00:00:02", "virtio");
	assert_int_equal(records_read(&q, &left, &known), 0);
	assert_int_equal(known.n_files, 2);
	strcpy(known.nics[0].model, "mark");
	strcpy(known.nics[1].model, "mark");
	put_domain(LIBVIRT "/b.xml", 101, "vnet1", "52:54:00:00:00:02", "rtl8139");
	assert_int_equal(records_read(&q, &left, &now), 0);
	assert_int_equal(now.n_nics, 2);
	assert_string_equal(now.nics[now.files[0].first].model, "mark");
	assert_string_equal(now.nics[now.files[1].first].model, "rtl8139");
	records_set_free(&now);
	/* no time for any that has changed: said, and not forgotten */
	q.budget_ns = 0;
	put_domain(LIBVIRT "/b.xml", 101, "vnet1", "52:54:00:00:00:02", "e1000e");
	assert_int_equal(records_read(&q, &left, &now), 0);
	assert_int_equal(now.files[0].error, 0);
	assert_int_equal(now.files[1].error, -EAGAIN);
	records_set_free(&known);
	known = now;
	q.budget_ns = NSEC_PER_SEC;
	assert_int_equal(records_read(&q, &left, &now), 0);
	assert_int_equal(now.files[1].error, 0);
	assert_string_equal(now.nics[now.files[1].first].model, "e1000e");
	records_set_free(&now);
	records_set_free(&known);
}

/* --- the answer of a child gone wrong ----------------------------------------------------------------- */

static int decode(const void *bytes, size_t size)
{
	struct records_set s = { 0 };
	int r = records_decode(bytes, size, &s);

	records_set_free(&s);
	return r;
}

static void answers_are_checked(void **state)
{
	struct record_nic nics[2] = { { .tap = "vnet0", .model = "virtio" }, { .tap = "vnet1" } };
	struct records_file files[2] = { { .name = "a.xml", .pid = 5, .n = 2 }, { .name = "b.xml", .error = -EBADMSG } };
	struct records_file good[2];
	struct records_set s = { .files = files, .n_files = 2, .nics = nics, .n_nics = 2 };
	static const char garbage[64];
	size_t size;

#define ASSERT_REFUSED()                                              \
	do {                                                          \
		_cleanup_free_ void *bytes_ = records_encode(&s, &size); \
		assert_int_equal(decode(bytes_, size), -EBADMSG);     \
		memcpy(files, good, sizeof(good));                    \
	} while (0)

	(void)state;
	memcpy(good, files, sizeof(good));
	_cleanup_free_ char *bytes = records_encode(&s, &size);
	assert_int_equal(decode(bytes, size), 0);
	for (size_t i = 0; i < size; i++)
		assert_int_equal(decode(bytes, i), -EBADMSG);
	assert_int_equal(decode(garbage, sizeof(garbage)), -EBADMSG);
	for (size_t i = 0; i < size; i++)
		for (int bit = 0; bit < 8; bit++) {
			bytes[i] = (char)(bytes[i] ^ (1 << bit));
			(void)decode(bytes, size); /* whatever it says: no crash, and the sanitizers are silent */
			bytes[i] = (char)(bytes[i] ^ (1 << bit));
		}
	files[0].n = 3;
	ASSERT_REFUSED();
	files[0].first = 1;
	ASSERT_REFUSED();
	files[0].first = UINT32_MAX;
	ASSERT_REFUSED();
	files[0].source = 9;
	ASSERT_REFUSED();
	files[0].pid = -1;
	ASSERT_REFUSED();
	files[0].error = 1;
	ASSERT_REFUSED();
	files[1].n = 1;
	ASSERT_REFUSED();
	files[1].source = 0, files[1].name[0] = 'A'; /* not in order */
	ASSERT_REFUSED();
	memset(files[1].name, 'n', sizeof(files[1].name));
	ASSERT_REFUSED();
	memset(nics[1].tap, 't', sizeof(nics[1].tap));
	ASSERT_REFUSED();
#undef ASSERT_REFUSED
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make_tree, remove_tree)
	const struct CMUnitTest tests[] = {
		TEST(libvirt_has_the_last_word), TEST(is_read_again_for_a_new_tap), TEST(two_records_of_one_process), TEST(only_qemu_s_vnics),
		TEST(proxmox_by_number),	 TEST(only_files_of_root),	   TEST(other_records_go_on),
		TEST(records_of_a_thousand),	 TEST(unchanged_files_are_known), TEST(answers_are_checked),
	};
#undef TEST

	cmocka_set_message_output(CM_OUTPUT_TAP);
	if (geteuid() != 0) {
		printf("1..0 # SKIP root is needed: records are files of root's\n");
		return 0;
	}
	return cmocka_run_group_tests_name("kernel_records", tests, NULL, NULL);
}
