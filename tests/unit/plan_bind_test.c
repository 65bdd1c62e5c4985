/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The binder against a matcher that tries everything, on random hosts. */

#include "plan_rig.h"

#include "plan/called.h"

#define TRIALS 4000

/* --- the reference ------------------------------------------------------------------------------ */

static const struct link *link_called(const struct rig_host *h, const char *name)
{
	for (size_t i = 0; i < h->n_links; i++)
		if (strcmp(h->links[i].name, name) == 0)
			return &h->links[i];
	return NULL;
}

static const struct vmm_nic *nic_of_tap(const struct rig_host *h, const char *tap)
{
	for (size_t i = 0; i < h->n_nics; i++)
		if (strcmp(h->nics[i].tap, tap) == 0)
			return &h->nics[i];
	return NULL;
}

static bool is_bound_already(const struct rig_host *h, const char *tap)
{
	const struct link *l = link_called(h, tap);

	for (size_t i = 0; l && i < h->n_bound; i++)
		if (h->bound[i] == l->ifindex)
			return true;
	return false;
}

static void waits(struct binding *b, enum reason_code code, const char *text)
{
	b->why.code = code;
	snprintf(b->why.text, sizeof(b->why.text), "%s", text);
}

/* False: the device waits, and *want says why. */
static bool choose_nic(const struct rig_host *h, const struct node *d, struct binding *want)
{
	const struct vmm_nic *fits = NULL, *kept = NULL;
	size_t n_fits = 0, n_kept = 0;
	char text[300];

	if (d->select == SELECT_NIC) {
		snprintf(want->nic, sizeof(want->nic), "%.*s", IFNAMSIZ - 1, d->selector);
		return true;
	}
	for (size_t i = 0; i < h->n_nics; i++) {
		const struct vmm_nic *nic = &h->nics[i];

		if (strcmp(d->select == SELECT_VM ? nic->vm : nic->mac, d->selector) != 0)
			continue;
		fits = nic;
		n_fits++;
		if (is_bound_already(h, nic->tap)) {
			kept = nic;
			n_kept++;
		}
	}
	if (n_fits == 0) {
		snprintf(text, sizeof(text),
			 d->select == SELECT_VM ? "no VM %s on this host" :
						  "no vNIC with MAC %s on this host",
			 d->selector);
		waits(want, d->select == SELECT_VM ? REASON_NO_VM : REASON_NO_MAC, text);
		return false;
	}
	if (n_fits > 1 && n_kept != 1) {
		char list[CALLED_TEXT_SIZE];
		struct host host;

		make_host(h, &host);
		if (d->select == SELECT_VM)
			snprintf(text, sizeof(text), "VM %s is %s: select one by nic: or mac:", d->selector,
				 called_list(&host, d->selector, list));
		else
			snprintf(text, sizeof(text), "vNIC with MAC %s has several vNICs: name one by nic:", d->selector);
		host_free(&host);
		waits(want, d->select == SELECT_VM ? REASON_SEVERAL_OF_VM : REASON_SEVERAL_OF_MAC, text);
		return false;
	}
	snprintf(want->nic, sizeof(want->nic), "%s", n_fits > 1 ? kept->tap : fits->tap);
	return true;
}

/* False: the link cannot be bound, and *want says why. */
static bool usable(const struct link *l, struct binding *want)
{
	char text[200];

	if (!l) {
		snprintf(text, sizeof(text), "no interface %s on this host", want->nic);
		waits(want, REASON_NO_LINK, text);
		return false;
	}
	if (l->kind != LINK_VETH && !(l->kind == LINK_TUN && l->tap)) {
		snprintf(text, sizeof(text), "%s: %s", want->nic,
			 l->kind == LINK_TUN ?
				 "tun: has no link layer to schedule" :
			 l->kind == LINK_MACVTAP ?
				 "macvtap sends through its lower device, past the host's stack" :
				 "not a virtual NIC (tap or veth)");
		waits(want, REASON_NOT_VNIC, text);
		return false;
	}
	if (l->kind == LINK_TUN && !l->carrier) {
		snprintf(text, sizeof(text), "%s: no VM has it open", want->nic);
		waits(want, REASON_NOT_OPEN, text);
		return false;
	}
	return true;
}

