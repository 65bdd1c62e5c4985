/* SPDX-License-Identifier: GPL-2.0-or-later */

/* From devices to VMs that take part in CPU slots. */

#include "slots/members.h"

#include "base/cleanup.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define MBIT 125000ULL
#define NODES 16

static struct model model;
static struct binding bindings[NODES];
static struct member *list;
static size_t n;

static uint32_t add_node(enum node_kind kind, uint32_t parent, const char *name, uint32_t share)
{
	struct node node = { .kind = kind, .parent = parent, .share = { share }, .limit = RATE_UNLIMITED };
	int64_t i;

	snprintf(node.name, sizeof(node.name), "%s", name);
	if (kind == NODE_UPLINK)
		node.limit.bytes_ps = 100 * MBIT;
	i = model_add(&model, &node);
	assert_in_range(i, 0, NODES - 1);
	return (uint32_t)i;
}

/* A device on an uplink or a network, bound to a VM of QEMU's; pid 0: none is behind it. */
static struct binding *add(uint32_t parent, const char *name, uint32_t share, pid_t pid)
{
	struct binding *b = &bindings[add_node(NODE_DEVICE, parent, name, share)];

	*b = (struct binding){
		.bound = true, .pid = pid, .start_time = (uint64_t)pid * 10, .vmm_known = pid != 0
	};
	strcpy(b->vmm, pid ? "qemu" : "");
	return b;
}

static int begin(void **state)
{
	(void)state;
	model_init(&model);
	memset(bindings, 0, sizeof(bindings));
	add_node(NODE_UPLINK, NODE_NONE, "eth0", 1);
	list = NULL;
	return 0;
}

static int end(void **state)
{
	(void)state;
	model_free(&model);
	free(list);
	return 0;
}

static void find(size_t expected)
{
	assert_int_equal(members_find(&model, bindings, &list, &n), 0);
	assert_int_equal(n, expected);
	assert_non_null(list);
}

static void parts_are_what_entitlements_are(void **state)
{
	(void)state;
	add(0, "web", 60, 300);
	add(0, "batch", 40, 200);
	find(2);
	assert_int_equal(list[0].pid, 200); /* by pid */
	assert_int_equal(list[0].start_time, 2000);
	assert_int_equal(list[0].part.ppm, 400000);
	assert_int_equal(list[1].pid, 300);
	assert_int_equal(list[1].part.ppm, 600000);
}

static void a_network_s_share_is_divided_among_its_devices(void **state)
{
	uint32_t network;

	(void)state;
	add(0, "web", 1, 100);
	network = add_node(NODE_NETWORK, 0, "tenant", 1);
	add(network, "a", 3, 200);
	add(network, "b", 1, 300);
	find(3);
	assert_int_equal(list[0].part.ppm, 500000);
	assert_int_equal(list[1].part.ppm, 375000);
	assert_int_equal(list[2].part.ppm, 125000);
}

static void several_devices_of_a_vm_are_one_member(void **state)
{
	struct binding *b;

	(void)state;
	b = add(0, "web-a", 30, 300);
	strcpy(b->vm, "web");
	add(0, "batch", 40, 200);
	b = add(0, "web-b", 30, 300);
	strcpy(b->vm, "web");
	find(2);
	assert_int_equal(list[0].part.ppm, 400000);
	assert_int_equal(list[1].pid, 300);
	assert_int_equal(list[1].part.ppm, 600000);
	assert_string_equal(list[1].name, "web");
}

static void a_part_is_at_most_the_whole_cpu(void **state)
{
	uint32_t other;

	(void)state;
	add(0, "a", 1, 100);
	other = add_node(NODE_UPLINK, NODE_NONE, "eth1", 1);
	model.nodes[other].limit.bytes_ps = 10 * MBIT;
	add(other, "b", 3, 100);
	add(other, "c", 1, 200);
	find(2);
	assert_int_equal(list[0].part.ppm, 1000000);
	assert_int_equal(list[1].part.ppm, 250000);
}

static void a_part_is_never_none(void **state)
{
	(void)state;
	add(0, "large", SHARE_MAX, 100);
	for (pid_t pid = 200; pid < 203; pid++)
		add(0, "small", 1, pid);
	model.nodes[0].limit.bytes_ps = RATE_MAX_BYTES_PS;
	model.nodes[1].share.weight = SHARE_MAX;
	find(4);
	for (size_t i = 1; i < 4; i++)
		assert_int_equal(list[i].part.ppm, 1);
	model.nodes[0].limit.bytes_ps = 3000; /* bytes do not suffice for one each */
	free(list);
	find(4);
	for (size_t i = 1; i < 4; i++)
		assert_int_equal(list[i].part.ppm, 1);
}

