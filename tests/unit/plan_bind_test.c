/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Whose each vNIC is, and what is said of it, against a matcher that tries everything, on random hosts, before and
 * after VMs come, go and change their names.
 */

#include "plan_rig.h"

#define TRIALS 3000

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

static bool like(const char *pattern, const char *text)
{
	if (*pattern == '*')
		return like(pattern + 1, text) || (*text && like(pattern, text + 1));
	if (!*pattern || !*text)
		return !*pattern && !*text;
	return (*pattern == '?' || *pattern == *text) && like(pattern + 1, text + 1);
}

static size_t count(const char *s, char c)
{
	size_t n = 0;

	for (; *s; s++)
		n += *s == c;
	return n;
}

static bool is_pattern(const struct node *d)
{
	return d->select != SELECT_CONTAINER && count(d->selector, '*') + count(d->selector, '?') > 0;
}

static const char *text_of(const struct node *d, const char *name, const struct vmm_nic *nic)
{
	if (d->select == SELECT_CONTAINER)
		return "";
	if (d->select == SELECT_NIC)
		return name;
	return !nic ? "" : d->select == SELECT_VM ? nic->vm : nic->mac;
}

/* What a device was before: which vNICs it had, by ifindex and what it was an instance by. */
struct before {
	const struct plan *plan; /* or NULL */
};

static bool had(const struct before *was, uint32_t device, const char *instance, const struct link *l)
{
	for (size_t i = 0; was->plan && l && i < was->plan->n_bindings; i++) {
		const struct binding *b = &was->plan->bindings[i];
		const struct node *node = &was->plan->model.nodes[b->node];

		if (b->bound && b->ifindex == l->ifindex && was->plan->from[b->node] == device &&
		    strcmp(node->instance ? node->selector : "", instance) == 0)
			return true;
	}
	return false;
}

static bool same_unit(const struct node *d, const struct vmm_nic *a, const struct vmm_nic *b)
{
	return d->select == SELECT_VM ? a->pid == b->pid && a->start_time == b->start_time : a == b;
}

/* Whether the vNIC's process, or the vNIC, is the one that the device means by the name. */
static bool is_meant(const struct rig_host *h, const struct before *was, const struct node *d, uint32_t device,
		     const struct vmm_nic *nic)
{
	const char *name = text_of(d, "", nic), *instance = is_pattern(d) && d->as == AS_EACH ? name : "";
	bool others = false, mine = false, others_had = false;

	if ((d->select != SELECT_VM && d->select != SELECT_MAC) || d->as == AS_ONE || !nic)
		return true;
	for (size_t i = 0; i < h->n_nics; i++) {
		const struct vmm_nic *one = &h->nics[i];

		if (strcmp(text_of(d, "", one), name) != 0)
			continue;
		if (same_unit(d, one, nic)) {
			mine |= had(was, device, instance, link_called(h, one->tap));
		} else {
			others = true;
			others_had |= had(was, device, instance, link_called(h, one->tap));
		}
	}
	return !others || (mine && !others_had);
}

static bool is_live(const struct link *l)
{
	return l && (l->kind == LINK_VETH || l->kind == LINK_MACVTAP || (l->kind == LINK_TUN && l->tap && (l->carrier || l->attached))) &&
	       strcmp(l->name, "eth0") != 0;
}

static bool fits(const struct rig_host *h, const struct node *d, const char *name)
{
	const struct vmm_nic *nic = nic_of_tap(h, name);
	const char *text = text_of(d, name, nic);
	const struct link *l = link_called(h, name);

	if (d->select == SELECT_CONTAINER)
		return l && l->kind == LINK_VETH && l->peer_netns == RIG_NSID && !strcmp(d->selector, "pod");
	return text[0] && like(d->selector, text) && (!is_pattern(d) || is_live(link_called(h, name)));
}

/* Larger is more specific. */
static long specificity(const struct model *m, uint32_t device)
{
	const struct node *d = &m->nodes[device];
	long any = (long)count(d->selector, '?');
	long self = (long)strlen(d->selector) - (long)count(d->selector, '*') - any;

	if (!is_pattern(d))
		return 30000000 + (d->select == SELECT_NIC || d->select == SELECT_MAC) * 1000000 - device;
	return 10000000 + (d->select != SELECT_VM) * 1000000 + self * 1000 + any;
}