static void hold_back(const struct node *d, const struct link *l, const struct vmm_nic *nic,
		      struct binding *want)
{
	char text[200];

	if (d->backpressure == BACKPRESSURE_OFF) {
		waits(want, REASON_OFF, "off in the specification");
	} else if (l->kind == LINK_VETH) {
		waits(want, REASON_NO_SNDBUF, "veth has no send buffer on the host's side");
	} else if (!nic) {
		snprintf(text, sizeof(text), "no process of this host was found behind %s", l->name);
		waits(want, REASON_NO_PROCESS, text);
	} else if (nic->waits == VMM_WAITS_YES ||
		   (nic->waits == VMM_WAITS_UNKNOWN && d->backpressure == BACKPRESSURE_ON)) {
		want->backpressure = true;
	} else {
		waits(want, REASON_VMM, nic->why);
	}
}

static void reference(const struct rig_host *h, const struct node *d, struct binding *want)
{
	const struct vmm_nic *nic;
	const struct link *l;

	*want = (struct binding){ .queues = 1 };
	if (!choose_nic(h, d, want))
		return;
	l = link_called(h, want->nic);
	if (!usable(l, want))
		return;
	nic = nic_of_tap(h, want->nic);
	want->bound = true;
	want->ifindex = l->ifindex;
	if (nic) {
		want->pid = nic->pid;
		want->start_time = nic->start_time;
		want->queues = nic->queues > 1 ? nic->queues : 1;
		strcpy(want->vmm, nic->vmm);
		strcpy(want->vm, nic->vm);
	}
	hold_back(d, l, nic, want);
}

/* --- random hosts ------------------------------------------------------------------------------- */

static void random_device(struct node *d)
{
	static const char *const none = "absent";

	*d = (struct node){ .kind = NODE_DEVICE,
			    .select = (enum selector_kind)rnd_below(3),
			    .backpressure = (enum backpressure_mode)rnd_below(3) };
	snprintf(d->selector, sizeof(d->selector), "%s",
		 one_in(8)               ? none :
		 d->select == SELECT_NIC ? RIG_PICK(rig_names) :
		 d->select == SELECT_VM  ? RIG_PICK(rig_vms) :
					   RIG_PICK(rig_macs));
}

static void bind_on(const struct rig_host *h, const struct node *d, size_t n, struct binding *out)
{
	struct host host;
	struct binder *b;

	make_host(h, &host);
	b = binder_new(&host, h->bound, h->n_bound);
	assert_non_null(b);
	for (size_t i = 0; i < n; i++)
		binder_bind(b, &d[i], &out[i]);
	binder_freep(&b);
	host_free(&host);
}

static void like_a_matcher_that_tries_all(void **state)
{
	size_t reached[N_REASONS] = { 0 }, kept = 0, held_back = 0;

	(void)state;
	for (int trial = 0; trial < TRIALS; trial++) {
		struct binding got[10], again[10], want;
		struct node devices[10];
		struct rig_host h;

		random_host(&h);
		for (size_t i = 0; i < ARRAY_SIZE(devices); i++)
			random_device(&devices[i]);
		bind_on(&h, devices, ARRAY_SIZE(devices), got);
		shuffle_host(&h);
		bind_on(&h, devices, ARRAY_SIZE(devices), again);
		for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
			reference(&h, &devices[i], &want);
			assert_same_binding(&got[i], &want);
			assert_same_binding(&again[i], &want);
			reached[want.why.code]++;
			held_back += want.backpressure;
			kept += want.bound && devices[i].select != SELECT_NIC &&
				is_bound_already(&h, want.nic);
		}
	}
	for (int code = REASON_NO_VM; code <= REASON_NOT_OPEN; code++)
		if (code != REASON_UNSEEN_VM && code != REASON_UNSEEN_MAC)
			assert_in_range(reached[code], 20, SIZE_MAX);
	for (int code = REASON_OFF; code <= REASON_VMM; code++)
		if (code != REASON_UNSEEN_PROCESS)
			assert_in_range(reached[code], 20, SIZE_MAX);
	assert_in_range(kept, 100, SIZE_MAX);
	assert_in_range(held_back, 100, SIZE_MAX);
}

