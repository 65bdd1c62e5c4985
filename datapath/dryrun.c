// SPDX-License-Identifier: GPL-2.0-or-later
#include "dryrun.h"

#include "base/cleanup.h"
#include "base/printable.h"
#include "diff.h"
#include "kernel/net/filter.h"
#include "lookout.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define DRYRUN_VERSION 1

/* A step's place: where it happens, as far as that is known. */
struct place {
	const char *uplink, *nic;
	const struct plan *plan; /* of node */
	uint32_t node;           /* NODE_NONE: of no node */
};

__attribute__((format(printf, 4, 5))) static void step(json_t *steps, const char *action,
							 const struct place *at, const char *fmt, ...)
{
	char raw[512], text[512], name[MODEL_FULL_NAME_SIZE] = "", nic[4 * IFNAMSIZ];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(raw, sizeof(raw), fmt, ap);
	va_end(ap);
	/* An interface's name may be any bytes, and JSON is UTF-8. */
	printable(raw, strlen(raw), text, sizeof(text));
	printable(at->nic ? at->nic : "", at->nic ? strlen(at->nic) : 0, nic, sizeof(nic));
	if (at->plan && at->node < at->plan->model.n_nodes &&
	    at->plan->model.nodes[at->node].kind != NODE_UPLINK)
		model_full_name(&at->plan->model, at->node, name);
	json_array_append_new(steps, json_pack("{s:s,s:s,s:s,s:s,s:s}",
					       "action", action,
					       "uplink", at->uplink ? at->uplink : "",
					       "device", name,
					       "nic", nic,
					       "text", text));
}

static double mbit(struct rate r)
{
	return (double)rate_bits(r) / 1e6;
}

/* --- classes ------------------------------------------------------------------------------------ */

static void class_step(json_t *steps, const struct plan *p, const struct change *c)
{
	const struct tree_uplink *u = &p->tree.uplinks[c->uplink];
	const struct tree_class *class = &u->classes[c->item];
	const struct place at = { .uplink = u->name, .plan = p, .node = class->node };
	const char *leaf = class->leaf.kind == LEAF_FQ_CODEL ? "fq_codel" : "bfifo";

	if (c->kind == CHANGE_SET_QUEUE)
		step(steps, "change", &at, "queue of class d177:%x%s: %s of %u bytes", class->htb.minor, direction_note(u->direction), leaf,
		     class->leaf.limit);
	else if (!class->htb.parent)
		step(steps, c->kind == CHANGE_ADD_CLASS ? "make" : "change", &at,
		     "class d177:%x%s, the whole: rate %.6g Mbit/s", class->htb.minor, direction_note(u->direction),
		     mbit(class->htb.rate));
	else if (!class->htb.leaf)
		step(steps, c->kind == CHANGE_ADD_CLASS ? "make" : "change", &at,
		     "class d177:%x%s under d177:%x, a network: ceiling %.6g Mbit/s", class->htb.minor, direction_note(u->direction),
		     class->htb.parent, mbit(class->htb.ceil));
	else
		step(steps, c->kind == CHANGE_ADD_CLASS ? "make" : "change", &at,
		     "class d177:%x%s under d177:%x: rate %.6g Mbit/s, ceiling %.6g Mbit/s", class->htb.minor,
		     direction_note(u->direction), class->htb.parent, mbit(class->htb.rate), mbit(class->htb.ceil));
}

/* --- vNICs -------------------------------------------------------------------------------------- */

/* What hook: first passes by, and what it does not. A kernel that does not tell: nothing is said. */
static void first_steps(json_t *steps, const struct dryrun *d, uint32_t ifindex, const struct place *at)
{
	_cleanup_free_ struct filter *f = NULL;
	char early[EARLY_MAX][EARLY_TEXT_SIZE];
	size_t n_early = others_early(d->host, ifindex, early), n = 0;

	for (size_t i = 0; i < n_early; i++)
		step(steps, "note", at,
		     "%s sees the packets of %s before divvy: hook: first does not go before it", early[i],
		     at->nic);
	if (filter_list(d->plane->rtnl, ifindex, &f, &n) < 0)
		return;
	for (size_t i = 0; i < n; i++)
		if (!f[i].ours && f[i].pref == FILTER_PREF_FIRST && strcmp(f[i].kind, "bpf") != 0)
			step(steps, "note", at,
			     "filter %s pref %u of another program has the place of hook: first", f[i].kind,
			     f[i].pref);
		else if (!f[i].ours)
			step(steps, "pass by", at, "filter %s pref %u sees no packet of %s", f[i].kind,
			     f[i].pref, at->nic);
}

