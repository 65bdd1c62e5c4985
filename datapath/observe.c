// SPDX-License-Identifier: GPL-2.0-or-later
#include "observe.h"

#include "base/cleanup.h"
#include "ifb.h"
#include "kernel/bpf/tcx.h"
#include "kernel/net/filter.h"
#include "kernel/net/qdisc.h"

#include <errno.h>
#include <linux/pkt_sched.h>
#include <stdio.h>
#include <string.h>

/* An observation under way. */
struct view {
	struct rtnl *r;
	const struct observer *by;
	struct qdisc *qdiscs; /* of all IFBs: those with a handle, by interface, then parent; owned */
	size_t n_qdiscs;
	struct tree t;
};

static void view_free(struct view *v)
{
	free(v->qdiscs);
	tree_free(&v->t);
}

/* --- qdiscs ------------------------------------------------------------------------------------- */

static int compare_qdisc(const void *a, const void *b)
{
	const struct qdisc *x = a, *y = b;

	if (x->ifindex != y->ifindex)
		return x->ifindex < y->ifindex ? -1 : 1;
	return (x->parent > y->parent) - (x->parent < y->parent);
}

/* The kernel dumps those of all interfaces, so they are read once. */
static int read_qdiscs(struct view *v)
{
	int err = v->qdiscs ? 0 : qdisc_list(v->r, 0, &v->qdiscs, &v->n_qdiscs);

	if (err >= 0 && v->n_qdiscs)
		qsort(v->qdiscs, v->n_qdiscs, sizeof(*v->qdiscs), compare_qdisc);
	return err;
}

/* NULL: there is none but what the kernel put there by itself. */
static const struct qdisc *qdisc_at(const struct view *v, uint32_t ifindex, uint32_t parent)
{
	struct qdisc key = { .ifindex = ifindex, .parent = parent };

	return v->n_qdiscs ? bsearch(&key, v->qdiscs, v->n_qdiscs, sizeof(key), compare_qdisc) : NULL;
}

static bool root_is_ours(const struct view *v, uint32_t ifb)
{
	const struct qdisc *q = qdisc_at(v, ifb, TC_H_ROOT);

	return q && strcmp(q->kind, "htb") == 0 && q->handle == TREE_CLASSID(0U) &&
	       q->htb_default == CLASSID_DEFAULT && q->htb_direct_qlen == IFB_TXQLEN;
}

/* --- uplinks ------------------------------------------------------------------------------------ */

static const struct tree_uplink *known_ifb(const struct tree *known, uint32_t ifb)
{
	for (size_t i = 0; i < known->n_uplinks; i++)
		if (known->uplinks[i].ifb == ifb)
			return &known->uplinks[i];
	return NULL;
}

/* Classes of both are sorted by minor. */
static void keep_known(struct tree_uplink *u, const struct tree_uplink *known, bool all_known)
{
	size_t k = 0;

	u->node = known->node;
	u->drains = known->drains;
	for (size_t i = 0; i < u->n_classes; i++) {
		struct tree_class *c = &u->classes[i];

		while (k < known->n_classes && known->classes[k].htb.minor < c->htb.minor)
			k++;
		if (k < known->n_classes && known->classes[k].htb.minor == c->htb.minor) {
			c->node = known->classes[k].node;
			c->drains = known->classes[k].drains;
			c->theirs = known->classes[k].theirs;
		} else {
			c->theirs = all_known && c->htb.parent <= CLASSID_ROOT;
		}
	}
}

static int read_classes(struct view *v, struct tree_uplink *u)
{
	_cleanup_free_ struct htb_class *classes = NULL;
	size_t n = 0;
	int err = htb_list(v->r, u->ifb, &classes, NULL, &n);

	if (err < 0)
		return err;
	u->classes = calloc(n + 1, sizeof(*u->classes));
	if (!u->classes)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const struct qdisc *q =
			classes[i].leaf ? qdisc_at(v, u->ifb, TREE_CLASSID(classes[i].minor)) : NULL;

		u->classes[u->n_classes] = (struct tree_class){ .htb = classes[i], .node = NODE_NONE };
		if (q)
			u->classes[u->n_classes].leaf = q->leaf;
		u->n_classes++;
	}
	return 0;
}

