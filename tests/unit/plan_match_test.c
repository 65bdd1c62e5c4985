/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Whose each vNIC is, in scenes that a person can follow; plan_bind_test.c has random ones. */

#include "plan_rig.h"

/* A scene without VMs, and one device. */
static void one_device(struct scene *s, enum selector_kind select, const char *selector)
{
	scene_make(s);
	s->rig.n_nics = 0;
	add_device(&s->model, 0, "web", select, selector);
}

/* Two vNICs of one process are one device: one class, and a send buffer each. */
static void all_vnics_of_a_vm(void **state)
{
	struct scene s;
	struct plan p;

	(void)state;
	one_device(&s, SELECT_VM, "web");
	for (int i = 0; i < 3; i++) {
		struct vmm_nic *nic = put_nic(&s.rig, rig_names[i], i < 2 ? "web" : "db", "");

		nic->pid = i < 2 ? 100 : 101;
		nic->waits = VMM_WAITS_YES;
	}
	scene_refresh(&s);
	make(&s, &p);
	assert_int_equal(p.model.n_nodes, 2);
	assert_int_equal(p.n_bindings, 3);
	assert_int_equal(p.bindings[1].next, 2);
	assert_string_equal(p.bindings[1].nic, "tap0");
	assert_string_equal(p.bindings[2].nic, "tap1");
	assert_int_equal(p.tree.n_vnics, 2);
	assert_int_equal(p.tree.uplinks[0].n_classes, 3); /* the uplink's, the default, and one */
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(p.tree.vnics[i].minor, p.minors[1]);
		assert_true(p.tree.vnics[i].sndbuf > 0);
	}
	/* One that the kernel refuses is no longer the first, and the other stays. */
	plan_leave_out(&p, 10, DIRECTION_TX, REASON_NO_ATTACH, "Operation not supported", NULL);
	assert_true(p.bindings[1].bound);
	assert_string_equal(p.bindings[1].nic, "tap1");
	assert_false(p.bindings[2].bound);
	assert_int_equal(p.bindings[2].why.code, REASON_NO_ATTACH);
	assert_int_equal(p.tree.vnics[0].binding, 2);
	assert_int_equal(p.tree.vnics[1].binding, 1);
	plan_free(&p);
	scene_free(&s);
}

/* What is not held back may have to drop, and so may the class that it shares. */
static void a_class_drops_if_one_vnic_is_not_held_back(void **state)
{
	struct scene s;
	struct plan p;

	(void)state;
	one_device(&s, SELECT_VM, "web");
	put_nic(&s.rig, "tap0", "web", "")->pid = 100;
	put_nic(&s.rig, "tap1", "web", "")->pid = 100;
	s.rig.nics[0].waits = VMM_WAITS_YES;
	s.rig.nics[1].waits = VMM_WAITS_NO;
	scene_refresh(&s);
	make(&s, &p);
	assert_int_equal(p.tree.uplinks[0].classes[2].leaf.kind, LEAF_FQ_CODEL);
	assert_true(tree_vnic(&p.tree, 10, DIRECTION_TX)->sndbuf > 0);
	assert_int_equal(tree_vnic(&p.tree, 11, DIRECTION_TX)->sndbuf, 0);
	plan_free(&p);
	scene_free(&s);
}

/* A second process takes the VM's name: it does not join, and what is bound stays, also when the first gets more. */
static void a_namesake_does_not_join(void **state)
{
	struct plan first, second, third;
	struct scene s;
	uint32_t others;

	(void)state;
	one_device(&s, SELECT_VM, "web");
	others = add_network(&s.model, 0, "others");
	s.model.nodes[others].others = true;
	put_nic(&s.rig, "tap1", "web", "")->pid = 200;
	scene_refresh(&s);
	make(&s, &first);
	assert_string_equal(first.bindings[1].nic, "tap1");
	put_nic(&s.rig, "tap0", "web", "")->pid = 100;
	put_nic(&s.rig, "tap2", "web", "")->pid = 200;
	plan_again(&s, &first, &second);
	assert_string_equal(second.bindings[1].nic, "tap1");
	assert_string_equal(second.bindings[second.bindings[1].next].nic, "tap2");
	assert_int_equal(second.bindings[second.bindings[1].next].next, 0);
	/* The other one is bound by now, among the others: this does not make it the device's. */
	plan_again(&s, &second, &third);
	assert_same_plan(&second, &third);
	plan_free(&third);
	plan_free(&second);
	/* Where none was there before, neither is taken. */
	s.in.classids = &no_numbers;
	make(&s, &second);
	assert_int_equal(second.bindings[1].why.code, REASON_SEVERAL_OF_VM);
	assert_string_equal(second.bindings[1].why.text,
			    "VM web is 2 VMs, process 100 (tap0) and process 200 (tap1, tap2): select one by nic: or mac:");
	plan_free(&second);
	plan_free(&first);
	scene_free(&s);
}

