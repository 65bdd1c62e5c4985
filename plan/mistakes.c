// SPDX-License-Identifier: GPL-2.0-or-later
#include "mistakes.h"

#include "base/cleanup.h"
#include "claims.h"
#include "core/admission.h"
#include "near.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* include/net/net_namespace.h: every namespace's lo */
#define LOOPBACK_IFINDEX 1

/* Another uplink that is the same interface, by its name or an altname: its capacity would be given away twice. */
static const struct node *uplink_again(const struct plan *p, size_t i)
{
	for (size_t k = 0; k < p->model.n_nodes; k = model_end(&p->model, k))
		if (k != i && p->bindings[k].bound && p->bindings[k].ifindex == p->bindings[i].ifindex)
			return &p->model.nodes[k];
	return NULL;
}

bool mistakes_no_uplink(const struct plan *p, const struct host *h, size_t i, char *why, size_t size)
{
	const struct binding *uplink = &p->bindings[i];
	const struct link *l = uplink->bound ? host_link(h, uplink->ifindex) : NULL;
	const struct vmm_nic *nic = l ? host_nic(h, l->name) : NULL;
	const struct node *again;
	char name[MODEL_FULL_NAME_SIZE];

	if (!l)
		return false;
	if (l->ifindex == LOOPBACK_IFINDEX) {
		snprintf(why, size, "no packet of a VM leaves by the loopback interface");
		return true;
	}
	if (l->kind == LINK_IFB) {
		snprintf(why, size, "an IFB is no port");
		return true;
	}
	again = uplink_again(p, i);
	if (again) {
		snprintf(why, size, "it is the same interface as uplink %s", again->name);
		return true;
	}
	if (nic && nic->reason != VMM_WHY_NO_VMM) {
		snprintf(why, size, "it is a vNIC of VM %s", nic->vm[0] ? nic->vm : nic->vmm);
		return true;
	}
	for (size_t k = 0; k < p->n_bindings; k++) {
		uint32_t node = p->bindings[k].node;

		if (p->model.nodes[node].kind != NODE_DEVICE || strcmp(p->bindings[k].nic, l->name) != 0)
			continue;
		model_full_name(&p->model, node, name);
		snprintf(why, size, "it is the vNIC of device %s", name);
		return true;
	}
	return false;
}

static int uplink(const struct plan *p, const struct host *h, size_t i, struct warning_list *out)
{
	const char *name = p->model.nodes[i].name;
	char why[160];

	if (mistakes_no_uplink(p, h, i, why, sizeof(why)))
		return warning_add(out, "no-uplink", name, "%s is no uplink: %s", name, why);
	if (p->model.schedule.resource == RESOURCE_CPU)
		return warning_add(
			out, "cpu-capacity", name,
			"no capacity, reserve or limit of %s holds while the CPU is scheduled",
				   name);
	return 0;
}

/* Packets of a VM behind a firewall bridge pass the tap and then the veth. */
static int charged_twice(const struct plan *p, const struct claims *c, const struct binding *b,
			 struct warning_list *out)
{
	const struct link *tap = b->bound ? host_link(c->host, b->ifindex) : NULL;
	const struct patch *patch = tap && tap->kind == LINK_TUN ? patch_of(&c->patches, tap) : NULL;
	char one[MODEL_FULL_NAME_SIZE], other[MODEL_FULL_NAME_SIZE];

	if (!patch)
		return 0;
	model_full_name(&p->model, b->node, one);
	model_full_name(&p->model, claims_find(c, patch->veth->name), other);
	return warning_add(
		out, "twice", b->nic,
		"devices %s (%s) and %s (%s) are one vNIC before and behind its firewall bridge, and its packets are charged twice: name only %s",
		one, b->nic, other, patch->veth->name, b->nic);
}

/* --- vNICs that selectors fit, and no device has ---------------------------------------------------- */

static bool is_tied(const struct plan *p, const char *nic)
{
	for (size_t i = 0; i < p->n_refused; i++)
		if (p->refused[i].kind == REFUSED_TIED && strcmp(p->refused[i].nic, nic) == 0)
			return true;
	return false;
}