/* What such a device could have goes to the others. */
static void only_known_vmms_take_part(void **state)
{
	static const char *const strangers[] = { "openvpn", "libvirtd", "qemu" }; /* the last: by its comm */
	struct binding *waiting;

	(void)state;
	add(0, "web", 1, 100);
	for (int i = 0; i < (int)ARRAY_SIZE(strangers); i++) {
		struct binding *b = add(0, strangers[i], 1, 200 + i);

		strcpy(b->vmm, strangers[i]);
		b->vmm_known = false;
	}
	add(0, "container", 1, 0);
	waiting = add(0, "waiting", 1, 300);
	waiting->bound = false;
	strcpy(add(0, "box", 1, 400)->vmm, "firecracker");
	find(2);
	assert_int_equal(list[0].pid, 100);
	assert_int_equal(list[0].part.ppm, 500000);
	assert_int_equal(list[1].pid, 400);
	assert_int_equal(list[1].part.ppm, 500000);
}

/* What is known of one device is older than what is known of the other: a pid is one process's. */
static void of_two_processes_with_one_pid_the_later_counts(void **state)
{
	(void)state;
	add(0, "old", 1, 100);
	add(0, "new", 1, 100)->start_time = 1001;
	add(0, "new-b", 1, 100)->start_time = 1001;
	add(0, "other", 1, 200);
	find(2);
	assert_int_equal(list[0].pid, 100);
	assert_int_equal(list[0].start_time, 1001);
	assert_string_equal(list[0].name, "new");
	assert_int_equal(list[0].part.ppm, 500000);
}

static void a_vm_without_a_name_is_called_as_its_device(void **state)
{
	(void)state;
	strcpy(add(0, "nic-a", 1, 100)->vm, "web");
	add(0, "nic-b", 1, 200);
	find(2);
	assert_string_equal(list[0].name, "web");
	assert_string_equal(list[1].name, "nic-b");
}

static void no_vm_is_an_empty_list(void **state)
{
	(void)state;
	add(0, "container", 1, 0);
	find(0);
}

static void the_order_of_devices_does_not_matter(void **state)
{
	static const struct {
		const char *name;
		uint32_t share;
		pid_t pid;
	} devices[] = { { "b", 50, 100 }, { "c", 20, 200 }, { "a", 20, 100 }, { "d", 10, 300 } };
	struct member *first = NULL;

	(void)state;
	for (size_t turn = 0; turn < 4; turn++) {
		model.n_nodes = 1;
		for (size_t i = 0; i < 4; i++) {
			size_t k = (i + turn) % 4;

			add(0, devices[k].name, devices[k].share, devices[k].pid);
		}
		find(3);
		for (size_t i = 0; first && i < n; i++) {
			assert_int_equal(list[i].pid, first[i].pid);
			assert_int_equal(list[i].part.ppm, first[i].part.ppm);
			assert_string_equal(list[i].name, first[i].name);
		}
		if (first)
			free(list);
		else
			first = list;
		list = NULL;
	}
	assert_int_equal(first[0].part.ppm, 700000);
	assert_string_equal(first[0].name, "a");
	free(first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(parts_are_what_entitlements_are, begin, end),
		cmocka_unit_test_setup_teardown(a_network_s_share_is_divided_among_its_devices, begin, end),
		cmocka_unit_test_setup_teardown(several_devices_of_a_vm_are_one_member, begin, end),
		cmocka_unit_test_setup_teardown(a_part_is_at_most_the_whole_cpu, begin, end),
		cmocka_unit_test_setup_teardown(a_part_is_never_none, begin, end),
		cmocka_unit_test_setup_teardown(only_known_vmms_take_part, begin, end),
		cmocka_unit_test_setup_teardown(of_two_processes_with_one_pid_the_later_counts, begin, end),
		cmocka_unit_test_setup_teardown(a_vm_without_a_name_is_called_as_its_device, begin, end),
		cmocka_unit_test_setup_teardown(no_vm_is_an_empty_list, begin, end),
		cmocka_unit_test_setup_teardown(the_order_of_devices_does_not_matter, begin, end),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("slots_members", tests, NULL, NULL);
}
