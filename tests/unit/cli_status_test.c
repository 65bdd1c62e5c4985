/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/status.h"

#include "base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* status: JSON, with ' where it has ". */
static void check(const char *status, const char *expected)
{
	_cleanup_free_ char *text = NULL, *quoted = strdup(status);
	json_auto_t *j = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	for (char *at = quoted; (at = strchr(at, '\''));)
		*at = '"';
	j = json_loads(quoted, 0, NULL);
	assert_non_null(j);
	status_print(f, j, false);
	fclose(f);
	assert_string_equal(text, expected);
}

/* clang-format off */
#define BOUND "'nic':'vnet0','state':'bound','backpressure':'on','vm':null"
#define OF_UPLINK "{'uplinks':[{'name':'eno1','present':true,'capacity_bps':100000000,"
/* clang-format on */

static void test_rates(void **state)
{
	(void)state;
	check(OF_UPLINK "'delivered_bps':58990000,'devices':["
			"{'name':'web'," BOUND ",'share':60,'dropped_packets':0,"
			"'entitled_bps':60000000,'delivered_bps':58990000,'error_pp':-0.001}]}]}",
	      "eno1: 58.99 of 100 Mbit/s\n"
	      "DEVICE NIC   SHARE ENTITLED DELIVERED ERR pp DROPS BACKPRESSURE VM\n"
	      "web    vnet0    60    60.00     58.99  +0.00     0 on           -\n");
}

/* Networks stand before their devices, with their sums; columns that none needs are left out. */
static void test_tree(void **state)
{
	(void)state;
	check(OF_UPLINK "'capacity':'95% of link','delivered_bps':58990000,'networks':["
			"{'name':'a','share':3,'reserve_bps':50000000,'limit_bps':null,'entitled_bps':60000000,"
			"'delivered_bps':58000000,'first_device':1,'n_devices':1},"
			"{'name':'a/b','share':1,'reserve_bps':null,'limit_bps':70000000,'entitled_bps':60000000,"
			"'delivered_bps':58000000,'first_device':1,'n_devices':1},"
			"{'name':'c','share':1,'reserve_bps':null,'limit_bps':null,'entitled_bps':0,"
			"'delivered_bps':null,'first_device':2,'n_devices':0}],'devices':["
			"{'name':'db'," BOUND ",'share':1,'dropped_packets':0,"
			"'entitled_bps':40000000,'delivered_bps':990000,'error_pp':-1},"
			"{'name':'a/b/web'," BOUND ",'share':60,'dropped_packets':0,'reserve_bps':50000000,"
			"'entitled_bps':60000000,'delivered_bps':58000000,'error_pp':1}]}]}",
	      "eno1: 58.99 of 100 Mbit/s (95% of link)\n"
	      "DEVICE  NIC   SHARE RESERVE LIMIT ENTITLED DELIVERED ERR pp DROPS BACKPRESSURE VM\n"
	      "db      vnet0     1       -     -    40.00      0.99  -1.00     0 on           -\n"
	      "a/      -         3   50.00     -    60.00     58.00      -     - -            -\n"
	      "a/b/    -         1       - 70.00    60.00     58.00      -     - -            -\n"
	      "a/b/web vnet0    60   50.00     -    60.00     58.00  +1.00     0 on           -\n"
	      "c/      -         1       -     -     0.00         -      -     - -            -\n");
}

/* The first second after apply: there is one reading, and a rate needs two. */
static void test_no_rates_yet(void **state)
{
	(void)state;
	check(OF_UPLINK "'delivered_bps':null,'devices':["
			"{'name':'web'," BOUND ",'share':60,'dropped_packets':3,"
			"'entitled_bps':60000000,'delivered_bps':null,'error_pp':null},"
			"{'name':'db'," BOUND ",'share':40,'dropped_packets':0,"
			"'entitled_bps':null,'delivered_bps':0,'error_pp':null}]}]}",
	      "eno1: - of 100 Mbit/s\n"
	      "DEVICE NIC   SHARE ENTITLED DELIVERED ERR pp DROPS BACKPRESSURE VM\n"
	      "web    vnet0    60    60.00         -      -     3 on           -\n"
	      "db     vnet0    40        -      0.00      -     0 on           -\n");
}