#define NOBODY UINT32_MAX

/* Whose a vNIC is. */
static uint32_t whose(const struct rig_host *h, const struct model *m, const struct before *was, const char *name)
{
	uint32_t best = NOBODY, others = NOBODY;
	bool tied = false;

	for (uint32_t i = 0; i < m->n_nodes; i++) {
		const struct node *d = &m->nodes[i];

		others = d->others ? i : others;
		if (d->kind != NODE_DEVICE || !fits(h, d, name) || !is_meant(h, was, d, i, nic_of_tap(h, name)))
			continue;
		if (best == NOBODY || specificity(m, i) > specificity(m, best)) {
			best = i;
			tied = false;
		} else if (specificity(m, i) == specificity(m, best)) {
			tied = true;
		}
	}
	if (best != NOBODY && !tied)
		return best;
	return is_live(link_called(h, name)) ? others : NOBODY;
}

static void waits(struct binding *b, enum reason_code code, const char *text)
{
	b->why.code = code;
	snprintf(b->why.text, sizeof(b->why.text), "%s", text);
}

/* False: the link cannot be bound, and *want says why. */
static bool usable(const struct link *l, bool open, struct binding *want)
{
	char text[200];

	if (!l) {
		snprintf(text, sizeof(text), "no interface %s on this host", want->nic);
		waits(want, REASON_NO_LINK, text);
		return false;
	}
	if (l->kind != LINK_VETH && l->kind != LINK_MACVTAP && !(l->kind == LINK_TUN && l->tap)) {
		snprintf(text, sizeof(text), "%s: %s", want->nic,
			 l->kind == LINK_TUN ?
				 "tun: has no link layer to schedule" :
				 "not a virtual NIC (tap, veth or macvtap)");
		waits(want, REASON_NOT_VNIC, text);
		return false;
	}
	if (l->kind != LINK_TUN || l->carrier)
		return true;
	if (!open && !l->attached) {
		snprintf(text, sizeof(text), "%s: no VM has it open", want->nic);
		waits(want, REASON_NOT_OPEN, text);
	} else if (!l->up) {
		snprintf(text, sizeof(text), "%s is down: ip link set dev %s up", want->nic, want->nic);
		waits(want, REASON_DOWN, text);
	} else {
		snprintf(text, sizeof(text), "%s has no carrier: its VM has taken it away", want->nic);
		waits(want, REASON_NO_CARRIER, text);
	}
	return false;
}

static void hold_back(const struct node *d, const struct link *l, const struct vmm_nic *nic,
		      struct binding *want)
{
	char text[200];

