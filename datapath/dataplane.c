// SPDX-License-Identifier: GPL-2.0-or-later
#include "dataplane.h"

#include "base/byifindex.h"
#include "kernel/net/qdisc.h"
#include "observe.h"

#include <stdio.h>
#include <string.h>

int dataplane_open(struct dataplane *p, char *errtext, size_t size)
{
	int err;

	*p = (struct dataplane){ .stale = true };
	err = rtnl_open(&p->rtnl);
	if (err < 0) {
		snprintf(errtext, size, "cannot open rtnetlink: %s", strerror(-err));
		return err;
	}
	p->fq_codel = qdisc_has_fq_codel(p->rtnl);
	return classifier_open(&p->classifier, errtext, size);
}

void dataplane_close(struct dataplane *p)
{
	p->rtnl = rtnl_close(p->rtnl);
	p->classifier = classifier_close(p->classifier);
	tree_free(&p->have);
	hooks_free(&p->hooks);
}

int dataplane_observe(struct dataplane *p)
{
	struct tree seen;
	int err = observe(p->rtnl, &seen);

	if (err < 0)
		return err;
	tree_free(&p->have);
	p->have = seen;
	p->stale = false;
	return 0;
}

void dataplane_forget(struct dataplane *p, uint32_t ifindex)
{
	struct tree_vnic *v = tree_vnic(&p->have, ifindex);

	hooks_drop(&p->hooks, ifindex);
	for (size_t i = 0; i < p->have.n_uplinks; i++)
		if (p->have.uplinks[i].ifb == ifindex)
			p->stale = true;
	if (!v)
		return;
	classifier_clear(p->classifier, ifindex);
	byifindex_remove(p->have.vnics, &p->have.n_vnics, sizeof(*v), v);
}
