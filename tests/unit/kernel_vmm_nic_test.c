/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Why a VMM is, or is not, known to wait for backpressure. */
#include "kernel/vmm/vmm_cmdline.h"

#include "base/cleanup.h"

#include <stdarg.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#define TEN_LETTERS "abcdefghij"

/* What status says for each reason, and the answer that goes with it. */
static void explains(void **state)
{
	static const struct {
		const char *comm, *nic; /* nic: QEMU's -nic option, or NULL */
		enum vmm_why reason;
		enum vmm_waits waits;
		const char *why;
	} cases[] = {
		{ "cloud-hyperviso", NULL, VMM_WHY_NONE, VMM_WAITS_YES, "" },
		{ "qemu-system-x86", "tap,ifname=t,model=virtio", VMM_WHY_NONE, VMM_WAITS_YES, "" },
		{ "openvpn", NULL, VMM_WHY_NO_VMM, VMM_WAITS_UNKNOWN,
		  "openvpn is no VMM that divvy knows" },
		{ "lkvm", NULL, VMM_WHY_UNTRIED, VMM_WAITS_UNKNOWN,
		  "it has not been tried whether kvmtool waits for its tap" },
		{ "VBoxHeadless", NULL, VMM_WHY_UNTRIED, VMM_WAITS_UNKNOWN,
		  "it has not been tried whether VirtualBox waits for its tap" },
		{ "firecracker", NULL, VMM_WHY_DROPS, VMM_WAITS_NO,
		  "Firecracker drops what its tap does not take at once" },
		{ "qemu-system-x86", NULL, VMM_WHY_NO_MODEL, VMM_WAITS_UNKNOWN,
		  "nothing tells the model of QEMU's NIC; if it is virtio, set backpressure: on" },
		{ "qemu-system-x86", "tap,ifname=t,model=e1000", VMM_WHY_MODEL, VMM_WAITS_NO,
		  "QEMU's e1000 does not wait: 10,000 packets queue, then drop" },
		{ "qemu-system-x86", "tap,ifname=t,model=" TEN_LETTERS TEN_LETTERS TEN_LETTERS,
		  VMM_WHY_MODEL, VMM_WAITS_NO,
		  "QEMU's " TEN_LETTERS TEN_LETTERS "abc does not wait: 10,000 packets queue, then drop" },
	};
	const int fds[] = { 3 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char program[] = "program", option[] = "-nic", *nic = strdup(cases[i].nic ?: "none");
		char *argv[] = { program, option, nic, NULL };
		struct vmm_nic got = { .why = "left over" };

		vmm_describe(&(struct vmm_program){ "", cases[i].comm, argv }, "t", fds, 1, &got);
		assert_int_equal(got.reason, cases[i].reason);
		assert_int_equal(got.waits, cases[i].waits);
		assert_string_equal(got.why, cases[i].why);
		free(nic);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(explains),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("kernel_vmm_nic", tests, NULL, NULL);
}
