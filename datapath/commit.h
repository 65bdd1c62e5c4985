/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the files dataplane*.c share: the steps of dataplane_apply(), and how a batch is committed. */

#include "apply.h"

/* What a request to the kernel was: the upper half of its tag. The lower: about which vNIC or class. */
enum op {
	OP_IFB,
	OP_ROOT,
	OP_CLASS,
	OP_QUEUE,
	OP_CLSACT,
	OP_CLSACT_AGAIN,
	OP_FILTER,
	OP_UNFILTER,
	OP_UNHOOK,
};

static inline uint64_t tag(enum op op, uint32_t what)
{
	return (uint64_t)op << 32 | what;
}

static inline enum op tag_op(uint64_t t)
{
	return (enum op)(t >> 32);
}

/*
 * Commit what is pending. 0 if nothing failed but what benign() accepts (NULL: none). Else negative errno
 * with errtext a line for a person; have is stale then.
 */
int dataplane_commit(struct dataplane *p, bool (*benign)(const struct rtnl_failure *, void *), void *arg,
		     char *errtext, size_t size);

/* Steps 1 and 2 of dataplane.h. 0 or negative errno; errtext is filled where there is more to say. */
int dataplane_apply_classes(struct dataplane *p, const struct tree *want, char *errtext, size_t size);
/* Steps 3 and 4; likewise. missed, n_missed: see dataplane_apply(). */
int dataplane_apply_vnics(struct dataplane *p, const struct host *h, const struct tree *want,
			  struct dataplane_missed *missed, size_t *n_missed, char *errtext, size_t size);