/* What is at ingress of an IFB meets no packet, what is at the egress of a clsact meets all. */
static int read_preceded(struct view *v, struct tree_uplink *u)
{
	const struct qdisc *q = qdisc_at(v, u->ifb, TC_H_INGRESS);
	_cleanup_free_ struct filter *f = NULL;
	size_t n = 0;
	int err = q && strcmp(q->kind, "clsact") == 0 ? filter_list_at(v->r, u->ifb, FILTER_EGRESS, &f, &n) : 0;

	for (size_t i = 0; i < n && err >= 0; i++)
		u->preceded |= !f[i].chain;
	return err;
}

/* Whether this divvyd's classifier is the first that packets meet at the IFB. */
static int read_classified(struct view *v, struct tree_uplink *u)
{
	enum classifier_program root = u->direction == DIRECTION_RX ? CLASSIFIER_RX_ROOT : CLASSIFIER_TX_ROOT;
	_cleanup_free_ struct filter *f = NULL;
	size_t n = 0, first = 0;
	int err = filter_list_at(v->r, u->ifb, TREE_CLASSID(0U), &f, &n);

	if (err >= 0)
		err = read_preceded(v, u);
	if (err < 0)
		return err;
	while (first < n && f[first].chain)
		first++;
	u->classified = first < n && f[first].ours && f[first].prog_id == v->by->id[root] && !u->preceded;
	return 0;
}

static bool name_is_taken(const struct tree *t, const struct tree_uplink *u)
{
	for (size_t i = 0; i < t->n_uplinks; i++)
		if (strcmp(t->uplinks[i].name, u->name) == 0 && t->uplinks[i].direction == u->direction)
			return true;
	return false;
}

static int observe_uplink(struct view *v, const struct link *ifb)
{
	const struct tree_uplink *known = known_ifb(v->by->known, ifb->ifindex);
	struct tree_uplink u = { .ifb = ifb->ifindex, .node = NODE_NONE };
	int err = read_qdiscs(v);

	if (err < 0)
		return err;
	if (known) {
		memcpy(u.name, known->name, sizeof(u.name));
		u.direction = known->direction;
	} else {
		ifb_parse_alias(ifb->alias, &u);
	}
	u.wrong_link = ifb_differs(ifb, &u);
	u.wrong_root = !root_is_ours(v, u.ifb);
	if (name_is_taken(&v->t, &u))
		u.name[0] = '\0'; /* it comes back from another namespace, say */
	err = read_classes(v, &u);
	if (err >= 0)
		err = read_classified(v, &u);
	if (err < 0) {
		free(u.classes);
		return err;
	}
	if (known)
		keep_known(&u, known, v->by->all_known);
	v->t.uplinks[v->t.n_uplinks++] = u; /* there is room for all links */
	return 0;
}

static bool is_ifb(const struct view *v, const struct link *l)
{
	return l->kind == LINK_IFB && (known_ifb(v->by->known, l->ifindex) || ifb_has_alias(l));
}

/* Those that are known first: their names are theirs. */
static int observe_uplinks(struct view *v, const struct link *links, size_t n)
{
	int err = 0;

	for (int known = 1; known >= 0; known--)
		for (size_t i = 0; i < n && err >= 0; i++)
			if (is_ifb(v, &links[i]) && !known_ifb(v->by->known, links[i].ifindex) == !known)
				err = observe_uplink(v, &links[i]);
	return err;
}

/* --- vNICs -------------------------------------------------------------------------------------- */