	if (d->backpressure == BACKPRESSURE_OFF) {
		waits(want, REASON_OFF, "off in the specification");
	} else if (l->kind == LINK_VETH) {
		waits(want, REASON_NO_SNDBUF, "veth has no send buffer on the host's side");
	} else if (l->kind == LINK_MACVTAP) {
		waits(want, REASON_LOWER,
		      "a macvtap takes its packets before they can wait: what is too much is dropped");
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

/* What is said of a vNIC that is the device's. */
static void reference(const struct rig_host *h, const struct node *d, const char *name, struct binding *want)
{
	const struct vmm_nic *nic = nic_of_tap(h, name);
	const struct link *l = link_called(h, name);

	*want = (struct binding){ .queues = 1 };
	snprintf(want->nic, sizeof(want->nic), "%s", name);
	if (!usable(l, nic != NULL, want))
		return;
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

/* --- random models ------------------------------------------------------------------------------ */

static const char *const patterns[][3] = {
	[SELECT_NIC] = { "tap*", "ta?*", "*0" },
	[SELECT_VM] = { "we*", "*", "*b" },
	[SELECT_MAC] = { "52:54:00:*", "52:54:00:00:00:0?", "*:01" },
};

static void random_selector(struct node *d)
{
	d->select = (enum selector_kind)rnd_below(N_SELECTORS);
	d->backpressure = (enum backpressure_mode)rnd_below(3);
	d->as = one_in(3) ? AS_ONE : AS_EACH;
	snprintf(d->selector, sizeof(d->selector), "%s",
		 one_in(8)               ? "absent" :
		 d->select == SELECT_CONTAINER ? "pod" :
		 one_in(2)               ? RIG_PICK(patterns[d->select]) :
		 d->select == SELECT_NIC ? RIG_PICK(rig_names) :
		 d->select == SELECT_VM  ? RIG_PICK(rig_vms) :
					   RIG_PICK(rig_macs));
	if (!d->selector[0])
		strcpy(d->selector, "absent");
}

/* Two devices may have one selector here, which no specification has: the matcher does not mind. */
static void random_model(struct model *m)
{
	uint32_t up = add_uplink(m, "eth0", 100 * MBIT), parent = up;

	for (uint32_t n = 1 + rnd_below(8), i = 0; i < n; i++) {
		uint32_t device;
		char name[16];

		snprintf(name, sizeof(name), "d%u", i);
		device = add_device(m, parent, name, SELECT_NIC, "x");
		random_selector(&m->nodes[device]);
		if (one_in(5)) {
			snprintf(name, sizeof(name), "n%u", i);
			parent = add_network(m, up, name);
		}
	}
	if (one_in(2)) {
		parent = add_network(m, up, "others");
		m->nodes[parent].others = true;
	}
}

static void random_scene(struct scene *s)
{
	*s = (struct scene){ .in = { .have = &nothing,
				     .classids = &no_numbers,
				     .sizing = &sizing_host_default,
				     .fq_codel = true } };
	model_init(&s->model);
	random_model(&s->model);
	random_host(&s->rig);
	s->rig.n_bound = 0;
	scene_refresh(s);
}

/* --- the property ------------------------------------------------------------------------------- */

struct reached {
	size_t code[N_REASONS], several, instances, others, tied, joined, held_back;
};

/* The binding of a vNIC that is a device's; NULL: it is none's. */
static const struct binding *binding_of(const struct plan *p, const char *nic)
{
	const struct binding *found = NULL;

	for (size_t i = 0; i < p->n_bindings; i++) {
		const struct binding *b = &p->bindings[i];
		enum reason_code why = b->why.code;

		if (p->model.nodes[b->node].kind != NODE_DEVICE || strcmp(b->nic, nic) != 0)
			continue;
		if (!b->bound && (why == REASON_CLAIMED || why == REASON_TIED))
			continue;
		assert_null(found);
		found = b;
	}
	return found;
}

static void check_one(const struct scene *s, const struct plan *p, const struct before *was, const char *nic,
		      struct reached *r)
{
	uint32_t owner = whose(&s->rig, &s->model, was, nic);
	const struct binding *b = binding_of(p, nic);
	const struct node *d, *got;
	struct binding want;

	assert_int_equal(b != NULL, owner != NOBODY);
	if (!b)
		return;
	assert_int_equal(p->from[b->node], owner);
	d = &s->model.nodes[owner];
	got = &p->model.nodes[b->node];
	if (d->others) {
		assert_string_equal(got->name, nic);
		assert_int_equal(got->kind, NODE_DEVICE);
		assert_int_equal(p->from[got->parent], owner);
		r->others++;
	} else {
		assert_string_equal(got->name, d->name);
		assert_int_equal(got->instance, is_pattern(d) && d->as == AS_EACH);
		if (got->instance)
			assert_string_equal(got->selector, text_of(d, nic, nic_of_tap(&s->rig, nic)));
		r->instances += got->instance;
	}
	reference(&s->rig, got, nic, &want);
	assert_same_binding(b, &want);
	assert_true(p->bindings[b->node].bound || !b->bound); /* a bound one is the first */
	r->code[b->why.code]++;
	r->held_back += b->backpressure;
	r->several += b->node < p->n_bindings && p->bindings[b->node].next != 0;
}

/* A device that has no vNIC says why. */
static void check_without(const struct scene *s, const struct plan *p, uint32_t node, struct reached *r)
{
	const struct node *d = &p->model.nodes[node];
	enum reason_code why = p->bindings[node].why.code;
	bool any = false;

	for (size_t i = 0; i < RIG_LINKS; i++)
		any |= fits(&s->rig, d, rig_names[i]) &&
		       (d->select != SELECT_NIC || link_called(&s->rig, rig_names[i]) ||
			nic_of_tap(&s->rig, rig_names[i]));
	if (any)
		assert_true(why == REASON_CLAIMED || why == REASON_TIED || why == REASON_SEVERAL_OF_VM ||
			    why == REASON_SEVERAL_OF_MAC);
	else
		assert_int_equal(why, is_pattern(d)             ? REASON_NO_MATCH :
				      d->select == SELECT_NIC ? REASON_NO_LINK :
				      d->select == SELECT_VM  ? REASON_NO_VM :
				      d->select == SELECT_MAC ? REASON_NO_MAC :
								REASON_NO_CONTAINER);
	r->tied += why == REASON_TIED;
	r->code[why]++;
}

static void check(const struct scene *s, const struct plan *p, const struct before *was, struct reached *r)
{
	for (size_t i = 0; i < RIG_LINKS; i++)
		if (link_called(&s->rig, rig_names[i]) || nic_of_tap(&s->rig, rig_names[i]))
			check_one(s, p, was, rig_names[i], r);
	for (uint32_t i = 0; i < p->model.n_nodes; i++) {
		enum reason_code why = p->bindings[i].why.code;
		const char *nic = p->bindings[i].nic;
		bool known = link_called(&s->rig, nic) || nic_of_tap(&s->rig, nic);

		if (p->model.nodes[i].kind == NODE_DEVICE &&
		    ((why >= REASON_NO_VM && why < REASON_NO_LINK) || why == REASON_CLAIMED ||
		     (why == REASON_NO_LINK && !known)))
			check_without(s, p, i, r);
	}
}

/* VMs end, start, and take others' names; links stay, so that what was bound can be told. */
static void change_host(struct rig_host *h)
{
	for (size_t i = 0; i < h->n_nics; i++) {
		struct vmm_nic *nic = &h->nics[i];

		if (one_in(5))
			snprintf(nic->vm, sizeof(nic->vm), "%s", RIG_PICK(rig_vms));
		if (one_in(5))
			snprintf(nic->mac, sizeof(nic->mac), "%s", RIG_PICK(rig_macs));
		if (one_in(8))
			*nic = h->nics[--h->n_nics];
	}
}

static void like_a_matcher_that_tries_all(void **state)
{
	struct reached r = { 0 };

	(void)state;
	for (int trial = 0; trial < TRIALS; trial++) {
		struct plan first, second, again;
		struct scene s;

		random_scene(&s);
		make(&s, &first);
		check(&s, &first, &(struct before){ NULL }, &r);
		change_host(&s.rig);
		plan_again(&s, &first, &second);
		check(&s, &second, &(struct before){ &first }, &r);
		shuffle_host(&s.rig);
		plan_again(&s, &first, &again);
		assert_same_plan(&second, &again);
		plan_free(&first);
		plan_free(&second);
		plan_free(&again);
		scene_free(&s);
	}
	for (int code = REASON_NO_VM; code <= REASON_NO_CARRIER; code++)
		if (code != REASON_ELSEWHERE && code != REASON_ASTRAY && code != REASON_UNSEEN_VM &&
		    code != REASON_UNSEEN_MAC)
			assert_in_range(r.code[code], 20, SIZE_MAX);
	for (int code = REASON_OFF; code <= REASON_VMM; code++)
		if (code != REASON_UNSEEN_PROCESS)
			assert_in_range(r.code[code], 20, SIZE_MAX);
	assert_in_range(r.several, 1000, SIZE_MAX);
	assert_in_range(r.instances, 1000, SIZE_MAX);
	assert_in_range(r.others, 1000, SIZE_MAX);
	assert_in_range(r.tied, 100, SIZE_MAX);
	assert_in_range(r.held_back, 500, SIZE_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(like_a_matcher_that_tries_all),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
