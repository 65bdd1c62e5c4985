/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What a gate is made of: shared by gate.c, by the kinds of gates, and by the files that they write. */

#include "cgroup.h"

#include "core/model.h"

enum gate_state {
	GATE_RUNNING,
	GATE_PAUSING,
	GATE_PAUSED,
	GATE_HELD,
};

struct gate;

struct gate_ops {
	enum gate_kind kind;
	/* The shortest slot that the gate can keep, nanoseconds; and the reason, to show. */
	uint64_t slot_min_ns;
	const char *slot_min_why;
	/* The controller that the VM's cgroup needs, or NULL: for place_find() and place_enter(). */
	const char *controller;
	/* The hierarchy that the gate works on; CGROUP_TREES: the host has none. */
	enum cgroup_tree (*tree)(const struct cgroup_host *h);
	/* g has tree and dir. Open descriptors, fill undo, change nothing. 0; -EBUSY: it is paused; ... */
	int (*open)(struct gate *g);
	int (*pause)(struct gate *g);
	int (*run)(struct gate *g);
	int (*state)(struct gate *g, enum gate_state *out);
	bool (*held_above)(const struct gate *g); /* or NULL: never */
	int (*allot)(struct gate *g, uint64_t run_ns, uint64_t period_ns, uint64_t burst_ns); /* or NULL */
	int (*close)(struct gate *g); /* as gate_close(); NULL: writing undo is enough */
};

/*
 * A pause is undone by writing value to path. The guard does that when divvyd cannot. (It does not put back a
 * burst of the quota that was set before, and that the pause took away.)
 */
struct gate_undo {
	char path[CGROUP_PATH_SIZE + 32];
	char value[48];
};

struct gate {
	const struct gate_ops *ops;
	enum cgroup_tree tree;
	char dir[CGROUP_PATH_SIZE];
	int control; /* what pause() and run() write */
	int events;  /* what state() reads */
	bool paused; /* by divvy */
	uint64_t period_us; /* quota under v1: never changed, so that one write undoes a pause */
	uint64_t burst_us;  /* quota: the burst that was set before */
	int burst;          /* quota: the burst's file; -1: this kernel has none */
	struct gate_undo undo;
};