/* A tenant calls its VM as the manager numbers another one: it does not join. */
static void a_number_goes_before_a_name(void **state)
{
	struct scene s;
	struct plan p;

	(void)state;
	one_device(&s, SELECT_VM, "101");
	put_nic(&s.rig, "tap0", "101", "")->pid = 100;
	put_nic(&s.rig, "tap1", "mail", "")->pid = 200;
	strcpy(s.rig.nics[1].vmid, "101");
	scene_refresh(&s);
	make(&s, &p);
	assert_string_equal(p.bindings[1].nic, "tap1");
	assert_int_equal(p.bindings[1].next, 0);
	plan_free(&p);
	/* Where no VM has the number, the name counts. */
	strcpy(s.rig.nics[1].vmid, "102");
	scene_refresh(&s);
	make(&s, &p);
	assert_string_equal(p.bindings[1].nic, "tap0");
	assert_int_equal(p.bindings[1].next, 0);
	plan_free(&p);
	scene_free(&s);
}

static void an_altname_is_a_name(void **state)
{
	struct scene s;
	struct plan p;

	(void)state;
	one_device(&s, SELECT_NIC, "frontend");
	strcpy(s.rig.links[0].altnames, "other");
	strcpy(s.rig.links[0].altnames + 6, "frontend");
	scene_refresh(&s);
	make(&s, &p);
	assert_string_equal(p.bindings[1].nic, s.rig.links[0].name);
	plan_free(&p);
	scene_free(&s);
}

/* The VMM has the tap open, but in another network namespace: /proc knows it, rtnetlink does not. */
static void a_vm_whose_link_is_not_there_waits(void **state)
{
	struct scene s;
	struct plan p;

	(void)state;
	one_device(&s, SELECT_VM, "web");
	put_nic(&s.rig, "tap9", "web", "");
	scene_refresh(&s);
	make(&s, &p);
	assert_false(p.bindings[1].bound);
	assert_int_equal(p.bindings[1].why.code, REASON_NO_LINK);
	assert_string_equal(p.bindings[1].nic, "tap9");
	assert_int_equal(p.bindings[1].pid, 0);
	plan_free(&p);
	scene_free(&s);
}

static void an_empty_host(void **state)
{
	struct scene s;
	struct plan p;

	(void)state;
	one_device(&s, SELECT_VM, "web");
	add_device(&s.model, 0, "nic", SELECT_NIC, "tap9");
	add_device(&s.model, 0, "all", SELECT_VM, "web-*");
	s.rig.n_links = 0;
	scene_refresh(&s);
	make(&s, &p);
	assert_string_equal(p.bindings[1].why.text, "no VM web on this host");
	assert_int_equal(p.bindings[2].why.code, REASON_NO_LINK);
	assert_string_equal(p.bindings[2].nic, "tap9");
	assert_string_equal(p.bindings[3].why.text, "no VM on this host is like web-*");
	plan_free(&p);
	scene_free(&s);
}

/* Instances are siblings, each with the device's share; their names say what they are. */
static void each_match_has_the_share(void **state)
{
	char name[MODEL_FULL_NAME_SIZE];
	struct scene s;
	struct plan p;

	(void)state;
	scene_make(&s);
	add_device(&s.model, 0, "web", SELECT_VM, "vm*");
	s.model.nodes[1].share.weight = 10;
	add_device(&s.model, 0, "db", SELECT_VM, "vm2");
	make(&s, &p);
	assert_int_equal(p.model.n_nodes, 5);
	for (uint32_t i = 1; i < 4; i++) {
		static const char *const names[] = { "", "web/vm0", "web/vm1", "web/vm3" };

		assert_string_equal(model_full_name(&p.model, i, name), names[i]);
		assert_int_equal(p.model.nodes[i].share.weight, 10);
		assert_int_equal(p.model.nodes[i].parent, 0);
		assert_int_equal(p.from[i], 1);
		assert_true(p.bindings[i].bound);
	}
	assert_string_equal(p.bindings[4].nic, "tap2");
	plan_free(&p);
	s.model.nodes[1].as = AS_ONE;
	make(&s, &p);
	assert_int_equal(p.model.n_nodes, 3);
	assert_int_equal(p.n_bindings, 5);
	assert_string_equal(model_full_name(&p.model, 1, name), "web");
	plan_free(&p);
	scene_free(&s);
}

