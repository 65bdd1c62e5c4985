/* SPDX-License-Identifier: GPL-2.0-or-later */

/* From model and host to a whole plan: who gets which vNIC, which numbers, and what is left out. */

#include "plan_rig.h"

#include <errno.h>

#define TRIALS 1500

/* --- random ------------------------------------------------------------------------------------- */

static void random_devices(struct model *m, uint32_t parent)
{
	for (uint32_t n = rnd_below(6); n-- > 0;) {
		enum selector_kind select = (enum selector_kind)rnd_below(3);
		char name[16];
		uint32_t i;

		snprintf(name, sizeof(name), "d%zu", m->n_nodes);
		i = add_device(m, parent, name, select,
			       select == SELECT_NIC ? RIG_PICK(rig_names) :
			       select == SELECT_VM  ? RIG_PICK(rig_vms) :
						      RIG_PICK(rig_macs));
		m->nodes[i].force = one_in(2);
		m->nodes[i].backpressure = (enum backpressure_mode)rnd_below(3);
	}
}

static void random_model(struct model *m)
{
	static const char *const uplinks[] = { "eth1", "eth0", "absent" };

	for (uint32_t k = 0, n = rnd_below(4); k < n; k++) {
		uint32_t up = add_uplink(m, uplinks[k], 100 * MBIT);

		random_devices(m, up);
		for (uint32_t i = rnd_below(3); i-- > 0;)
			random_devices(m, add_network(m, up, i ? "red" : "blue"));
	}
	if (one_in(8))
		m->schedule.resource = RESOURCE_CPU;
}

static int compare_hurdle(const void *a, const void *b)
{
	uint32_t x = ((const struct hurdle *)a)->ifindex, y = ((const struct hurdle *)b)->ifindex;

	return (x > y) - (x < y);
}

/* At ingress; plan_hurdle_test.c has those at egress. */
static struct hurdle_list random_hurdles(const struct rig_host *h, struct hurdle list[RIG_LINKS])
{
	struct hurdle_list l = { .list = list };

	memset(list, 0, RIG_LINKS * sizeof(*list));
	for (size_t i = 0; i < h->n_links; i++) {
		if (!one_in(4))
			continue;
		list[l.n].ifindex = h->links[i].ifindex;
		memcpy(list[l.n].device, h->links[i].name, sizeof(list[l.n].device));
		snprintf(list[l.n++].chain, sizeof(list->chain), "filter/%s", h->links[i].name);
	}
	qsort(list, l.n, sizeof(*list), compare_hurdle);
	l.n_ingress = l.n;
	if (l.n == 0 && one_in(2))
		l.error = -ENOBUFS;
	return l;
}

/* What others make of a vNIC that could be bound; plan_bind_test.c has whose it is. */
static void check_vnic(const struct scene *s, const struct plan *p, const struct binding *b)
{
	const struct node *node = &p->model.nodes[b->node];
	const struct hurdle *hurdle = NULL;

	if (p->model.schedule.resource == RESOURCE_CPU) {
		assert_true(b->why.code != REASON_NFT_HOOK && b->why.code != REASON_NFT_UNKNOWN);
		assert_string_equal(b->passed_by, "");
		return;
	}
	for (size_t k = 0; k < s->in.hurdles->n; k++)
		if (strcmp(s->in.hurdles->list[k].device, b->nic) == 0)
			hurdle = b->lower ? NULL : &s->in.hurdles->list[k];
	if (b->bound)
		assert_true(!hurdle || node->force);
	assert_int_equal(b->passed_by[0] != '\0', b->bound && hurdle);
	if (b->why.code == REASON_NFT_HOOK)
		assert_true(hurdle && !node->force && !b->bound);
	if (b->why.code == REASON_NFT_UNKNOWN)
		assert_true(s->in.hurdles->error < 0 && !node->force && !b->bound);
	if (b->bound)
		assert_true(b->lower || s->in.hurdles->error >= 0 || node->force || tree_vnic(s->in.have, b->ifindex, DIRECTION_TX));
	if (!b->bound) {
		assert_int_equal(b->ifindex, 0);
		assert_false(b->backpressure);
	}
}

/* Returns how many are bound. */
static size_t check_plan(const struct scene *s, const struct plan *p)
{
	bool cpu = p->model.schedule.resource == RESOURCE_CPU;
	struct bound_vnic *list = NULL;
	size_t n = 0, n_bound = 0;

	for (size_t i = 1; i < p->classids.n; i++)
		assert_true(strcmp(p->classids.list[i - 1].key, p->classids.list[i].key) < 0);
	for (uint32_t i = 0; i < p->n_bindings; i++) {
		const struct binding *b = &p->bindings[i];
		const struct tree_vnic *v = tree_vnic(&p->tree, b->ifindex, DIRECTION_TX);

		if (p->model.nodes[b->node].kind != NODE_DEVICE)
			continue;
		check_vnic(s, p, b);
		n_bound += b->bound;
		assert_true(p->bindings[b->node].bound || !b->bound);
		assert_int_equal(v != NULL, b->bound && !cpu);
		if (v) {
			assert_int_equal(v->node, b->node);
			assert_int_equal(v->binding, i);
			assert_int_equal(v->minor, p->minors[b->node]);
		}
	}
	assert_int_equal(p->tree.n_vnics, cpu ? 0 : n_bound);
	assert_int_equal(plan_bound(p, &list, &n), 0);
	assert_int_equal(n, n_bound);
	for (size_t i = 1; i < n; i++)
		assert_true(list[i - 1].ifindex < list[i].ifindex);
	for (uint32_t i = 0; i < p->n_bindings; i++) {
		const struct binding *b = &p->bindings[i];
		bool listed = false;

		for (size_t k = 0; k < n; k++)
			listed |= list[k].ifindex == b->ifindex && list[k].minor == p->minors[b->node];
		if (p->model.nodes[b->node].kind == NODE_DEVICE)
			assert_int_equal(listed, b->bound);
	}
	free(list);
	return n_bound;
}