static uint32_t uplink_of_ifb(const struct tree *t, uint32_t ifb)
{
	for (size_t i = 0; ifb && i < t->n_uplinks; i++)
		if (t->uplinks[i].ifb == ifb)
			return (uint32_t)i;
	return NODE_NONE;
}

static uint32_t ifb_of(const struct tree *t, const struct tree_vnic *v)
{
	return v->uplink < t->n_uplinks ? t->uplinks[v->uplink].ifb : 0;
}

/* The vNIC as it is known, with its hook found to lead to this IFB. */
static void put_vnic(struct view *v, const struct tree_vnic *known, uint32_t ifb)
{
	struct tree_vnic *to = &v->t.vnics[v->t.n_vnics++];
	uint32_t uplink = uplink_of_ifb(&v->t, ifb);

	*to = *known;
	to->uplink = uplink == NODE_NONE ? 0 : uplink;
	/* A filter without its IFB still counts: it has to be replaced or removed. */
	if (uplink == NODE_NONE)
		to->node = NODE_NONE;
}

/* The filter at a side of the vNIC, from all that there are: the first of divvy's. NULL: it has none there. */
static const struct filter *find_ours(const struct filter *f, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (f[i].ours && !f[i].chain)
			return &f[i];
	return NULL;
}

/* Add what was seen of the vNIC, of which *seen has its hooks and where they are. at: NULL: a tcx program alone. */
static void put_seen(struct view *v, struct tree_vnic *seen, const struct filter *at, const struct filter *f, size_t n)
{
	const struct tree_vnic *known = tree_same_vnic(v->by->known, seen);

	seen->both = false;
	if (!at) { /* which class it leads to, only its map tells */
		seen->place = PLACE_LAST;
		put_vnic(v, seen, known ? ifb_of(v->by->known, known) : 0);
		return;
	}
	seen->minor = (uint16_t)(at->classid & 0xffff);
	seen->place = at->pref == FILTER_PREF ? PLACE_LAST : PLACE_FIRST;
	for (const struct filter *other = at + 1; other < f + n; other++)
		seen->both = seen->both || (other->ours && !other->chain);
	put_vnic(v, seen, at->redirect);
}

static int observe_ingress(struct view *v, uint32_t ifindex, enum direction direction)
{
	_cleanup_free_ struct filter *f = NULL;
	struct tree_vnic seen = { .ifindex = ifindex, .direction = direction, .node = NODE_NONE };
	const struct tree_vnic *known = tree_same_vnic(v->by->known, &seen);
	uint32_t id = v->by->id[direction == DIRECTION_RX ? CLASSIFIER_RX_INGRESS : CLASSIFIER_TX_INGRESS];
	uint32_t divert = v->by->id[CLASSIFIER_DIVERT];
	const struct filter *at;
	struct tcx tcx = { 0 };
	size_t n = 0;
	int err = filter_list(v->r, ifindex, &f, &n);

	if (err < 0)
		return err == -ENODEV ? 0 : err;
	if (divert)
		tcx_read(ifindex, divert, &tcx);
	at = find_ours(f, n);
	if (!at && !tcx.ours)
		return 0;
	if (known && (!at || at->prog_id == id) && (!tcx.ours || tcx.ours == divert))
		seen = *known;
	seen.hooks = (at ? HOOK_FILTER : 0U) | (tcx.ours ? HOOK_TCX : 0U);
	put_seen(v, &seen, at, f, n);
	return 0;
}