/* What goes while packets wait in its class gets that class again when it comes back. */
static void an_instance_keeps_its_number(void **state)
{
	struct tree_class classes[4];
	struct tree_uplink up = { .name = "eth0", .classes = classes };
	struct tree have = { .uplinks = &up, .n_uplinks = 1 };
	struct plan all, fewer, back;
	struct scene s;

	(void)state;
	scene_make(&s);
	add_device(&s.model, 0, "web", SELECT_VM, "vm*");
	make(&s, &all);
	for (uint32_t i = 0; i < 4; i++)
		classes[up.n_classes++] = (struct tree_class){ .htb.minor = all.minors[1 + i] };
	s.in.have = &have;
	strcpy(s.rig.nics[0].vm, "other");
	plan_again(&s, &all, &fewer);
	assert_int_equal(fewer.model.n_nodes, 4);
	assert_memory_equal(fewer.minors + 1, all.minors + 2, 3 * sizeof(*all.minors));
	strcpy(s.rig.nics[0].vm, "vm00"); /* another VM does not get the class */
	plan_again(&s, &fewer, &back);
	assert_true(back.minors[1] > all.minors[4]);
	plan_free(&back);
	strcpy(s.rig.nics[0].vm, "vm0");
	plan_again(&s, &fewer, &back);
	assert_memory_equal(back.minors, all.minors, 5 * sizeof(*all.minors));
	plan_free(&back);
	plan_free(&fewer);
	plan_free(&all);
	scene_free(&s);
}

/*
 * Proxmox's firewall: tap0 is behind a bridge of its own, which a veth leads on from. A veth between bridges is no vNIC,
 * and where a device names it, the tap is divided already. Neither is the uplink one, though it is a veth here.
 */
static void others_has_what_no_device_divides(void **state)
{
	struct scene s;
	struct plan p;
	uint32_t others;

	(void)state;
	scene_make(&s);
	put_link(&s.rig, 20, "fwbr0", LINK_BRIDGE);
	put_link(&s.rig, 21, "vmbr0", LINK_BRIDGE);
	put_link(&s.rig, 22, "fwln0", LINK_VETH);
	put_link(&s.rig, 23, "fwpr0", LINK_VETH);
	put_link(&s.rig, 24, "pod0", LINK_VETH);
	for (size_t i = 0; i < s.rig.n_links; i++) {
		struct link *l = &s.rig.links[i];

		l->master = l->ifindex == 10 || l->ifindex == 22 ? 20 : l->ifindex == 23 || l->ifindex == 1 ? 21 : 0;
		l->lower = l->ifindex == 22 ? 23 : l->ifindex == 23 ? 22 : l->ifindex == 24 ? 2 : 0;
		if (l->ifindex == 22 || l->ifindex == 23)
			l->peer_netns = -1;
		if (l->ifindex == 1) { /* the uplink, to a lab's wire */
			l->kind = LINK_VETH;
			l->peer_netns = 3;
		}
	}
	scene_refresh(&s);
	others = add_network(&s.model, 0, "others");
	s.model.nodes[others].others = true;
	make(&s, &p);
	assert_int_equal(p.model.n_nodes, 7); /* eth0, others, pod0, tap0 to tap3 */
	assert_string_equal(p.model.nodes[2].name, "pod0");
	assert_string_equal(p.model.nodes[3].name, "tap0");
	plan_free(&p);
	add_device(&s.model, 0, "behind", SELECT_NIC, "fwpr0");
	make(&s, &p);
	assert_int_equal(p.model.n_nodes, 7);
	assert_string_equal(p.model.nodes[3].name, "tap1");
	assert_string_equal(p.bindings[6].nic, "fwpr0");
	plan_free(&p);
	scene_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(others_has_what_no_device_divides),
		cmocka_unit_test(all_vnics_of_a_vm),
		cmocka_unit_test(a_class_drops_if_one_vnic_is_not_held_back),
		cmocka_unit_test(a_namesake_does_not_join),
		cmocka_unit_test(a_number_goes_before_a_name),
		cmocka_unit_test(an_altname_is_a_name),
		cmocka_unit_test(a_vm_whose_link_is_not_there_waits),
		cmocka_unit_test(an_empty_host),
		cmocka_unit_test(each_match_has_the_share),
		cmocka_unit_test(an_instance_keeps_its_number),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
