// SPDX-License-Identifier: GPL-2.0-or-later
#include "commit.h"

#include "base/cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *const op_text[] = {
	[OP_IFB] = "making an IFB device",
	[OP_ROOT] = "making the HTB root of an uplink",
	[OP_UNROOT] = "removing what is at an IFB's root",
	[OP_LINK] = "setting up an IFB device",
	[OP_CLASS] = "setting an HTB class",
	[OP_QUEUE] = "setting a class's queue",
	[OP_CLASSIFY] = "setting the classifier of an uplink",
	[OP_EXPEL] = "removing a filter before the classifier of an uplink",
	[OP_HOOK] = "attaching to a vNIC",
	[OP_HOOK_AGAIN] = "attaching to a vNIC again",
	[OP_FILTER] = "attaching the classifier to a vNIC",
	[OP_FILTER_FIRST] = "hook: first: attaching before filters of other programs, at preference 1,",
	[OP_EGRESS] = "making a root qdisc for a vNIC",
	[OP_UNEGRESS] = "removing the root qdisc of a vNIC",
	[OP_UNFILTER] = "detaching the classifier from a vNIC",
	[OP_UNHOOK] = "removing a vNIC's hook",
};

int commit(struct rtnl *r, commit_benign benign, void *arg, char *errtext, size_t size)
{
	size_t n_requests = rtnl_pending(r);
	_cleanup_free_ struct rtnl_failure *fail = calloc(n_requests + 1, sizeof(*fail));
	int n;

	if (!fail)
		return -ENOMEM;
	n = rtnl_commit(r, fail, n_requests);
	if (n < 0) {
		snprintf(errtext, size, "rtnetlink: %s", strerror(-n));
		return n;
	}
	for (int i = 0; i < n; i++) { /* at most one a request */
		if (benign && benign(&fail[i], arg))
			continue;
		snprintf(errtext, size, "%s failed: %s%s%s", op_text[op_of(fail[i].tag)],
			 strerror(-fail[i].error), fail[i].text[0] ? ": " : "", fail[i].text);
		return fail[i].error;
	}
	return 0;
}
