/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pausing by the freezer. v2's is preferred where a host has both: a VM that v1 has frozen cannot be
 * killed, and v1 knows no event file. Documentation/admin-guide/cgroup-v2.rst, cgroup.freeze;
 * Documentation/admin-guide/cgroup-v1/freezer-subsystem.rst.
 */
#include "gate_kinds.h"

#include "gate_file.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static enum cgroup_tree tree(const struct cgroup_host *h)
{
	if (*h->mount[CGROUP_V2] && h->v2_freeze)
		return CGROUP_V2;
	return *h->mount[CGROUP_V1_FREEZER] ? CGROUP_V1_FREEZER : CGROUP_TREES;
}

static int read_text(int fd, char *text, size_t size)
{
	ssize_t k = pread(fd, text, size - 1, 0);

	if (k < 0)
		return -errno;
	text[k] = '\0';
	return 0;
}

static int open_freeze(struct gate *g)
{
	bool v2 = g->tree == CGROUP_V2;
	const char *file = v2 ? "cgroup.freeze" : "freezer.state";
	char frozen[32];
	int r;

	g->control = gate_open_file(g, file, O_RDWR);
	if (g->control < 0)
		return g->control;
	g->events = gate_open_file(g, v2 ? "cgroup.events" : file, O_RDONLY);
	if (g->events < 0)
		return g->events;
	r = gate_read_line(g, v2 ? "cgroup.freeze" : "freezer.self_freezing", frozen, sizeof(frozen));
	if (r < 0)
		return r;
	return frozen[0] == '1' ? -EBUSY : gate_set_undo(g, file, v2 ? "0" : "THAWED");
}

static int pause_freeze(struct gate *g)
{
	return gate_write(g->control, g->tree == CGROUP_V2 ? "1" : "FROZEN");
}

static int run_freeze(struct gate *g)
{
	return gate_write(g->control, g->tree == CGROUP_V2 ? "0" : "THAWED");
}

static int state_v2(struct gate *g, enum gate_state *out)
{
	char text[128], asked[8] = "";
	const char *frozen;
	int r = read_text(g->events, text, sizeof(text));

	if (r < 0)
		return r;
	frozen = strstr(text, "frozen ");
	if (!frozen)
		return -EBADMSG;
	if (frozen[7] == '1') {
		*out = g->paused ? GATE_PAUSED : GATE_HELD;
	} else if (g->paused) {
		*out = GATE_PAUSING;
	} else {
		/* With a kernel thread in it, it never says "frozen 1" before 6.13. */
		r = read_text(g->control, asked, sizeof(asked));
		*out = r == 0 && asked[0] == '1' ? GATE_HELD : GATE_RUNNING;
	}
	return 0;
}

/* The root of v2 has no such file, nor has what is above it. A v1 cgroup tells of those above it itself. */
static bool held_above(const struct gate *g)
{
	char path[CGROUP_PATH_SIZE + 16], asked[8], *slash;

	snprintf(path, sizeof(path), "%s", g->dir);
	while (g->tree == CGROUP_V2 && (slash = strrchr(path, '/')) && slash != path) {
		strcpy(slash, "/cgroup.freeze");
		if (file_read(AT_FDCWD, path, asked, sizeof(asked)) < 0)
			return false;
		if (asked[0] == '1')
			return true;
		*slash = '\0';
	}
	return false;
}

static int state_v1(struct gate *g, enum gate_state *out)
{
	char text[32];
	int r = read_text(g->events, text, sizeof(text));

	if (r < 0)
		return r;
	if (!strncmp(text, "THAWED", 6))
		*out = GATE_RUNNING;
	else if (!g->paused)
		*out = GATE_HELD;
	else
		*out = strncmp(text, "FROZEN", 6) ? GATE_PAUSING : GATE_PAUSED;
	return 0;
}

static int state_freeze(struct gate *g, enum gate_state *out)
{
	return g->tree == CGROUP_V2 ? state_v2(g, out) : state_v1(g, out);
}

const struct gate_ops gate_freeze = {
	.kind = GATE_FREEZE,
	.slot_min_ns = GATE_FREEZE_SLOT_MIN_NS,
	.slot_min_why = "freezing and thawing takes up to a millisecond or two when the VM is busy",
	.tree = tree,
	.open = open_freeze,
	.pause = pause_freeze,
	.run = run_freeze,
	.state = state_freeze,
	.held_above = held_above,
};