/* vNICs of VMs that nothing divides stand below the table, then what is likely not meant. */
static void test_unclaimed_and_warnings(void **state)
{
	(void)state;
	check("{'uplinks':[{'name':'eno1','present':true,'delivered_bps':0,'capacity_bps':1000000,'devices':["
	      "{'name':'web','nic':'vnet0','state':'bound','backpressure':'on','vm':null,'share':60,"
	      "'dropped_packets':0,'entitled_bps':0,'delivered_bps':0,'error_pp':0,"
	      "'passed_by':'fw/in at ingress of vnet0'}]}],"
	      "'unclaimed':[{'nic':'vnet1','vm':'web','vmm':'qemu','pid':7,'mac':'52:54:00:00:00:01'},"
	      "{'nic':'tap3','vm':'','vmm':'crosvm','pid':8,'mac':''}],"
	      "'warnings':['the capacity is too high']}",
	      "eno1: 0 of 1 Mbit/s\n"
	      "DEVICE NIC   SHARE ENTITLED DELIVERED ERR pp DROPS BACKPRESSURE VM\n"
	      "web    vnet0    60     0.00      0.00  +0.00     0 on           -\n"
	      "  passed by: nft chain fw/in at ingress of vnet0 sees no packet of vnet0 (force: true)\n"
	      "Not divided: vnet1 of VM web (52:54:00:00:00:01): no device claims it\n"
	      "Not divided: tap3 of VM crosvm (MAC unknown): no device claims it\n"
	      "Warning: the capacity is too high\n");
}

/* What other programs do to divvy's own: below the device, and below the uplink's table. */
static void test_repaired(void **state)
{
	(void)state;
	check(OF_UPLINK "'delivered_bps':1000000,"
			"'repaired':{'last_minute':1,'total':5,'what':'IFB removed once'},'devices':["
			"{'name':'web'," BOUND ",'share':60,'dropped_packets':0,"
			"'entitled_bps':60000000,'delivered_bps':1000000,'error_pp':0,"
			"'repaired':{'last_minute':38,'total':90,'what':'filter removed 38 times'}},"
			"{'name':'db'," BOUND ",'share':40,'dropped_packets':0,"
			"'entitled_bps':0,'delivered_bps':0,'error_pp':0,"
			"'repaired':{'last_minute':0,'total':7,'what':''}}]}]}",
	      "eno1: 1 of 100 Mbit/s\n"
	      "DEVICE NIC   SHARE ENTITLED DELIVERED ERR pp DROPS BACKPRESSURE VM\n"
	      "web    vnet0    60    60.00      1.00  +0.00     0 on           -\n"
	      "  by another program, put right each time: filter removed 38 times in the last minute\n"
	      "db     vnet0    40     0.00      0.00  +0.00     0 on           -\n"
	      "  by another program, put right each time: IFB removed once in the last minute\n");
}

#define OF_SLOTS                                                                               \
	"'state':'bound','vm':{'name':'web','vmm':'qemu','pid':7},'cpu':{'credit_ns':1000000," \
	"'slots':6,'slots_run':2,'entitled_ns':1500000000,'used_ns':1500000000,'longest_pause_ms':13.1"

static void test_cpu(void **state)
{
	(void)state;
	check("{'schedule':{'policy':'paper','slot_ms':10,'slots':10,'lanes':1,'gate':'freeze',"
	      "'switch_ms':0.05,'late_slots':0,'skipped_slots':0},"
	      "'uplinks':[{'name':'eno1','present':true,'delivered_bps':30000000,'devices':["
	      "{'name':'web','share':60,'delivered_bps':30000000," OF_SLOTS ",'error_pp':null}},"
	      "{'name':'db','share':40," OF_SLOTS ",'error_pp':0.3}}]}]}",
	      "CPU slots: policy paper, 10 ms, 10 in a round, 1 lane, gate freeze\n"
	      "  switching takes 0.05 ms of a slot; slots late: 0, skipped: 0\n"
	      "eno1: 30 Mbit/s\n"
	      "DEVICE SHARE CREDIT SLOTS ENTITLED  USED ERR pp LONGEST DELIVERED VM\n"
	      "web       60  1.0ms   2/6    1.50s 1.50s      -  13.1ms     30.00 web[7]\n"
	      "db        40  1.0ms   2/6    1.50s 1.50s  +0.30  13.1ms         - web[7]\n");
}

