/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VMs with awkward names are all found; those that may not be looked into are told of. */
#include "awkward.h"
#include "proc_rig.h"

#include "base/printable.h"

#include <errno.h>

/* A comm has at most 15 bytes. */
static void comm_of(const char *name, char comm[16])
{
	snprintf(comm, 16, "%s", name);
}

static void awkward_names_are_found(void **state)
{
	_cleanup_free_ struct vmm_nic *nics = NULL;
	struct vmm_sight sight;
	struct proc_tree t;
	size_t n = 0;

	(void)state;
	rig_tree(&t);
	for (size_t i = 0; i < ARRAY_SIZE(awkward); i++) {
		const char *argv[] = { "qemu-system-x86_64", "-name", awkward[i].name, "-nic", "tap,fd=9,model=virtio", NULL };
		char tap[16], comm[16];

		comm_of(awkward[i].name, comm); /* -name process= */
		snprintf(tap, sizeof(tap), "tap%03zu", i);
		rig_process(&t, 100 + (int)i, comm, "/usr/bin/qemu-system-x86_64", argv);
		rig_fd(&t, 100 + (int)i, 9, "/dev/net/tun", tap);
	}
	assert_int_equal(vmm_scan(t.root, &nics, &n, &sight), 0);
	rig_remove(&t);
	assert_int_equal(n, ARRAY_SIZE(awkward));
	for (size_t i = 0; i < n; i++) {
		assert_string_equal(nics[i].vmm, "qemu");
		assert_string_equal(nics[i].vm, awkward[i].shown);
	}
	print_message("# %zu kinds of name\n", n);
}

/* What is no VMM is shown by its comm; nor may that be obeyed by a terminal. */
static void awkward_processes_are_found(void **state)
{
	_cleanup_free_ struct vmm_nic *nics = NULL;
	struct vmm_sight sight;
	struct proc_tree t;
	size_t n = 0;

	(void)state;
	rig_tree(&t);
	for (size_t i = 0; i < ARRAY_SIZE(awkward); i++) {
		const char *argv[] = { awkward[i].name, NULL };
		char tap[16], comm[16];

		comm_of(awkward[i].name, comm);
		snprintf(tap, sizeof(tap), "tap%03zu", i);
		rig_process(&t, 100 + (int)i, comm, awkward[i].name, argv);
		rig_fd(&t, 100 + (int)i, 9, "/dev/net/tun", tap);
	}
	assert_int_equal(vmm_scan(t.root, &nics, &n, &sight), 0);
	rig_remove(&t);
	assert_int_equal(n, ARRAY_SIZE(awkward));
	for (size_t i = 0; i < n; i++) {
		char comm[16], shown[VMM_KIND_SIZE];

		comm_of(awkward[i].name, comm);
		assert_string_equal(nics[i].vmm, printable_name(comm, shown, sizeof(shown)));
		assert_false(nics[i].known);
	}
}

/* --- what may not be looked into ------------------------------------------------------------------------ */

#define MOUNTS(options)                                                                   \
	"22 27 0:20 / /sys rw,nosuid - sysfs sysfs rw\n"                                   \
	"23 27 0:21 / /proc rw,nosuid,nodev,noexec,relatime shared:12 - proc proc rw" options "\n"

static void put_system(const struct proc_tree *t, const char *mounts, const char *yama)
{
	char path[PATH_MAX];

	for (const char *const *dir = (const char *const[]){ "self", "sys", "sys/kernel", "sys/kernel/yama", NULL }; *dir;
	     dir++) {
		snprintf(path, sizeof(path), "%s/%s", t->root, *dir);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	rig_put(t, 0, "../self/mountinfo", mounts, strlen(mounts));
	rig_put(t, 0, "../sys/kernel/yama/ptrace_scope", yama, strlen(yama));
}

static void each_limit_has_its_cause(void **state)
{
	static const struct {
		size_t n;
		const char *mounts, *yama;
		bool has_ptrace;
		enum sight_limit limit;
		const char *text;
	} rows[] = {
		{ 0, MOUNTS(""), "1\n", true, SIGHT_FULL, "" },
		{ 0, MOUNTS(""), "3\n", true, SIGHT_FULL, "" },
		{ 0, MOUNTS(",hidepid=2"), "1\n", true, SIGHT_FULL, "" },
		{ 0, MOUNTS(",hidepid=0"), "1\n", false, SIGHT_FULL, "" },
		{ 0, MOUNTS(""), "1\n", false, SIGHT_FULL, "" },
		{ 0, MOUNTS(",hidepid=invisible"), "1\n", false, SIGHT_HIDDEN,
		  "divvyd may not look into this host's processes: /proc hides processes (hidepid), and divvyd lacks "
		  "CAP_SYS_PTRACE; give it that right (CapabilityBoundingSet= of divvyd.service)" },
		{ 1, MOUNTS(""), "1\n", false, SIGHT_NO_PTRACE,
		  "divvyd may not look into a process that looks like a VMM (kvm, process 7): divvyd lacks "
		  "CAP_SYS_PTRACE; give it that right (CapabilityBoundingSet= of divvyd.service)" },
		{ 2, MOUNTS(""), "3\n", true, SIGHT_YAMA,
		  "divvyd may not look into 2 processes that look like VMMs (one is kvm, process 7): "
		  "kernel.yama.ptrace_scope is 3; nic: finds vNICs all the same, without backpressure" },
		{ 2, MOUNTS(""), "2\n", true, SIGHT_REFUSED,
		  "divvyd may not look into 2 processes that look like VMMs (one is kvm, process 7): the kernel refuses it "
		  "(Operation not permitted); nic: finds vNICs all the same, without backpressure" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char text[SIGHT_TEXT_SIZE];
		struct vmm_sight s = { 0 };
		struct proc_tree t;

		rig_tree(&t);
		rig_dir(&t, 0, "");
		put_system(&t, rows[i].mounts, rows[i].yama);
		sight_note(&s, 6, "kthreadd", false, -EACCES);
		for (size_t k = 0; k < rows[i].n; k++)
			sight_note(&s, 7 + (int)k, "kvm", true, -EPERM);
		sight_judge(&s, t.root, rows[i].has_ptrace);
		rig_remove(&t);
		assert_int_equal(s.limit, rows[i].limit);
		assert_string_equal(sight_text(&s, text), rows[i].text);
		assert_int_equal(s.cause != NULL, rows[i].limit != SIGHT_FULL);
		assert_int_equal(s.n, rows[i].n);
	}
}

static void a_proc_that_is_not_there(void **state)
{
	struct vmm_nic *nics = NULL;
	struct vmm_sight sight;
	char text[SIGHT_TEXT_SIZE];
	size_t n = 0;

	(void)state;
	assert_int_equal(vmm_scan("/tmp/divvy-no-such-proc", &nics, &n, &sight), -ENOENT);
	assert_int_equal(sight.limit, SIGHT_NO_PROC);
	assert_string_equal(sight_text(&sight, text),
			    "divvyd may not look into this host's processes: /proc cannot be read (No such file or "
			    "directory); mount it, or loosen ProtectProc= of divvyd.service");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(awkward_names_are_found),
		cmocka_unit_test(awkward_processes_are_found),
		cmocka_unit_test(each_limit_has_its_cause),
		cmocka_unit_test(a_proc_that_is_not_there),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("kernel_vmm_sight", tests, NULL, NULL);
}
