/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What of this host's processes divvyd may not look into, and why: else "no VM" would be said of VMs that it cannot see. */

#include "vmm_nic.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum sight_limit {
	SIGHT_FULL,
	SIGHT_NO_PROC,   /* /proc cannot be read: sight_no_proc() */
	SIGHT_HIDDEN,    /* /proc hides other users' processes (hidepid), and CAP_SYS_PTRACE is missing */
	SIGHT_NO_PTRACE, /* CAP_SYS_PTRACE is missing */
	SIGHT_YAMA,      /* kernel.yama.ptrace_scope is 3: no process may look into another one */
	SIGHT_REFUSED,   /* the kernel refuses, for another reason: a container's rules, a security module */
};

struct vmm_sight {
	enum sight_limit limit;
	const char *cause;        /* why, in a few words: "divvyd lacks CAP_SYS_PTRACE"; NULL: SIGHT_FULL; a constant */
	int error;                /* what the kernel said, negative errno; 0: nothing */
	size_t n;                 /* processes that look like VMMs and cannot be looked into */
	pid_t pid;                /* one of them; n 0: 0 */
	char name[VMM_KIND_SIZE]; /* its comm, as printable_name() takes it in */
};

bool sight_same(const struct vmm_sight *a, const struct vmm_sight *b);

/* What, why, and what to do, in one line; "": SIGHT_FULL. Returns buf. */
#define SIGHT_TEXT_SIZE 320
const char *sight_text(const struct vmm_sight *s, char buf[SIGHT_TEXT_SIZE]);

/*
 * A process refused: error is negative. name: its comm, raw, where vmm, for it looks like a VMM. The first one that
 * looks so is kept.
 */
void sight_note(struct vmm_sight *s, pid_t pid, const char *name, bool vmm, int error);

/* /proc cannot be read; error: negative errno. */
void sight_no_proc(struct vmm_sight *s, int error);

/*
 * Find out limit and cause, when all processes have been asked. root: "/proc", or a test's tree with its self/mountinfo and
 * sys/kernel/yama/ptrace_scope. has_ptrace: CAP_SYS_PTRACE is in force.
 */
void sight_judge(struct vmm_sight *s, const char *root, bool has_ptrace);