/* What is not known is not called nothing. */
static void test_state(void **state)
{
	(void)state;
	check("{'uplinks':[],'specification':{'as_found':true,'state_lost':'state.json is empty'}}",
	      "What the kernel enforces stays as it is until divvy apply FILE, or divvy release --all\n"
	      "State lost: state.json is empty\n");
	check("{'uplinks':[],'specification':{'as_found':false,'state_lost':'','unsaved':'disk full'}}",
	      "Nothing is divided: divvy apply FILE (divvy discover shows what could be)\n"
	      "What runs would not survive a restart: disk full\n");
	check("{'uplinks':[],'specification':{'not_file':'d.yaml:1:2: no','differs_from_file':true,'file':'d.yaml'}}",
	      "Nothing is divided: divvy apply FILE (divvy discover shows what could be)\n"
	      "At divvyd's start: d.yaml:1:2: no\n");
}

#define KEPT(error, settled) "'conformance':{'delivered_bps':1,'entitled_bps':1,'error_pp':" error ",'measured_ns':1," \
	"'reserve_missed':0,'below_entitlement':0,'violated_ns':null,'changed_ns':null,'settled_after_ms':" settled "}"

/* What was measured is told, and nothing of what was not. */
static void test_promises(void **state)
{
	(void)state;
	check("{'monotonic_ns':9000000000,'uplinks':[{'name':'eno1','present':true,'capacity_bps':100000000,"
	      "'delivered_bps':58990000,'networks':[],'devices':["
	      "{'name':'web'," BOUND ",'share':60,'dropped_packets':0,'entitled_bps':60000000,'delivered_bps':58990000,"
	      "'error_pp':0," KEPT("0.5", "120") "},"
	      "{'name':'db'," BOUND ",'share':1,'dropped_packets':0,'entitled_bps':0,'delivered_bps':0,'error_pp':0,"
	      "'conformance':null},"
	      "{'name':'low'," BOUND ",'share':1,'dropped_packets':0,'entitled_bps':0,'delivered_bps':0,'error_pp':0,"
	      "'conformance':{'delivered_bps':1,'entitled_bps':1,'error_pp':-2.25,'measured_ns':1,'reserve_missed':1,"
	      "'below_entitlement':3,'violated_ns':8500000000,'changed_ns':1,'settled_after_ms':30}}]}]}",
	      "eno1: 58.99 of 100 Mbit/s\n"
	      "DEVICE NIC   SHARE ENTITLED DELIVERED ERR pp DROPS BACKPRESSURE VM\n"
	      "web    vnet0    60    60.00     58.99  +0.00     0 on           -\n"
	      "db     vnet0     1     0.00      0.00  +0.00     0 on           -\n"
	      "low    vnet0     1     0.00      0.00  +0.00     0 on           -\n"
	      "  promise not kept: less than its reserve 1 time, below its entitlement for 3 s; last 0.5 s ago\n"
	      "  promises: measured on 2 of 3 devices, in the latest second within 2.25 points of the uplink; settled 0.12 s after the last change\n");
	check("{'monotonic_ns':9000000000,'uplinks':[{'name':'eno1','present':true,'capacity_bps':100000000,"
	      "'delivered_bps':58990000,'networks':[],'devices':["
	      "{'name':'web'," BOUND ",'share':60,'dropped_packets':0,'entitled_bps':60000000,'delivered_bps':58990000,"
	      "'error_pp':0," KEPT("null", "null") "},"
	      "{'name':'db'," BOUND ",'share':1,'dropped_packets':0,'entitled_bps':0,'delivered_bps':0,'error_pp':0,"
	      KEPT("0.004", "null") "}]}]}",
	      "eno1: 58.99 of 100 Mbit/s\n"
	      "DEVICE NIC   SHARE ENTITLED DELIVERED ERR pp DROPS BACKPRESSURE VM\n"
	      "web    vnet0    60    60.00     58.99  +0.00     0 on           -\n"
	      "db     vnet0     1     0.00      0.00  +0.00     0 on           -\n"
	      "  promises: measured on 1 of 2 devices, in the latest second within 0.00 points of the uplink\n");
}