static void any_model_on_any_host(void **state)
{
	size_t bound = 0, reached[N_REASONS] = { 0 };

	(void)state;
	for (int trial = 0; trial < TRIALS; trial++) {
		struct hurdle list[RIG_LINKS];
		struct hurdle_list hurdles;
		struct scene s = { .in = { .classids = &no_numbers, .sizing = &sizing_host_default } };
		struct tree_vnic there[RIG_LINKS];
		struct tree have = { .vnics = there };
		struct plan p, again;

		s.in.hurdles = &hurdles;
		s.in.have = &have;
		s.in.fq_codel = one_in(2);
		model_init(&s.model);
		random_model(&s.model);
		random_host(&s.rig);
		hurdles = random_hurdles(&s.rig, list);
		for (size_t i = 0; i < s.rig.n_bound; i++) /* some of what was bound is in the kernel */
			if (one_in(2))
				there[have.n_vnics++] =
					(struct tree_vnic){ .ifindex = s.rig.bound[i].ifindex };
		scene_refresh(&s);
		make(&s, &p);
		bound += check_plan(&s, &p);
		for (size_t i = 0; i < p.n_bindings; i++)
			reached[p.bindings[i].why.code]++;
		shuffle_host(&s.rig);
		scene_refresh(&s);
		make(&s, &again);
		assert_same_plan(&p, &again);
		plan_free(&p);
		plan_free(&again);
		scene_free(&s);
	}
	assert_in_range(bound, TRIALS / 10, SIZE_MAX);
	assert_in_range(reached[REASON_CLAIMED], 50, SIZE_MAX);
	assert_in_range(reached[REASON_NFT_HOOK], 50, SIZE_MAX);
	assert_in_range(reached[REASON_NFT_UNKNOWN], 5, SIZE_MAX);
}

/* --- by hand: who gets a vNIC ------------------------------------------------------------------- */

/* An interface's name and a MAC address go before a VM's name; of two alike, the first has it. */
static void the_less_specific_waits(void **state)
{
	struct scene s;
	struct plan p;

	(void)state;
	scene_make(&s);
	add_device(&s.model, 0, "third", SELECT_VM, "vm1");
	add_device(&s.model, 0, "first", SELECT_NIC, "tap1");
	add_device(&s.model, 0, "second", SELECT_MAC, "52:54:00:00:00:01");
	s.rig.nics[1].waits = VMM_WAITS_YES;
	scene_refresh(&s);
	make(&s, &p);
	assert_true(p.bindings[2].bound && p.bindings[2].backpressure);
	for (size_t i = 1; i < 4; i += 2) {
		assert_false(p.bindings[i].bound);
		assert_false(p.bindings[i].backpressure);
		assert_int_equal(p.bindings[i].ifindex, 0);
		assert_string_equal(p.bindings[i].why.text, "tap1 is claimed by device first already");
	}
	assert_int_equal(p.tree.n_vnics, 1);
	assert_int_equal(p.tree.vnics[0].minor, p.minors[2]);
	plan_free(&p);
	scene_free(&s);
}

static void respects_a_hook_of_others(void **state)
{
	struct hurdle hurdle = { .ifindex = 11, .device = "tap1", .chain = "filter/guests" };
	const struct hurdle_list hurdles = { .list = &hurdle, .n = 1, .n_ingress = 1 };
	struct tree_vnic v = { .ifindex = 11 };
	struct tree have = { .vnics = &v, .n_vnics = 1 };
	struct scene s;
	struct plan p;

	(void)state;
	scene_make(&s);
	add_device(&s.model, 0, "web", SELECT_VM, "vm1");
	s.in.hurdles = &hurdles;
	make(&s, &p);
	assert_false(p.bindings[1].bound);
	assert_int_equal(p.bindings[1].why.code, REASON_NFT_HOOK);
	assert_string_equal(p.bindings[1].nic, "tap1");
	assert_int_equal(p.tree.n_vnics, 0);
	plan_free(&p);
	/* Also if divvy is on it already: the hook came later. */
	s.in.have = &have;
	make(&s, &p);
	assert_false(p.bindings[1].bound);
	assert_int_equal(p.tree.n_vnics, 0);
	plan_free(&p);
	/* By force. */
	s.in.have = &nothing;
	s.model.nodes[1].force = true;
	make(&s, &p);
	assert_true(p.bindings[1].bound);
	assert_string_equal(p.bindings[1].passed_by, "filter/guests at ingress of tap1");
	assert_int_equal(p.tree.n_vnics, 1);
	plan_free(&p);
	/* CPU slots leave packets where they are. */
	s.model.nodes[1].force = false;
	s.model.schedule.resource = RESOURCE_CPU;
	make(&s, &p);
	assert_true(p.bindings[1].bound);
	assert_string_equal(p.bindings[1].passed_by, "");
	assert_int_equal(p.tree.n_uplinks, 0);
	assert_int_equal(p.tree.n_vnics, 0);
	plan_free(&p);
	scene_free(&s);
}

