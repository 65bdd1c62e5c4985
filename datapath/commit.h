/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* One batch of requests to the kernel: what each request is for, and how a failure is told. */

#include "kernel/net/rtnl.h"

/* What a request is for: the upper half of its tag. The lower half: which vNIC (its key, kernel/bpf/abi.h) or class (minor). */
enum op {
	OP_IFB,
	OP_ROOT,
	OP_UNROOT,
	OP_LINK,
	OP_CLASS,
	OP_QUEUE,
	OP_CLASSIFY,   /* the classifier at the root of an IFB's HTB */
	OP_EXPEL,      /* a filter of others there, before the classifier */
	OP_HOOK,       /* the qdisc that vNICs' filters hang on */
	OP_HOOK_AGAIN, /* the same where divvy had made it before */
	OP_FILTER,
	OP_FILTER_FIRST, /* before those of others */
	OP_EGRESS,       /* divvy's root at a vNIC, which filters hang on */
	OP_UNEGRESS,
	OP_UNFILTER,
	OP_UNHOOK,
};

static inline uint64_t op_tag(enum op op, uint32_t what)
{
	return (uint64_t)op << 32 | what;
}

static inline enum op op_of(uint64_t tag)
{
	return (enum op)(tag >> 32);
}

/* Whether a failure does no harm. */
typedef bool (*commit_benign)(const struct rtnl_failure *f, void *arg);

/*
 * Commit what is pending. 0: nothing failed but what benign() accepts (NULL: it accepts nothing). Else
 * negative errno, with a line for a person in errtext; then the caller no longer knows what the kernel has.
 */
int commit(struct rtnl *r, commit_benign benign, void *arg, char *errtext, size_t size);