static void finds_each_link_by_name(void **state)
{
	(void)state;
	for (int trial = 0; trial < TRIALS / 10; trial++) {
		struct rig_host h;
		struct host host;
		struct binder *b;

		random_host(&h);
		make_host(&h, &host);
		b = binder_new(&host, NULL, 0);
		assert_non_null(b);
		for (size_t i = 0; i < RIG_LINKS; i++) {
			const struct link *want = link_called(&h, rig_names[i]);
			const struct link *got = binder_link(b, rig_names[i]);

			assert_int_equal(got ? got->ifindex : 0, want ? want->ifindex : 0);
		}
		assert_null(binder_link(b, ""));
		assert_null(binder_link(b, "a-name-that-no-interface-has"));
		binder_freep(&b);
		host_free(&host);
	}
}

/* --- by hand ------------------------------------------------------------------------------------ */

/* Bind one device on h; bound: the vNIC that is bound already, or 0. */
static void bind_one(struct rig_host *h, const struct node *d, uint32_t bound, struct binding *out)
{
	h->bound[0] = bound;
	h->n_bound = bound ? 1 : 0;
	bind_on(h, d, 1, out);
}

/* A second process takes the VM's name: the vNIC that is bound stays bound, whichever it is. */
static void a_namesake_does_not_unbind(void **state)
{
	struct node web = { .kind = NODE_DEVICE, .select = SELECT_VM, .selector = "web" };
	struct rig_host h = { 0 };
	struct binding b;

	(void)state;
	put_link(&h, 3, "tap3", LINK_TUN);
	put_link(&h, 4, "tap4", LINK_TUN);
	put_nic(&h, "tap3", "web", "");
	put_nic(&h, "tap4", "web", "");
	bind_one(&h, &web, 0, &b);
	assert_int_equal(b.why.code, REASON_SEVERAL_OF_VM);
	for (uint32_t ifindex = 3; ifindex <= 4; ifindex++) {
		bind_one(&h, &web, ifindex, &b);
		assert_true(b.bound);
		assert_int_equal(b.ifindex, ifindex);
		assert_int_equal(b.pid, 100 + ifindex - 2);
	}
	h.bound[0] = 3;
	h.bound[1] = 4;
	h.n_bound = 2;
	bind_on(&h, &web, 1, &b);
	assert_false(b.bound);
	assert_int_equal(b.ifindex, 0);
	assert_string_equal(b.nic, "");
}

/* The VMM has the tap open, but in another network namespace: /proc knows it, rtnetlink does not. */
static void a_vm_whose_link_is_not_there_waits(void **state)
{
	struct node web = { .kind = NODE_DEVICE, .select = SELECT_VM, .selector = "web" };
	struct rig_host h = { 0 };
	struct binding b;

	(void)state;
	put_nic(&h, "tap3", "web", "");
	bind_one(&h, &web, 0, &b);
	assert_false(b.bound);
	assert_int_equal(b.why.code, REASON_NO_LINK);
	assert_string_equal(b.nic, "tap3");
	assert_int_equal(b.pid, 0);
}

static void an_empty_host(void **state)
{
	struct node d = { .kind = NODE_DEVICE, .select = SELECT_VM, .selector = "web" };
	struct host host = { 0 };
	struct binder *b = binder_new(&host, NULL, 0);
	struct binding got;

	(void)state;
	assert_non_null(b);
	binder_bind(b, &d, &got);
	assert_int_equal(got.why.code, REASON_NO_VM);
	assert_string_equal(got.why.text, "no VM web on this host");
	d.select = SELECT_NIC;
	binder_bind(b, &d, &got);
	assert_int_equal(got.why.code, REASON_NO_LINK);
	assert_string_equal(got.nic, "web");
	binder_freep(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(like_a_matcher_that_tries_all),
		cmocka_unit_test(finds_each_link_by_name),
		cmocka_unit_test(a_namesake_does_not_unbind),
		cmocka_unit_test(a_vm_whose_link_is_not_there_waits),
		cmocka_unit_test(an_empty_host),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
