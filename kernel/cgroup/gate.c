/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "gate.h"

#include "gate_file.h"
#include "gate_kinds.h"
#include "owner.h"

#include "base/cleanup.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

const struct gate_ops *const gate_table[] = {
	[GATE_FREEZE] = &gate_freeze, [GATE_QUOTA] = &gate_quota, NULL
};

const struct gate_ops *gate_of(enum gate_kind kind)
{
	return gate_table[kind];
}

static void mark(const struct gate *g)
{
	char text[128];

	snprintf(text, sizeof(text), "%s %s", strrchr(g->undo.path, '/') + 1, g->undo.value);
	owner_mark(g->dir);
	/* without attributes gate_recover() will not find it; the guard still will */
	(void)setxattr(g->dir, GATE_XATTR_UNDO, text, strlen(text), 0);
}

static void close_files(struct gate *g)
{
	closep(&g->control);
	closep(&g->events);
	closep(&g->burst);
	*g = (struct gate){ .control = -1, .events = -1, .burst = -1 };
}

int gate_open(struct gate *g, const struct gate_ops *ops, const struct place *p, char why[PLACE_WHY_SIZE])
{
	struct gate out = { .ops = ops, .tree = p->tree, .control = -1, .events = -1, .burst = -1 };
	int r;

	strcpy(out.dir, p->dir);
	r = ops->open(&out);
	if (r < 0) {
		snprintf(why, PLACE_WHY_SIZE,
			 r == -EBUSY ? "another program has frozen cgroup %s: thaw that" :
				       "cgroup %s cannot be controlled: %s",
			 p->dir, strerror(-r));
		close_files(&out);
		return r;
	}
	mark(&out);
	*g = out;
	return 0;
}

int gate_pause(struct gate *g)
{
	int r = g->ops->pause(g);

	if (r == 0)
		g->paused = true;
	return r;
}

int gate_run(struct gate *g)
{
	int r = g->ops->run(g);

	if (r == 0)
		g->paused = false;
	return r;
}

int gate_state(struct gate *g, enum gate_state *out)
{
	return g->ops->state(g, out);
}

bool gate_held_above(const struct gate *g)
{
	return g->ops->held_above && g->ops->held_above(g);
}

int gate_allot(struct gate *g, uint64_t run_ns, uint64_t period_ns, uint64_t burst_ns)
{
	return g->ops->allot ? g->ops->allot(g, run_ns, period_ns, burst_ns) : -EOPNOTSUPP;
}

int gate_close(struct gate *g)
{
	int r;

	if (!g->ops)
		return 0;
	r = g->ops->close ? g->ops->close(g) : gate_write(g->control, g->undo.value);
	if (r < 0 && r != -ENODEV && r != -ENOENT)
		return r;
	(void)removexattr(g->dir, GATE_XATTR_UNDO);
	if (getxattr(g->dir, PLACE_XATTR_HOME, NULL, 0) <= 0) /* else place_leave() removes it whole */
		owner_clear(g->dir);
	close_files(g);
	return 0;
}

void gate_abandon(struct gate *g)
{
	if (g->ops)
		close_files(g);
}

static int recover_one(const char *dir, void *arg)
{
	_cleanup_close_ int dirfd = -1;
	char text[128], now[128], *value;
	int *paused = arg;
	ssize_t k = getxattr(dir, GATE_XATTR_UNDO, text, sizeof(text) - 1);

	if (k <= 0 || owner_is_another(dir))
		return 0;
	text[k] = '\0';
	value = strchr(text, ' ');
	if (!value)
		return 0;
	*value++ = '\0';
	if (!gate_is_control(text))
		return 0;
	dirfd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0)
		return -errno;
	k = file_read(dirfd, text, now, sizeof(now));
	if (k > 0) {
		now[strcspn(now, "\n")] = '\0';
		*paused += strcmp(now, value) != 0;
	}
	k = cgroup_write(dir, text, value);
	if (k == 0)
		(void)removexattr(dir, GATE_XATTR_UNDO);
	return (int)k;
}

/* Where the path is too long divvy has never been. */
static int recover_below(const char *dir, int *paused)
{
	int r = cgroup_walk(dir, recover_one, paused);

	return r == -ENAMETOOLONG ? 0 : r;
}

int gate_recover_below(const char *dir)
{
	int paused = 0, r = recover_below(dir, &paused);

	return r < 0 ? r : paused;
}

int gate_recover(const struct cgroup_host *h)
{
	int paused = 0, err = 0;

	for (enum cgroup_tree t = 0; t < CGROUP_TREES; t++) {
		int r = *h->mount[t] ? recover_below(h->mount[t], &paused) : 0;

		err = err < 0 ? err : r;
	}
	return err < 0 ? err : paused;
}
