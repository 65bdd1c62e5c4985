/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What a gate is made of. Between gate.c, the kinds of gates, and the files that they write. */

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
	/* The shortest slot that it can hold to, and why, for the message that refuses a shorter one. */
	uint64_t slot_min_ns;
	const char *slot_min_why;
	/* What its cgroup needs: for place_find() and place_enter(). */
	const char *controller;
	/* The hierarchy it works on, or CGROUP_TREES if the host has none. */
	enum cgroup_tree (*tree)(const struct cgroup_host *h);
	/* g has tree and dir: opens descriptors and fills undo. Nothing is changed. */
	int (*open)(struct gate *g);
	int (*pause)(struct gate *g);
	int (*run)(struct gate *g);
	int (*state)(struct gate *g, enum gate_state *out);
	int (*allot)(struct gate *g, uint64_t run_ns, uint64_t period_ns, uint64_t burst_ns); /* or NULL */
	void (*close)(struct gate *g); /* NULL: writing undo is enough */
};

/*
 * What undoes a pause: writing value to path. The guard does it when divvyd cannot. (A burst of quota that
 * somebody had set, and a pause put off, is not put back by that.)
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
	bool paused; /* by us */
	uint64_t period_us; /* quota under v1: never changed, so that one write undoes */
	uint64_t burst_us;  /* quota: what was set before */
	int burst;          /* quota: its file; -1: this kernel has none */
	struct gate_undo undo;
};