static void an_uplink_that_is_not_there(void **state)
{
	struct scene s;
	struct plan p;

	(void)state;
	scene_make(&s);
	strcpy(s.model.nodes[0].name, "eth7");
	add_device(&s.model, 0, "web", SELECT_VM, "vm1");
	make(&s, &p);
	assert_false(p.bindings[0].bound);
	assert_string_equal(p.bindings[0].why.text, "no interface eth7 on this host");
	assert_true(p.bindings[1].bound); /* it may come later, and the device is divided until then */
	assert_string_equal(p.tree.uplinks[0].name, "eth7");
	plan_free(&p);
	strcpy(s.model.nodes[0].name, "eth0");
	make(&s, &p);
	assert_true(p.bindings[0].bound);
	assert_int_equal(p.bindings[0].ifindex, 1);
	plan_free(&p);
	scene_free(&s);
}

/* --- by hand: numbers, and what comes after ------------------------------------------------------ */

static void numbers_of_earlier_and_of_what_is_there(void **state)
{
	struct tree_class classes[] = { { .htb.minor = CLASSID_ROOT },
					{ .htb.minor = 2 },
					{ .htb.minor = 9 } };
	struct tree_uplink up = { .name = "eth0", .classes = classes, .n_classes = 3 };
	struct tree have = { .uplinks = &up, .n_uplinks = 1 };
	struct classids known = { 0 };
	struct scene s;
	struct plan p, next;

	(void)state;
	assert_int_equal(classids_add(&known, "eth0/old", 9), 0);
	assert_int_equal(classids_add(&known, "eth0/gone", 3), 0);
	classids_seal(&known);
	scene_make(&s);
	add_device(&s.model, 0, "new", SELECT_VM, "vm0");
	add_device(&s.model, 0, "old", SELECT_VM, "vm1");
	add_device(&s.model, add_uplink(&s.model, "eth1", MBIT), "new", SELECT_VM, "vm2");
	s.in.classids = &known;
	s.in.have = &have;
	make(&s, &p);
	assert_memory_equal(p.minors, ((uint16_t[]){ CLASSID_ROOT, 3, 9, CLASSID_ROOT, 2 }),
			    5 * sizeof(*p.minors));
	assert_int_equal(p.classids.n, 3);
	/* The next plan gets this one's table. */
	s.in.classids = &p.classids;
	make(&s, &next);
	assert_same_plan(&p, &next);
	plan_free(&next);
	plan_free(&p);
	scene_free(&s);
	classids_free(&known);
}

static void leaves_out(void **state)
{
	struct scene s;
	struct plan p;
	struct bound_vnic *list;
	size_t n;

	(void)state;
	scene_make(&s);
	add_device(&s.model, 0, "web", SELECT_VM, "vm3");
	add_device(&s.model, 0, "db", SELECT_VM, "vm1");
	s.rig.nics[1].waits = s.rig.nics[3].waits = VMM_WAITS_YES;
	scene_refresh(&s);
	make(&s, &p);
	assert_true(tree_vnic(&p.tree, 11, DIRECTION_TX)->sndbuf > 0);
	plan_leave_out(&p, 99, DIRECTION_TX, REASON_VANISHED, NULL, NULL); /* not in the plan */
	plan_leave_out(&p, 11, DIRECTION_TX, REASON_NO_ATTACH, "Operation not supported", ": why");
	assert_true(p.bindings[1].bound);
	assert_false(p.bindings[2].bound);
	assert_int_equal(p.bindings[2].ifindex, 0);
	assert_false(p.bindings[2].backpressure);
	assert_string_equal(p.bindings[2].why.text, "cannot attach to tap1: Operation not supported: why");
	assert_int_equal(tree_vnic(&p.tree, 11, DIRECTION_TX)->sndbuf, 0);
	assert_true(tree_vnic(&p.tree, 13, DIRECTION_TX)->sndbuf > 0);
	assert_int_equal(plan_bound(&p, &list, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(list[0].ifindex, 13);
	free(list);
	plan_free(&p);
	scene_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_model_on_any_host),
		cmocka_unit_test(the_less_specific_waits),
		cmocka_unit_test(respects_a_hook_of_others),
		cmocka_unit_test(an_uplink_that_is_not_there),
		cmocka_unit_test(numbers_of_earlier_and_of_what_is_there),
		cmocka_unit_test(leaves_out),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