#define RECEIVES(terms, drops, promise) "'rx':{'state':'bound'," terms ",'entitled_bps':30000000,'delivered_bps':29000000," \
	"'error_pp':0.5,'dropped_packets':" drops ",'why':''," promise "}"

/* What devices receive has a table of its own, with the same columns and promises. */
static void test_received(void **state)
{
	(void)state;
	check("{'monotonic_ns':9000000000,'uplinks':[{'name':'eno1','present':true,'capacity_bps':100000000,'delivered_bps':0,"
	      "'rx':{'capacity_bps':50000000,'delivered_bps':58000000},'networks':["
	      "{'name':'a','share':1,'entitled_bps':0,'delivered_bps':0,'rx':{'share':3,'reserve_bps':20000000,"
	      "'limit_bps':null,'entitled_bps':30000000,'delivered_bps':29000000,'conformance':{'reserve_missed':2,"
	      "'below_entitlement':0,'violated_ns':8000000000}},'first_device':0,'n_devices':1}],'devices':["
	      "{'name':'a/web'," BOUND ",'share':60,'dropped_packets':0,'entitled_bps':0,'delivered_bps':0,'error_pp':0,"
	      RECEIVES("'share':7,'reserve_bps':20000000,'limit_bps':null", "12", KEPT("-0.5", "120")) "},"
	      "{'name':'db'," BOUND ",'share':1,'dropped_packets':0,'entitled_bps':0,'delivered_bps':0,'error_pp':0,"
	      "'rx':{'state':'waiting','share':1,'reserve_bps':null,'limit_bps':null,'entitled_bps':0,'delivered_bps':0,"
	      "'error_pp':0,'dropped_packets':0,'why':'no place','conformance':null}},"
	      "{'name':'low'," BOUND ",'share':1,'dropped_packets':0,'entitled_bps':0,'delivered_bps':0,'error_pp':0,"
	      "'rx':null}]}]}",
	      "eno1: 0 of 100 Mbit/s\n"
	      "DEVICE NIC   SHARE ENTITLED DELIVERED ERR pp DROPS BACKPRESSURE VM\n"
	      "a/     -         1     0.00      0.00      -     - -            -\n"
	      "a/web  vnet0    60     0.00      0.00  +0.00     0 on           -\n"
	      "db     vnet0     1     0.00      0.00  +0.00     0 on           -\n"
	      "low    vnet0     1     0.00      0.00  +0.00     0 on           -\n"
	      "eno1, received: 58 of 50 Mbit/s\n"
	      "RECEIVES SHARE RESERVE ENTITLED DELIVERED ERR pp DROPS STATE\n"
	      "a/           3   20.00    30.00     29.00      -     - -\n"
	      "  promise not kept: less than its reserve 2 times; last 1 s ago\n"
	      "a/web        7   20.00    30.00     29.00  +0.50    12 divided\n"
	      "db           1       -        -         -      -     - waiting\n"
	      "  not divided: no place\n"
	      "  promises: measured on 1 of 2 devices, in the latest second within 0.50 points of rx_capacity; "
	      "settled 0.12 s after the last change\n");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rates),
		cmocka_unit_test(test_tree), cmocka_unit_test(test_promises),
		cmocka_unit_test(test_received),
		cmocka_unit_test(test_no_rates_yet),
		cmocka_unit_test(test_repaired),
		cmocka_unit_test(test_cpu),
		cmocka_unit_test(test_unclaimed_and_warnings),
		cmocka_unit_test(test_state),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