static void tie_text(const struct plan *p, const struct refusal *r, char *why, size_t size)
{
	char one[MODEL_FULL_NAME_SIZE], other[MODEL_FULL_NAME_SIZE];

	snprintf(why, size, "%s fits devices \"%.80s\" and \"%.80s\" alike: make one selector more specific", r->nic,
		 model_full_name(&p->written, r->other, other), model_full_name(&p->written, r->node, one));
}

uint32_t mistakes_tie(const struct plan *p, const struct plan *known, char *why, size_t size)
{
	for (size_t i = 0; i < p->n_refused; i++) {
		const struct refusal *r = &p->refused[i];

		if (r->kind != REFUSED_TIED || r->other > r->node || (known && is_tied(known, r->nic)))
			continue;
		tie_text(p, r, why, size);
		return r->node;
	}
	return NODE_NONE;
}

static int refused(const struct plan *p, const struct claims *c, const struct refusal *r, struct warning_list *out)
{
	char text[WARNING_TEXT_SIZE], key[64];

	if (r->kind == REFUSED_TIED) {
		tie_text(p, r, text, sizeof(text));
		return r->other > r->node ? 0 : warning_add(out, "tie", r->nic, "%s", text);
	}
	snprintf(key, sizeof(key), "astray %s", r->nic);
	if (r->kind == REFUSED_ASTRAY && claims_find(c, r->nic) == NODE_NONE && !warning_find(out, key))
		return warning_add(out, "astray", r->nic,
				   "cannot tell to which uplink %s leads: no device has it: name it by nic:", r->nic);
	if (r->kind == REFUSED_NAMESAKE)
		return warning_add(out, "namesake", r->nic,
				   "%s is not device %s's: several processes, or vNICs, have that name", r->nic,
				   p->written.nodes[r->node].name);
	return 0;
}

/* --- names that are nearly right -------------------------------------------------------------------- */

static bool is_missing(const struct binding *b)
{
	return !b->bound && (b->why.code == REASON_NO_VM || b->why.code == REASON_NO_LINK);
}

static bool is_selected(const struct plan *p, enum selector_kind kind, const char *text)
{
	for (size_t i = 0; i < p->model.n_nodes; i++)
		if (p->model.nodes[i].kind == NODE_DEVICE && p->model.nodes[i].select == kind &&
		    strcmp(p->model.nodes[i].selector, text) == 0)
			return true;
	return false;
}

/* More than so many devices that wait are no slips, and looking for each takes time. */
#define NEAR_MAX 4

/* A device waits for a name that is nearly that of something that no other device claims. */
static int misspelt(const struct plan *p, const struct claims *c, size_t i, struct warning_list *out)
{
	const struct node *node = &p->model.nodes[i];
	const struct binding *b = &p->bindings[i];
	const char *near = NULL, *what = node->select == SELECT_VM ? "VM" : "interface";
	char name[MODEL_FULL_NAME_SIZE];

	if (b->why.code == REASON_NO_VM)
		near = near_vm(c->host, node->selector);
	else if (b->why.code == REASON_NO_LINK && node->select == SELECT_NIC)
		near = near_link(c->host, node->selector, true);
	if (!near || is_selected(p, node->select, near))
		return 0;
	model_full_name(&p->model, (uint32_t)i, name);
	return warning_add(out, "near", name, "device %s: no %s %s on this host: did you mean %s?", name, what,
			   node->selector, near);
}

static int find_misspelt(const struct plan *p, const struct claims *c, struct warning_list *out)
{
	size_t waits = 0;
	int err = 0;

	for (size_t i = 0; i < p->model.n_nodes && waits <= NEAR_MAX; i++)
		waits += is_missing(&p->bindings[i]);
	for (size_t i = 0; i < p->model.n_nodes && waits <= NEAR_MAX && err >= 0; i++)
		if (p->model.nodes[i].kind == NODE_DEVICE && is_missing(&p->bindings[i]))
			err = misspelt(p, c, i, out);
	return err;
}