static const char *hook_text(const struct tree_vnic *v)
{
	return v->hooks & HOOK_EGRESS ? (v->egress.root ? "root qdisc and filter at the egress" : "filter at the egress") :
	       v->hooks == HOOK_TCX ? "program at tcx ingress" : "filter at tc ingress";
}

static void attach_step(json_t *steps, const struct dryrun *d, const struct plan *p, const struct change *c)
{
	const struct tree_vnic *v = &p->tree.vnics[c->item];
	const char *nic = p->bindings[v->binding].nic;
	const struct place at = { .uplink = p->tree.uplinks[v->uplink].name, .nic = nic, .plan = p,
				  .node = v->node };

	step(steps, c->kind == CHANGE_ATTACH ? "attach" : "change", &at,
	     v->direction == DIRECTION_RX ? "%s of %s: what it receives goes to class d177:%x" :
					    "%s of %s: its packets go to class d177:%x",
	     hook_text(v), nic, v->minor);
	if (v->place == PLACE_FIRST)
		first_steps(steps, d, v->ifindex, &at);
}

static void detach_step(json_t *steps, const struct dryrun *d, const struct change *c)
{
	const struct tree_vnic *v = &d->plane->have.vnics[c->item];
	const struct link *l = host_link(d->host, v->ifindex);
	const struct place at = { .nic = l ? l->name : "", .plan = d->running, .node = v->node };

	step(steps, "detach", &at, "%s of %s", hook_text(v), l ? l->name : "a vNIC that is gone");
}

static void drain_step(json_t *steps, const struct dryrun *d, const struct change *c)
{
	const struct tree_uplink *u = &d->plane->have.uplinks[c->uplink];
	struct place at = { .uplink = u->name, .plan = d->running, .node = NODE_NONE };

	if (c->kind == CHANGE_DRAIN_IFB) {
		step(steps, "remove", &at, "the IFB of %s%s, when its last class has gone", u->name, direction_note(u->direction));
		return;
	}
	at.node = u->classes[c->item].node;
	step(steps, "drain", &at, "class d177:%x%s: it sends what waits in it, then it goes",
	     u->classes[c->item].htb.minor, direction_note(u->direction));
}

static void tree_steps(json_t *steps, const struct dryrun *d, const struct plan *p, const struct diff *diff)
{
	for (size_t i = 0; i < diff->n; i++) {
		const struct change *c = &diff->list[i];
		const struct place at = { .uplink = c->kind <= CHANGE_SET_LINK ?
							    p->tree.uplinks[c->uplink].name :
							    NULL,
					  .node = NODE_NONE };

		switch (c->kind) {
		case CHANGE_MAKE_IFB:
			step(steps, "make", &at, "an IFB with an HTB root for %s%s", at.uplink,
			     direction_note(p->tree.uplinks[c->uplink].direction));
			break;
		case CHANGE_SET_LINK:
			step(steps, "change", &at, "the IFB for %s%s: up, with its alias and queue", at.uplink,
			     direction_note(p->tree.uplinks[c->uplink].direction));
			break;
		case CHANGE_MAKE_ROOT:
			step(steps, "make", &at, "the HTB root of the IFB for %s%s", at.uplink,
			     direction_note(p->tree.uplinks[c->uplink].direction));
			break;
		case CHANGE_ADD_CLASS:
		case CHANGE_SET_CLASS:
			class_step(steps, p, c);
			break;
		case CHANGE_SET_QUEUE:
			if (!c->fresh) /* else the class's step says it */
				class_step(steps, p, c);
			break;
		case CHANGE_CLASSIFY:
			if (!c->fresh) /* else the IFB's step says it */
				step(steps, "change", &at, "the classifier at the IFB for %s%s",
				     p->tree.uplinks[c->uplink].name, direction_note(p->tree.uplinks[c->uplink].direction));
			break;
		case CHANGE_MAP: /* the filter's step says it */
			break;
		case CHANGE_ATTACH:
		case CHANGE_REATTACH:
			attach_step(steps, d, p, c);
			break;
		case CHANGE_DETACH:
			detach_step(steps, d, c);
			break;
		case CHANGE_DRAIN_CLASS:
		case CHANGE_DRAIN_IFB:
			drain_step(steps, d, c);
			break;
		}
	}
}

