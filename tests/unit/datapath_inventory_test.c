/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What is known of a VM that divvyd may no longer look into. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "datapath/inventory.h"
#include "kernel/vmm/vmm.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The build wraps these: what the next look at /proc sees, and what it may not look into. */
static struct vmm_nic seen[4];
static size_t n_seen;
static struct vmm_sight sight;
static int refused; /* 0, or what a look into this test's process gets */

int __wrap_vmm_scan(const char *root, struct vmm_nic **nics, size_t *n, struct vmm_sight *out);
int __wrap_vmm_scan_pid(const char *root, pid_t pid, struct vmm_nic **nics, size_t *n);
int __wrap_records_apply(struct records *r, struct vmm_nic *nics, size_t n, bool fresh, uint64_t now_ns);

int __wrap_vmm_scan(const char *root, struct vmm_nic **nics, size_t *n, struct vmm_sight *out)
{
	(void)root;
	*nics = calloc(8, sizeof(**nics));
	assert_non_null(*nics);
	memcpy(*nics, seen, n_seen * sizeof(**nics));
	*n = n_seen;
	*out = sight;
	return 0;
}

int __wrap_vmm_scan_pid(const char *root, pid_t pid, struct vmm_nic **nics, size_t *n)
{
	(void)root;
	(void)nics;
	if (pid == getpid() && refused)
		return refused;
	*n = 0;
	return 0;
}

int __wrap_records_apply(struct records *r, struct vmm_nic *nics, size_t n, bool fresh, uint64_t now_ns)
{
	(void)r;
	(void)nics;
	(void)n;
	(void)fresh;
	(void)now_ns;
	return 0;
}

static void see(const char *tap, const char *vm, pid_t pid)
{
	struct vmm_nic *nic = &seen[n_seen++];

	*nic = (struct vmm_nic){ .pid = pid, .queues = 1, .vmm = "qemu", .known = true };
	assert_int_equal(vmm_start_time("/proc", getpid(), &nic->start_time), 0);
	strcpy(nic->tap, tap);
	strcpy(nic->vm, vm);
}

static struct host host;

/* The taps that the host has, with their VMs. */
static void expect(const char *want)
{
	char text[200] = "";

	(void)inventory_vms(&host, NULL, false);
	for (size_t i = 0; i < host.n_nics; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s=%s ", host.nics[i].tap, host.nics[i].vm);
	assert_string_equal(text, want);
}

static int begin(void **state)
{
	(void)state;
	host = (struct host){ 0 };
	sight = (struct vmm_sight){ 0 };
	n_seen = 0;
	refused = 0;
	see("tap2", "web", getpid());
	see("tap3", "web", getpid());
	expect("tap2=web tap3=web ");
	n_seen = 0;
	return 0;
}

static int end(void **state)
{
	(void)state;
	host_free(&host);
	return 0;
}

static void it_stands_while_its_process_does(void **state)
{
	(void)state;
	sight.limit = SIGHT_YAMA;
	refused = -EPERM;
	expect("tap2=web tap3=web ");
	expect("tap2=web tap3=web "); /* the second time as well */
	see("tap1", "new", 1);
	refused = -EACCES;
	expect("tap1=new tap2=web tap3=web ");
	assert_int_equal(inventory_vms(&host, NULL, false), 0); /* nothing is news */
	/* It may be looked into again, and has let its taps go. */
	refused = 0;
	expect("tap1=new ");
}

static void another_that_is_seen_has_its_tap(void **state)
{
	(void)state;
	sight.limit = SIGHT_REFUSED;
	refused = -EPERM;
	see("tap3", "late", 1);
	expect("tap2=web tap3=late ");
}

static void a_process_that_ended_keeps_nothing(void **state)
{
	(void)state;
	sight.limit = SIGHT_YAMA;
	refused = -EPERM;
	host.nics[0].start_time++; /* its pid is another's */
	expect("tap3=web ");
	refused = -ESRCH;
	expect("");
}

/* All processes may be looked into: what is not seen is not there. */
static void nothing_is_kept_with_full_sight(void **state)
{
	(void)state;
	refused = -EPERM;
	expect("");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_stands_while_its_process_does),
		TEST(another_that_is_seen_has_its_tap),
		TEST(a_process_that_ended_keeps_nothing),
		TEST(nothing_is_kept_with_full_sight),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
