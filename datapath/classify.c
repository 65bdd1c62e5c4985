// SPDX-License-Identifier: GPL-2.0-or-later
#include "classify.h"

#include "base/cleanup.h"
#include "commit.h"
#include "kernel/net/filter.h"

#include <assert.h>
#include <errno.h>

static_assert(DIVVY_HTB_MAJOR == HTB_MAJOR, "the classifier and the tree mean one HTB");
static_assert(DIVVY_MINOR_DEFAULT == CLASSID_DEFAULT, "and one default leaf");

int classify_map(struct dataplane *p, const struct tree *want, const struct diff *d)
{
	_cleanup_free_ uint32_t *key = calloc(want->n_vnics + 1, sizeof(*key));
	_cleanup_free_ struct divvy_device *device = calloc(want->n_vnics + 1, sizeof(*device));
	_cleanup_free_ uint32_t *have = tree_match(want, &p->have);
	size_t n = 0;

	if (!key || !device || !have)
		return -ENOMEM;
	for (size_t i = diff_first(d, CHANGE_MAP); i < d->n && d->list[i].kind == CHANGE_MAP; i++) {
		const struct tree_vnic *v = &want->vnics[d->list[i].item];

		key[n] = dataplane_key(v);
		device[n++] = (struct divvy_device){ .ifb = p->have.uplinks[have[v->uplink]].ifb,
						     .minor = v->minor,
						     .idle = DIVVY_IDLE_BYTES };
	}
	return n ? classifier_set_many(p->classifier, key, device, n) : 0;
}

/* All filters of a place at the IFB, up to that of divvy's with this program; 0: all. */
static int expel_at(struct dataplane *p, uint32_t ifb, uint32_t place, uint32_t until)
{
	_cleanup_free_ struct filter *f = NULL;
	size_t n = 0;
	int err = filter_list_at(p->rtnl, ifb, place, &f, &n);

	for (size_t i = 0; i < n && err >= 0; i++) {
		if (f[i].chain)
			continue;
		if (f[i].ours && until && f[i].prog_id == until)
			break;
		err = filter_del_root(p->rtnl, ifb, place, &f[i], op_tag(OP_EXPEL, 0));
	}
	return err;
}

/* What others have put before the classifier takes its packets. Behind it no packet comes. */
static int expel(struct dataplane *p, const struct tree_uplink *u, enum classifier_program root)
{
	int err = expel_at(p, u->ifb, TREE_CLASSID(0U), classifier_id(p->classifier, root));

	return err < 0 || !u->preceded ? err : expel_at(p, u->ifb, FILTER_EGRESS, 0);
}

/* One deletion takes all filters of a preference, and others may be faster. */
static bool is_gone(const struct rtnl_failure *f, void *arg)
{
	(void)arg;
	return op_of(f->tag) == OP_EXPEL && f->error == -ENOENT;
}

static enum classifier_program root_program(const struct tree_uplink *u)
{
	return u->direction == DIRECTION_RX ? CLASSIFIER_RX_ROOT : CLASSIFIER_TX_ROOT;
}

int classify_roots(struct dataplane *p, const struct tree *want, const struct diff *d, char *errtext,
		   size_t size)
{
	_cleanup_free_ uint32_t *have = tree_match(want, &p->have);
	size_t first = diff_first(d, CHANGE_CLASSIFY), end = diff_first(d, CHANGE_ATTACH);
	int err = have ? 0 : -ENOMEM;

	for (size_t i = first; i < end && err >= 0; i++)
		err = filter_set_root(p->rtnl, p->have.uplinks[have[d->list[i].uplink]].ifb, TREE_CLASSID(0),
				      classifier_fd(p->classifier, root_program(&want->uplinks[d->list[i].uplink])),
				      op_tag(OP_CLASSIFY, 0));
	if (err >= 0)
		err = commit(p->rtnl, NULL, NULL, errtext, size);
	for (size_t i = first; i < end && err >= 0; i++)
		err = d->list[i].fresh ? 0 :
					 expel(p, &p->have.uplinks[have[d->list[i].uplink]],
					       root_program(&want->uplinks[d->list[i].uplink]));
	if (err >= 0)
		err = commit(p->rtnl, is_gone, NULL, errtext, size);
	for (size_t i = first; i < end && err >= 0; i++) {
		p->have.uplinks[have[d->list[i].uplink]].classified = true;
		p->have.uplinks[have[d->list[i].uplink]].preceded = false;
	}
	return err;
}