/* --- send buffers, and what is not done ------------------------------------------------------------ */

static void hold_steps(json_t *steps, const struct dryrun *d, const struct plan *p)
{
	for (size_t i = 0; i < p->tree.n_vnics; i++) {
		const struct tree_vnic *v = &p->tree.vnics[i];
		const struct held *h = backpressure_of(d->backpressure, v->ifindex);
		const struct binding *b = &p->bindings[v->binding];
		const struct place at = { .uplink = p->tree.uplinks[v->uplink].name, .nic = b->nic, .plan = p,
					  .node = v->node };

		if (v->sndbuf && (!h || h->error || h->returning || h->now != (int)v->sndbuf))
			step(steps, "hold back", &at, "process %d (%s) by a send buffer of %u bytes on %s",
			     b->pid, b->vmm, v->sndbuf, b->nic);
	}
	for (size_t i = 0; i < d->backpressure->n; i++) {
		const struct held *h = &d->backpressure->held[i];
		const struct tree_vnic *v = tree_vnic(&p->tree, h->ifindex, DIRECTION_TX);
		const struct place at = { .nic = h->nic, .node = NODE_NONE };

		if ((!v || !v->sndbuf) && !h->returning)
			step(steps, "give back", &at, "the send buffer of %s", h->nic);
	}
}

static void device_steps(json_t *steps, const struct plan *p)
{
	for (size_t i = 0; i < p->n_bindings; i++) {
		const struct binding *b = &p->bindings[i];
		const struct place at = { .nic = b->nic, .plan = p, .node = b->node };

		if (p->model.nodes[b->node].kind != NODE_DEVICE)
			continue;
		if (b->passed_by[0])
			step(steps, "pass by", &at, "nft chain %s sees no packet of %s",
			     b->passed_by, b->nic);
		if (b->bound && b->rx_why.text[0])
			step(steps, "wait", &at, "what it receives: %s", b->rx_why.text);
		if (!b->bound)
			step(steps, "wait", &at, "%s", b->why.text);
		else if (p->model.schedule.resource == RESOURCE_CPU && b->pid && b->vmm_known)
			step(steps, "run in slots", &at, "VM %s (%s, process %d)",
			     b->vm[0] ? b->vm : p->model.nodes[b->node].name, b->vmm, b->pid);
		else if (p->model.schedule.resource == RESOURCE_CPU)
			step(steps, "pass by", &at, "no VMM that divvy knows is behind %s", b->nic);
	}
}

/* Not a mistake, but often not thought of. */
static void note_local(json_t *notes, const struct plan *p)
{
	const char *uplink = "";
	size_t devices = 0;

	for (size_t i = 0; i < p->model.n_nodes; i++) {
		if (p->model.nodes[i].kind == NODE_UPLINK) {
			uplink = p->model.nodes[i].name;
			devices = 0;
		}
		devices += p->model.nodes[i].kind == NODE_DEVICE && p->bindings[i].bound;
		if (p->model.schedule.resource == RESOURCE_DEVICE && devices == 1 && p->bindings[i].bound &&
		    p->model.nodes[i].kind == NODE_DEVICE)
			json_array_append_new(
				notes,
				json_sprintf("all that a device sends is charged to the shares of %s, also what it sends to the host and to other VMs of this host",
					     uplink));
	}
}

json_t *dryrun_json(const struct dryrun *d, const struct plan *p, json_t *warnings)
{
	json_t *steps = json_array(), *notes = json_array();
	json_int_t devices = 0, bound = 0;
	struct diff diff = { 0 };

	if (!steps || !notes || !warnings || diff_trees(&d->plane->have, &p->tree, &diff) < 0) {
		json_decref(steps);
		json_decref(notes);
		json_decref(warnings);
		return NULL;
	}
	tree_steps(steps, d, p, &diff);
	diff_free(&diff);
	hold_steps(steps, d, p);
	device_steps(steps, p);
	for (size_t i = 0; i < p->model.n_nodes; i++) {
		devices += p->model.nodes[i].kind == NODE_DEVICE;
		bound += p->model.nodes[i].kind == NODE_DEVICE && p->bindings[i].bound;
	}
	note_local(notes, p);
	return json_pack("{s:i,s:I,s:I,s:o,s:o,s:o}",
			 "version", DRYRUN_VERSION,
			 "devices", devices,
			 "bound", bound,
			 "steps", steps,
			 "notes", notes,
			 "warnings", warnings);
}
