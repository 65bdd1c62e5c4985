// SPDX-License-Identifier: GPL-2.0-or-later
#include "commit.h"

#include "base/cleanup.h"
#include "kernel/net/qdisc.h"
#include "observe.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *const op_text[] = {
	[OP_IFB] = "making an IFB device",
	[OP_ROOT] = "making the HTB root of an uplink",
	[OP_CLASS] = "setting an HTB class",
	[OP_QUEUE] = "setting a class's queue",
	[OP_CLSACT] = "attaching to a vNIC",
	[OP_CLSACT_AGAIN] = "attaching to a vNIC again",
	[OP_FILTER] = "attaching the classifier to a vNIC",
	[OP_UNFILTER] = "detaching the classifier from a vNIC",
	[OP_UNHOOK] = "removing a vNIC's hook",
};

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
	memmove(v, v + 1, (size_t)(&p->have.vnics[p->have.n_vnics] - (v + 1)) * sizeof(*v));
	p->have.n_vnics--;
}

int dataplane_commit(struct dataplane *p, bool (*benign)(const struct rtnl_failure *, void *), void *arg,
		     char *errtext, size_t size)
{
	size_t n_requests = rtnl_pending(p->rtnl);
	_cleanup_free_ struct rtnl_failure *fail = calloc(n_requests + 1, sizeof(*fail));
	int n;

	if (!fail)
		return -ENOMEM;
	n = rtnl_commit(p->rtnl, fail, n_requests);
	if (n < 0) {
		snprintf(errtext, size, "rtnetlink: %s", strerror(-n));
		p->stale = true;
		return n;
	}
	for (int i = 0; i < n; i++) { /* at most one a request */
		if (benign && benign(&fail[i], arg))
			continue;
		snprintf(errtext, size, "%s failed: %s%s%s", op_text[tag_op(fail[i].tag)],
			 strerror(-fail[i].error), fail[i].text[0] ? ": " : "", fail[i].text);
		p->stale = true;
		return fail[i].error;
	}
	return 0;
}

int dataplane_apply(struct dataplane *p, const struct host *h, const struct tree *want,
		    struct dataplane_missed *missed, size_t *n_missed, char *errtext, size_t size)
{
	int err;

	*n_missed = 0;
	snprintf(errtext, size, "out of memory");
	err = dataplane_apply_classes(p, want, errtext, size);
	if (err >= 0)
		err = dataplane_apply_vnics(p, h, want, missed, n_missed, errtext, size);
	rtnl_discard(p->rtnl);
	if (err < 0)
		p->stale = true;
	return err;
}
