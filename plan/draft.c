// SPDX-License-Identifier: GPL-2.0-or-later
#include "draft.h"

#include "base/cleanup.h"
#include "base/printable.h"
#include "bind.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* From bridge to bridge: longer ways are circles. */
#define WAY_MAX 8

/* --- by which interface packets leave ------------------------------------------------------------------- */

static bool is_here(const struct link *l)
{
	return l->lower && l->peer_netns < 0;
}

static bool is_vms(const struct link *l)
{
	return l->kind == LINK_TUN || l->kind == LINK_VETH || l->kind == LINK_MACVTAP || l->kind == LINK_IFB;
}

static bool is_running_uplink(const struct draft_input *in, const struct link *l)
{
	for (size_t i = 0; i < in->running->n_nodes; i++)
		if (in->running->nodes[i].kind == NODE_UPLINK &&
		    (strcmp(in->running->nodes[i].name, l->name) == 0 ||
		     link_has_altname(l, in->running->nodes[i].name)))
			return true;
	return false;
}

/* A VLAN's packets are its port's: VLANs of one port share its capacity. */
static const struct link *below_vlans(const struct draft_input *in, const struct link *l)
{
	for (int i = 0; i < WAY_MAX && strcmp(l->kind_name, "vlan") == 0 && is_here(l) && !is_running_uplink(in, l); i++) {
		const struct link *lower = host_link(in->host, l->lower);

		if (!lower)
			break;
		l = lower;
	}
	return l;
}

static const struct link *way_out(const struct draft_input *in, const struct link *bridge, int left);

/* One port of a bridge: the uplink that packets leave by through it, or NULL. */
static const struct link *through(const struct draft_input *in, const struct link *port, int left)
{
	const struct link *peer;

	if (is_running_uplink(in, port) || !is_vms(port))
		return below_vlans(in, port);
	peer = port->kind == LINK_VETH && is_here(port) ? host_link(in->host, port->lower) : NULL;
	if (!peer || !peer->master || peer->master == port->master)
		return NULL;
	return way_out(in, host_link(in->host, peer->master), left - 1); /* a firewall's bridge, say */
}

/* The port of a bridge that leads out of the host. */
static const struct link *way_out(const struct draft_input *in, const struct link *bridge, int left)
{
	const struct link *found = NULL;

	for (size_t i = 0; bridge && left > 0 && i < in->host->n_links && !found; i++)
		if (in->host->links[i].master == bridge->ifindex)
			found = through(in, &in->host->links[i], left);
	return found;
}

static bool is_bridge(const struct link *l)
{
	return l->kind == LINK_BRIDGE || strcmp(l->kind_name, "openvswitch") == 0;
}

/* What no bridge takes out of the host is routed. */
static const struct link *routed(const struct draft_input *in)
{
	const struct link *l = in->route_out ? host_link(in->host, in->route_out) : NULL;

	if (l && is_bridge(l))
		return way_out(in, l, WAY_MAX);
	return l ? below_vlans(in, l) : NULL;
}

const struct link *draft_uplink(const struct draft_input *in, const struct link *vnic)
{
	const struct link *bridge = vnic->master ? host_link(in->host, vnic->master) : NULL;
	const struct link *found = bridge ? way_out(in, bridge, WAY_MAX) : NULL;

	return found ? found : routed(in);
}

/* --- which vNICs ---------------------------------------------------------------------------------------- */

/* A veth of which both ends are here leads from one bridge to another, and is no container's. */
static bool is_patch(const struct draft_input *in, const struct link *l)
{
	return l->kind == LINK_VETH && is_here(l) && host_link(in->host, l->lower);
}

static bool is_wanted(const struct draft_input *in, const struct link *l)
{
	return !binding_unschedulable(l) && (!binding_is_lower(l) || l->kind == LINK_MACVTAP) &&
	       binding_is_live(l) && !is_patch(in, l) &&
	       !is_running_uplink(in, l) && l->ifindex != in->route_out;
}

/* --- names and selectors -------------------------------------------------------------------------------- */