/* --- reserves ---------------------------------------------------------------------------------------- */

struct tight {
	const struct model *m;
	enum direction direction;
	struct warning_list *out;
};

static int add_tight(void *arg, uint32_t node, const char *text)
{
	const struct tight *t = arg;
	char name[MODEL_FULL_NAME_SIZE];

	return warning_add(t->out, t->direction == DIRECTION_RX ? "rx-tight" : "tight", model_full_name(t->m, node, name), "%s%s",
			   text, direction_note(t->direction));
}

int mistakes_reserves(const struct plan *p, enum direction direction, struct model_error *err)
{
	return admission_check(plan_model(p, direction), err);
}

int mistakes_shares(const struct plan *p, enum direction direction, struct model_error *err)
{
	const struct model *m = plan_model(p, direction);
	_cleanup_free_ bool *part = direction_parts(m, direction);

	/* As model_validate(): a device counts whether it sends or not. */
	return part ? admission_shares(m, direction == DIRECTION_TX ? NULL : part, err) : -ENOMEM;
}

/*
 * Patterns and others become as many devices as there are: what they promise together is known on the host only. Then
 * reserves that do not fit are cut in proportion.
 */
static int find_reserves(const struct plan *p, enum direction direction, struct warning_list *out)
{
	const struct model *m = plan_model(p, direction);
	_cleanup_free_ bool *part = direction_parts(m, direction);
	struct model_error err = { 0 };
	int r = mistakes_reserves(p, direction, &err);

	if (r == -ENOMEM || !part)
		return -ENOMEM;
	if (r < 0)
		return warning_add(out, direction == DIRECTION_RX ? "rx-overbooked" : "overbooked",
				   m->nodes[model_uplink_of(m, err.node)].name, "reserves are cut in proportion: %s%s",
				   err.text, direction_note(direction));
	return admission_tight(m, part, add_tight, &(struct tight){ m, direction, out });
}

/* A class has RATE_MIN_BYTES_PS at least. */
static int find_shares(const struct plan *p, enum direction direction, struct warning_list *out)
{
	const struct model *m = plan_model(p, direction);
	struct model_error err = { 0 };
	int r = mistakes_shares(p, direction, &err);
	const char *uplink;

	if (r != -EINVAL)
		return r;
	uplink = m->nodes[model_uplink_of(m, err.node)].name;
	return warning_add(out, direction == DIRECTION_RX ? "rx-tiny" : "tiny", uplink,
			   "all together may get more than the capacity of %s: %s%s", uplink, err.text,
			   direction_note(direction));
}

int mistakes_find(const struct plan *p, const struct host *h, struct warning_list *out)
{
	_cleanup_(claims_free) struct claims c = { 0 };
	const struct schedule *s = &p->model.schedule;
	int err = claims_make(p, h, &c);

	if (err >= 0 && s->resource == RESOURCE_DEVICE && !schedule_same(s, &schedule_default))
		err = warning_add(
			out, "schedule", "",
			"the keys of schedule count only with resource: cpu; devices are scheduled");
	for (size_t i = 0; i < p->n_bindings && err >= 0; i++) {
		const struct binding *b = &p->bindings[i];

		if (p->model.nodes[b->node].kind == NODE_UPLINK)
			err = uplink(p, h, i, out);
		else if (p->model.nodes[b->node].kind == NODE_DEVICE && s->resource == RESOURCE_DEVICE)
			err = charged_twice(p, &c, b, out);
	}
	for (size_t i = 0; i < p->n_refused && err >= 0; i++)
		err = refused(p, &c, &p->refused[i], out);
	for (enum direction i = 0; i < N_DIRECTIONS && err >= 0 && s->resource == RESOURCE_DEVICE; i++) {
		err = find_reserves(p, i, out);
		if (err >= 0)
			err = find_shares(p, i, out);
	}
	return err < 0 ? err : find_misspelt(p, &c, out);
}
