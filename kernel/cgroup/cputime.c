/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cputime.h"

#include "base/cleanup.h"
#include "core/types.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int open_in(const char *dir, const char *file)
{
	char path[CGROUP_PATH_SIZE + 32];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* A process's CPU clock needs no rights, and counts threads that have ended as well. */
static int open_clock(struct cputime *c, const struct process *vm)
{
	_cleanup_close_ int procdir = -1;
	int r = process_open(vm, &c->fd, &procdir);

	c->source = CPUTIME_PROCESS;
	return r < 0 ? r : -clock_getcpuclockid(vm->pid, &c->clock);
}

int cputime_open(struct cputime *c, const struct cgroup_host *h, const struct place *p)
{
	struct cputime out = { .fd = -1 };
	char why[PLACE_WHY_SIZE];
	struct place accounted;
	int r;

	if (p->tree == CGROUP_V2) {
		/* counted without the cpu controller too (kernel/cgroup/rstat.c) */
		out.source = CPUTIME_V2;
		out.fd = open_in(p->dir, "cpu.stat");
	} else if (!strcmp(h->mount[p->tree], h->mount[CGROUP_V1_CPUACCT])) {
		out.source = CPUTIME_CPUACCT;
		out.fd = open_in(p->dir, "cpuacct.usage");
	} else if (place_find(h, CGROUP_V1_CPUACCT, &p->vm, "", NULL, &accounted, why) == 0 &&
		   (!*accounted.home || accounted.made)) {
		out.source = CPUTIME_CPUACCT;
		out.fd = open_in(accounted.dir, "cpuacct.usage");
	}
	r = out.fd < 0 ? open_clock(&out, &p->vm) : 0;
	if (r == 0)
		*c = out;
	else
		cputime_close(&out);
	return r;
}

int cputime_read(const struct cputime *c, uint64_t *ns)
{
	unsigned long long v;
	struct timespec t;
	char text[64];
	ssize_t k;

	if (c->source == CPUTIME_PROCESS) {
		if (clock_gettime(c->clock, &t) < 0)
			return errno == EINVAL ? -ESRCH : -errno;
		/* The clock goes by the pid, which may be another's. */
		if (!process_lives(c->fd))
			return -ESRCH;
		*ns = (uint64_t)t.tv_sec * NSEC_PER_SEC + (uint64_t)t.tv_nsec;
		return 0;
	}
	/* only the beginning: usage_usec is cpu.stat's first line */
	k = pread(c->fd, text, sizeof(text) - 1, 0);
	if (k < 0)
		return -errno;
	text[k] = '\0';
	if (sscanf(text, c->source == CPUTIME_V2 ? "usage_usec %llu" : "%llu", &v) != 1)
		return -EBADMSG;
	*ns = c->source == CPUTIME_V2 ? v * NSEC_PER_USEC : v;
	return 0;
}

void cputime_close(struct cputime *c)
{
	closep(&c->fd);
	c->fd = -1;
}