/* A device's name may have letters, digits, '.', '_' and '-' (spec/fields.c). */
static void plain_name(const char *from, char name[MODEL_NAME_SIZE])
{
	size_t n = 0;

	for (; *from && n + 1 < MODEL_NAME_SIZE; from++) {
		bool plain = isalnum((unsigned char)*from) || strchr("._-", *from);

		if (plain || (n && name[n - 1] != '_')) /* one '_' for several */
			name[n++] = *from;
		if (!plain && n)
			name[n - 1] = '_';
	}
	name[n] = '\0';
	if (!n)
		strcpy(name, "vm");
}

static bool is_taken(const struct model *m, const char *name)
{
	for (size_t i = 0; i < m->n_nodes; i++)
		if (m->nodes[i].kind != NODE_UPLINK && strcmp(m->nodes[i].name, name) == 0)
			return true;
	return false;
}

/* web, web-2, web-3: the first that is free. */
static void name_device(const struct model *m, const char *from, char name[MODEL_NAME_SIZE])
{
	char base[MODEL_NAME_SIZE];

	plain_name(from, base);
	memcpy(name, base, sizeof(base));
	for (unsigned int i = 2; is_taken(m, name); i++) {
		char suffix[16];
		int n = snprintf(suffix, sizeof(suffix), "-%u", i);

		snprintf(name, MODEL_NAME_SIZE, "%.*s%s", MODEL_NAME_SIZE - 1 - n, base, suffix);
	}
}

/* Texts of the host's vNICs, sorted: how often is one there? */
struct texts {
	const char **list; /* owned */
	size_t n;
};