static int observe_egress_at(struct view *v, uint32_t ifindex, enum direction direction, uint32_t parent, bool *found)
{
	_cleanup_free_ struct filter *f = NULL;
	struct tree_vnic seen = { .ifindex = ifindex, .direction = direction, .node = NODE_NONE };
	const struct tree_vnic *known = tree_same_vnic(v->by->known, &seen);
	uint32_t id = v->by->id[direction == DIRECTION_RX ? CLASSIFIER_RX_EGRESS : CLASSIFIER_TX_EGRESS];
	const struct filter *at;
	size_t n = 0;
	int err = filter_list_at(v->r, ifindex, parent, &f, &n);

	if (err < 0)
		return err == -ENODEV ? 0 : err;
	at = find_ours(f, n);
	/* The two places of clsact are one of an `ingress` that has come instead. */
	if (!at || at->prog_id == v->by->id[CLASSIFIER_TX_INGRESS] || at->prog_id == v->by->id[CLASSIFIER_RX_INGRESS])
		return 0;
	if (known && at->prog_id == id)
		seen = *known;
	seen.hooks = HOOK_EGRESS;
	seen.egress = (struct egress_place){ .parent = parent, .root = parent == TREE_CLASSID(0U) };
	put_seen(v, &seen, at, f, n);
	*found = true;
	return 0;
}

/* Where it is known to be; else wherever it may be. */
static int observe_egress(struct view *v, uint32_t ifindex, enum direction direction)
{
	const struct tree_vnic *known = tree_vnic(v->by->known, ifindex, direction);
	const struct qdisc *q;
	bool found = false;
	int err = 0;

	if (known && known->hooks & HOOK_EGRESS)
		err = observe_egress_at(v, ifindex, direction, known->egress.parent, &found);
	if (err < 0 || found || !v->qdiscs)
		return err;
	q = qdisc_at(v, ifindex, TC_H_INGRESS);
	if (q && strcmp(q->kind, "clsact") == 0)
		err = observe_egress_at(v, ifindex, direction, FILTER_EGRESS, &found);
	q = qdisc_at(v, ifindex, TC_H_ROOT);
	if (err >= 0 && !found && q && q->handle && (strcmp(q->kind, "htb") == 0 || strcmp(q->kind, "hfsc") == 0))
		err = observe_egress_at(v, ifindex, direction, q->handle, &found);
	return err;
}

/* lower: binding_is_lower(): it has its own ends the other way round. */
static int observe_vnic(struct view *v, uint32_t ifindex, bool lower)
{
	int err = observe_ingress(v, ifindex, lower ? DIRECTION_RX : DIRECTION_TX);

	return err < 0 ? err : observe_egress(v, ifindex, lower ? DIRECTION_TX : DIRECTION_RX);
}

/* --- the whole ---------------------------------------------------------------------------------- */

static int finish(struct view *v, int err, struct tree *out)
{
	if (err >= 0)
		err = tree_sort(&v->t);
	if (err < 0)
		return err;
	*out = v->t;
	v->t = (struct tree){ 0 };
	return 0;
}

/* Room for so many uplinks and vNICs. */
static int make_room(struct view *v, size_t uplinks, size_t vnics)
{
	v->t.uplinks = calloc(uplinks + 1, sizeof(*v->t.uplinks));
	v->t.vnics = calloc(vnics + 1, sizeof(*v->t.vnics));
	return v->t.uplinks && v->t.vnics ? 0 : -ENOMEM;
}

static bool is_in_turn(const struct observer *by, uint32_t ifindex)
{
	return by->turns == 0 || ifindex % by->turns == by->turn;
}

/* Without a look at it. */
static int keep_vnic(struct view *v, uint32_t ifindex)
{
	const struct tree *known = v->by->known;

	for (enum direction d = 0; d < N_DIRECTIONS; d++) {
		const struct tree_vnic *vnic = tree_vnic(known, ifindex, d);

		if (vnic)
			put_vnic(v, vnic, ifb_of(known, vnic));
	}
	return 0;
}

static int copy_uplink(struct view *v, const struct tree_uplink *known)
{
	struct tree_uplink *u = &v->t.uplinks[v->t.n_uplinks];

	*u = *known;
	u->classes = calloc(known->n_classes + 1, sizeof(*u->classes));
	if (!u->classes)
		return -ENOMEM;
	if (known->n_classes)
		memcpy(u->classes, known->classes, known->n_classes * sizeof(*u->classes));
	v->t.n_uplinks++;
	return 0;
}

