/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Short commands run to their end, and what /proc says about processes and namespaces. */

#include "proc.h"

#include "base/cleanup.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#define RUN_TIMEOUT_NS (30 * 1000000000ULL)
#define ARGS_MAX 64

struct text {
	char *p;
	size_t n;
};

static void text_free(struct text *t)
{
	free(t->p);
}

/* Append what can be read now. 1: more may come, 0: end of file, or negative errno. */
static int text_read(struct text *t, int fd)
{
	char *p = realloc(t->p, t->n + 4097);
	ssize_t k;

	if (!p)
		return -ENOMEM;
	t->p = p;
	k = read(fd, p + t->n, 4096);
	if (k < 0)
		return errno == EINTR || errno == EAGAIN ? 1 : -errno;
	t->n += (size_t)k;
	p[t->n] = 0;
	return k > 0;
}

static int collect(int fd_out, int fd_err, struct text *out, struct text *err)
{
	uint64_t deadline = clock_now_ns() + RUN_TIMEOUT_NS;
	struct pollfd p[2] = { { .fd = fd_out, .events = POLLIN }, { .fd = fd_err, .events = POLLIN } };
	struct text *t[2] = { out, err };

	while (p[0].fd >= 0 || p[1].fd >= 0) {
		if (clock_now_ns() >= deadline)
			return -ETIMEDOUT;
		if (poll(p, 2, 1000) < 0)
			continue; /* a signal: short commands are let finish */
		for (int i = 0; i < 2; i++) {
			int r = p[i].fd >= 0 && p[i].revents ? text_read(t[i], p[i].fd) : 1;

			if (r < 0)
				return r;
			if (r == 0)
				p[i].fd = -1;
		}
	}
	return 0;
}

/* The command and the first line of what it complained about. */
static int failed(struct errtext *e, const char *const *argv, const struct text *err, int status)
{
	char line[300];
	size_t n = 0;

	line[0] = 0;
	for (size_t i = 0; argv[i] && n < sizeof(line) - 1; i++)
		n += (size_t)snprintf(line + n, sizeof(line) - n, "%s%s", i ? " " : "", argv[i]);
	if (err->n > 0)
		return errtext_set(e, -EREMOTEIO, "%s: %.*s", line, (int)strcspn(err->p, "\n"), err->p);
	if (WIFSIGNALED(status))
		return errtext_set(e, -EREMOTEIO, "%s: ended by signal %d", line, WTERMSIG(status));
	return errtext_set(e, -EREMOTEIO, "%s: exit code %d", line, WEXITSTATUS(status));
}

static int open_input(const char *input)
{
	FILE *f;
	int fd;

	if (!input)
		return -1;
	f = tmpfile();
	if (!f)
		return -1;
	fputs(input, f);
	fflush(f);
	fd = fcntl(fileno(f), F_DUPFD_CLOEXEC, 3);
	fclose(f);
	if (fd >= 0)
		lseek(fd, 0, SEEK_SET);
	return fd;
}

int proc_runv(const char *netns, const char *const *argv, const char *input, char **output, struct errtext *e)
{
	_cleanup_(text_free) struct text out = { 0 }, err = { 0 };
	_cleanup_close_ int in = open_input(input), out_r = -1, out_w = -1, err_r = -1, err_w = -1;
	struct spawn s = SPAWN_INIT;
	int p[2], r, status = 0;
	pid_t pid;

	if (pipe2(p, O_CLOEXEC) < 0)
		return errtext_set(e, -errno, "%s: %s", argv[0], strerror(errno));
	out_r = p[0];
	out_w = p[1];
	if (pipe2(p, O_CLOEXEC) < 0)
		return errtext_set(e, -errno, "%s: %s", argv[0], strerror(errno));
	err_r = p[0];
	err_w = p[1];
	s.argv = argv;
	s.netns = netns;
	s.in = in;
	s.out = out_w;
	s.err = err_w;
	r = proc_spawn(&s, &pid, e);
	if (r < 0)
		return r;
	close(TAKE_FD(out_w));
	close(TAKE_FD(err_w));
	r = collect(out_r, err_r, &out, &err);
	proc_stop(pid, 0, r < 0 ? 0 : 5000, &status);
	if (r < 0)
		return errtext_set(e, r, "%s: %s", argv[0], strerror(-r));
	if (status != 0)
		return failed(e, argv, &err, status);
	if (output) {
		if (!out.p && !(out.p = strdup("")))
			return errtext_set(e, -ENOMEM, "%s: out of memory", argv[0]);
		*output = TAKE_PTR(out.p);
	}
	return 0;
}

int proc_run(const char *netns, char **output, struct errtext *e, const char *fmt, ...)
{
	_cleanup_free_ char *line = NULL;
	const char *argv[ARGS_MAX + 1];
	size_t n = 0;
	char *save = NULL;
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = vasprintf(&line, fmt, ap);
	va_end(ap);
	if (r < 0) {
		line = NULL;
		return errtext_set(e, -ENOMEM, "out of memory");
	}
	for (char *word = strtok_r(line, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		if (n == ARGS_MAX)
			return errtext_set(e, -E2BIG, "%s: too many arguments", argv[0]);
		argv[n++] = word;
	}
	argv[n] = NULL;
	return n == 0 ? -EINVAL : proc_runv(netns, argv, NULL, output, e);
}

/* --- /proc --- */

int proc_read_ns(const char *netns, const char *path, char **content)
{
	char own[128];
	int back, r = netns_enter(netns, &back);
	ssize_t n;

	if (r < 0)
		return r;
	/* /proc/net is self/net, the process's main thread; this thread's is what was just changed. */
	if (strncmp(path, "/proc/net/", 10) == 0) {
		snprintf(own, sizeof(own), "/proc/thread-self/net/%s", path + 10);
		path = own;
	}
	n = file_read_alloc(AT_FDCWD, path, SIZE_MAX, content);
	netns_leave(back);
	return n < 0 ? (int)n : 0;
}

int proc_write_ns(const char *netns, const char *path, const char *content)
{
	_cleanup_close_ int fd = -1;
	int back, r = netns_enter(netns, &back);

	if (r < 0)
		return r;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, content, strlen(content)) < 0)
		r = -errno;
	netns_leave(back);
	return r;
}

static uint64_t own_cpu_ns(pid_t pid)
{
	struct timespec t;
	clockid_t id;

	if (clock_getcpuclockid(pid, &id) != 0 || clock_gettime(id, &t) < 0)
		return 0;
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Children are listed by the thread that forked them; QEMU's helpers come from its main thread. */
static uint64_t tree_cpu_ns(pid_t pid, unsigned depth)
{
	_cleanup_free_ char *list = NULL;
	uint64_t sum = own_cpu_ns(pid);
	char path[64], *p;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
	if (depth == 0 || proc_read_ns(NULL, path, &list) < 0 || !list)
		return sum;
	p = list;
	for (;;) {
		char *end;
		long child = strtol(p, &end, 10);

		if (end == p)
			return sum;
		sum += tree_cpu_ns((pid_t)child, depth - 1);
		p = end;
	}
}

int proc_cpu_ns(pid_t pid, uint64_t *ns)
{
	if (pid <= 0 || kill(pid, 0) < 0)
		return -ESRCH;
	*ns = tree_cpu_ns(pid, 4);
	return 0;
}