static int compare_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* How many are below text, or equal to it where behind. */
static size_t rank(const struct texts *t, const char *text, bool behind)
{
	size_t lo = 0, hi = t->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int r = strcmp(t->list[mid], text);

		if (r < 0 || (behind && r == 0))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static bool is_once(const struct texts *t, const char *text)
{
	return text[0] && rank(t, text, true) - rank(t, text, false) == 1;
}

/* What a draft is made with. */
struct drafting {
	const struct draft_input *in;
	struct texts vms, macs;       /* names and numbers of VMs; MAC addresses */
	const struct link **uplink;   /* by link: what the vNIC leads to; NULL: it is no vNIC of the draft; owned */
	bool *is_uplink;              /* by link; owned */
};

static void drafting_free(struct drafting *d)
{
	free(d->vms.list);
	free(d->macs.list);
	free(d->uplink);
	free(d->is_uplink);
}

static void add_text(struct texts *t, const char *text)
{
	if (text[0])
		t->list[t->n++] = text;
}

static int drafting_begin(struct drafting *d)
{
	const struct host *h = d->in->host;

	d->vms.list = calloc(2 * h->n_nics + 1, sizeof(*d->vms.list));
	d->macs.list = calloc(h->n_nics + 1, sizeof(*d->macs.list));
	d->uplink = calloc(h->n_links + 1, sizeof(*d->uplink));
	d->is_uplink = calloc(h->n_links + 1, sizeof(*d->is_uplink));
	if (!d->vms.list || !d->macs.list || !d->uplink || !d->is_uplink)
		return -ENOMEM;
	for (size_t i = 0; i < h->n_nics; i++) {
		add_text(&d->vms, h->nics[i].vm);
		if (strcmp(h->nics[i].vmid, h->nics[i].vm) != 0)
			add_text(&d->vms, h->nics[i].vmid);
		add_text(&d->macs, h->nics[i].mac);
	}
	qsort(d->vms.list, d->vms.n, sizeof(*d->vms.list), compare_text);
	qsort(d->macs.list, d->macs.n, sizeof(*d->macs.list), compare_text);
	return 0;
}

/* Whether a specification can say the name, and means nothing but the name by it. */
static bool is_sayable(const char *text)
{
	char shown[4 * MODEL_SELECTOR_SIZE];

	return text[0] && !strpbrk(text, "*?") && strcmp(printable(text, strlen(text), shown, sizeof(shown)), text) == 0;
}

static void select_by(struct node *device, enum selector_kind kind, const char *text)
{
	device->select = kind;
	snprintf(device->selector, sizeof(device->selector), "%s", text);
}

/* False: nothing that a specification can say means this vNIC alone. */
static bool select_vnic(const struct drafting *d, const struct link *l, struct node *device)
{
	const struct vmm_nic *nic = host_nic(d->in->host, l->name);

	if (nic && is_sayable(nic->vm) && is_once(&d->vms, nic->vm))
		select_by(device, SELECT_VM, nic->vm);
	else if (nic && is_once(&d->macs, nic->mac))
		select_by(device, SELECT_MAC, nic->mac);
	else if (is_sayable(l->name) && !strchr(l->name, '@'))
		select_by(device, SELECT_NIC, l->name);
	else
		return false;
	return true;
}

/* --- the whole ------------------------------------------------------------------------------------------ */

/* Most vNICs are at the same few bridges: the latest answer is kept. */
static int find_uplinks(struct drafting *d)
{
	const struct host *h = d->in->host;
	const struct link *latest = NULL;
	uint32_t master = UINT32_MAX;
	size_t wanted = 0, led = 0;
	struct node unused;

	for (size_t i = 0; i < h->n_links; i++) {
		const struct link *l = &h->links[i];

		if (!is_wanted(d->in, l) || !select_vnic(d, l, &unused))
			continue;
		if (l->master != master)
			latest = draft_uplink(d->in, l);
		master = l->master;
		d->uplink[i] = latest;
		if (latest)
			d->is_uplink[latest - h->links] = true;
		wanted++;
		led += latest != NULL;
	}
	return led ? 0 : wanted ? -ENXIO : -ENODEV;
}

static struct rate capacity_of(const struct draft_input *in, const struct link *uplink)
{
	for (size_t i = 0; i < in->running->n_nodes; i++)
		if (in->running->nodes[i].kind == NODE_UPLINK && strcmp(in->running->nodes[i].name, uplink->name) == 0)
			return in->running->nodes[i].limit;
	return RATE_UNLIMITED;
}

static int add_device(const struct drafting *d, const struct link *l, uint32_t parent, struct model *m)
{
	const struct vmm_nic *nic = host_nic(d->in->host, l->name);
	struct node device = {
		.kind = NODE_DEVICE, .parent = parent, .share = { DRAFT_SHARE }, .limit = RATE_UNLIMITED
	};
	int64_t r;

	(void)select_vnic(d, l, &device);
	name_device(m, nic && nic->vm[0] ? nic->vm : l->name, device.name);
	r = model_add(m, &device);
	return r < 0 ? (int)r : 0;
}

static int add_uplink(const struct drafting *d, const struct link *uplink, struct model *m)
{
	struct node node = { .kind = NODE_UPLINK,
			     .parent = NODE_NONE,
			     .limit = capacity_of(d->in, uplink),
			     .overhead = MODEL_OVERHEAD_DEFAULT };
	struct node others = { .kind = NODE_NETWORK, .name = "others", .others = true, .limit = RATE_UNLIMITED };
	int64_t parent;
	int err = 0;

	snprintf(node.name, sizeof(node.name), "%s", uplink->name);
	parent = model_add(m, &node);
	/* What comes later, and is not in the draft. */
	if (parent >= 0) {
		others.parent = (uint32_t)parent;
		others.share.weight = DRAFT_SHARE;
		err = model_add(m, &others) < 0 ? -ENOMEM : 0;
	}
	for (size_t i = 0; i < d->in->host->n_links && parent >= 0 && err >= 0; i++)
		if (d->uplink[i] == uplink)
			err = add_device(d, &d->in->host->links[i], (uint32_t)parent, m);
	return parent < 0 ? (int)parent : err;
}

int draft_make(const struct draft_input *in, struct model *out)
{
	_cleanup_(drafting_free) struct drafting d = { .in = in };
	_cleanup_(model_free) struct model m;
	int err;

	model_init(&m);
	err = drafting_begin(&d);
	if (err >= 0)
		err = find_uplinks(&d);
	for (size_t i = 0; i < in->host->n_links && err >= 0; i++)
		if (d.is_uplink[i])
			err = add_uplink(&d, &in->host->links[i], &m);
	if (err < 0)
		return err;
	*out = m;
	model_init(&m);
	return 0;
}