static int copy_uplinks(struct view *v)
{
	const struct tree *known = v->by->known;
	int err = 0;

	for (size_t i = 0; i < known->n_uplinks && err >= 0; i++)
		err = copy_uplink(v, &known->uplinks[i]);
	return err;
}

/* What is known of egress is looked up at the qdiscs: where divvy has nothing there, nothing is to be looked up. */
static bool has_egress(const struct tree *known)
{
	for (size_t i = 0; i < known->n_vnics; i++)
		if (known->vnics[i].hooks & HOOK_EGRESS)
			return true;
	return false;
}

static int observe_links(struct view *v, const struct link *links, size_t n)
{
	bool ifbs = v->by->turns == 0 || v->by->turn == 0;
	int err = make_room(v, n + v->by->known->n_uplinks, N_DIRECTIONS * n);

	if (err >= 0 && (ifbs || has_egress(v->by->known)))
		err = read_qdiscs(v);
	if (err >= 0)
		err = ifbs ? observe_uplinks(v, links, n) : copy_uplinks(v);
	for (size_t i = 0; i < n && err >= 0; i++)
		if (!binding_unschedulable(&links[i]))
			err = is_in_turn(v->by, links[i].ifindex) ?
				      observe_vnic(v, links[i].ifindex, binding_is_lower(&links[i])) :
				      keep_vnic(v, links[i].ifindex);
	return err;
}

int observe(struct rtnl *r, const struct observer *by, struct tree *out)
{
	_cleanup_(view_free) struct view v = { .r = r, .by = by };
	_cleanup_free_ struct link *links = NULL;
	size_t n = 0;
	int err;

	if (by->turns && by->turn)
		return finish(&v, observe_links(&v, by->host->links, by->host->n_links), out);
	err = link_list(r, &links, &n);
	return finish(&v, err < 0 ? err : observe_links(&v, links, n), out);
}

static int compare_ifindex(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static bool is_among(const uint32_t *list, size_t n, uint32_t ifindex)
{
	return n && bsearch(&ifindex, list, n, sizeof(*list), compare_ifindex);
}

static int look_at_ifb(struct view *v, uint32_t ifindex)
{
	struct link l;
	int err = link_get_index(v->r, ifindex, &l);

	return err == -ENODEV ? 0 : err < 0 ? err : is_ifb(v, &l) ? observe_uplink(v, &l) : 0;
}

/* Its egress is looked at where it is known to have a filter there. */
static int look_at_vnic(struct view *v, uint32_t ifindex)
{
	struct link l;
	int err = link_get_index(v->r, ifindex, &l);

	return err == -ENODEV ? 0 : err < 0 ? err : observe_vnic(v, ifindex, binding_is_lower(&l));
}

int observe_some(struct rtnl *r, const struct observer *by, const uint32_t *ifindex, size_t n,
		 struct tree *out)
{
	_cleanup_(view_free) struct view v = { .r = r, .by = by };
	const struct tree *known = by->known;
	int err = make_room(&v, known->n_uplinks, known->n_vnics + N_DIRECTIONS * n);

	for (size_t i = 0; i < known->n_uplinks && err >= 0; i++)
		err = is_among(ifindex, n, known->uplinks[i].ifb) ? look_at_ifb(&v, known->uplinks[i].ifb) :
								    copy_uplink(&v, &known->uplinks[i]);
	for (size_t i = 0; i < known->n_vnics && err >= 0; i++)
		if (!is_among(ifindex, n, known->vnics[i].ifindex))
			put_vnic(&v, &known->vnics[i], ifb_of(known, &known->vnics[i]));
	for (size_t i = 0; i < n && err >= 0; i++)
		if (!known_ifb(known, ifindex[i]))
			err = look_at_vnic(&v, ifindex[i]);
	return finish(&v, err, out);
}
