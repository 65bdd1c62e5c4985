/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guard.h"

#include "base/cleanup.h"
#include "guard/abi.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

struct guard {
	char socket_path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	char program[PATH_MAX];
	int memfd;
	int fd; /* connected to the guard, which sees its end when divvyd dies; -1: no guard */
	pid_t pid;
	struct guard_table *table;
};

static_assert(sizeof(((struct guard_record *)0)->path) >= sizeof(((struct gate_undo *)0)->path), "fits");
static_assert(sizeof(((struct guard_record *)0)->value) >= sizeof(((struct gate_undo *)0)->value), "fits");

static int make_table(struct guard *g)
{
	struct guard_table *t;

	g->memfd = memfd_create("divvy-guard", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (g->memfd < 0 || ftruncate(g->memfd, sizeof(*t)) < 0 ||
	    fcntl(g->memfd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return -errno;
	t = mmap(NULL, sizeof(*t), PROT_READ | PROT_WRITE, MAP_SHARED, g->memfd, 0);
	if (t == MAP_FAILED)
		return -errno;
	t->magic = GUARD_MAGIC;
	t->version = GUARD_VERSION;
	t->record_size = sizeof(struct guard_record);
	t->n_records = GUARD_RECORDS;
	g->table = t;
	return 0;
}

/* Send the table. The guard's answer says that the guard has it. */
static int say_hello(const struct guard *g, int fd)
{
	struct guard_hello hello = { GUARD_MAGIC, GUARD_VERSION }, answer;
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec iov = { &hello, sizeof(hello) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.buf,
			    .msg_controllen = sizeof(control.buf) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	ssize_t k;

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &g->memfd, sizeof(int));
	if (sendmsg(fd, &m, MSG_NOSIGNAL) < 0)
		return -errno;
	k = recv(fd, &answer, sizeof(answer), 0);
	if (k < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	return k == sizeof(answer) && answer.magic == GUARD_MAGIC && answer.version == GUARD_VERSION
		       ? 0
		       : -EPROTO;
}

static int connect_guard(struct guard *g)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct timeval patience = { .tv_sec = 1 };
	struct ucred peer;
	socklen_t size = sizeof(peer);
	int r;

	if (fd < 0)
		return -errno;
	strcpy(a.sun_path, g->socket_path);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return -errno;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return -errno;
	r = say_hello(g, fd);
	if (r < 0)
		return r;
	g->fd = TAKE_FD(fd);
	g->pid = peer.pid;
	return 0;
}

/* Returns when the guard listens: its first process ends then. */
static int start_guard(const struct guard *g)
{
	char *argv[] = { (char *)(uintptr_t)g->program, (char *)(uintptr_t) "--background",
			 (char *)(uintptr_t)g->socket_path, NULL };
	char *envp[] = { NULL };
	posix_spawnattr_t attr;
	sigset_t none, all;
	int status, r;
	pid_t pid;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	r = posix_spawn(&pid, g->program, NULL, &attr, argv, envp);
	posix_spawnattr_destroy(&attr);
	if (r)
		return -r;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return errno == ECHILD ? 0 : -errno; /* SIGCHLD is ignored: connecting will tell */
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -ECHILD;
}

static int connect_or_start(struct guard *g)
{
	int r = connect_guard(g);

	/* Twice, for the guard that was there may be about to end. */
	for (int turn = 0; r < 0 && turn < 2; turn++) {
		r = start_guard(g);
		if (r == 0)
			r = connect_guard(g);
	}
	return r;
}

static int default_program(char path[PATH_MAX])
{
	ssize_t k = readlink("/proc/self/exe", path, PATH_MAX - 16);
	char *slash;

	if (k < 0)
		return -errno;
	path[k] = '\0';
	slash = strrchr(path, '/');
	if (!slash)
		return -ENOENT;
	strcpy(slash + 1, "divvy-guard");
	return 0;
}

int guard_open(struct guard **ret, const char *socket_path, const char *program)
{
	struct guard *g = calloc(1, sizeof(*g));
	int r = 0;

	if (!g)
		return -ENOMEM;
	g->fd = g->memfd = -1;
	socket_path = socket_path ? socket_path : GUARD_SOCKET;
	if (!program)
		r = default_program(g->program);
	else if ((size_t)snprintf(g->program, sizeof(g->program), "%s", program) >= sizeof(g->program))
		r = -ENAMETOOLONG;
	if ((size_t)snprintf(g->socket_path, sizeof(g->socket_path), "%s", socket_path) >=
	    sizeof(g->socket_path))
		r = -ENAMETOOLONG;
	if (r == 0)
		r = make_table(g);
	if (r == 0)
		r = connect_or_start(g);
	if (r < 0) {
		guard_close(g);
		return r;
	}
	*ret = g;
	return 0;
}

struct guard *guard_close(struct guard *g)
{
	if (!g)
		return NULL;
	closep(&g->fd);
	closep(&g->memfd);
	if (g->table)
		munmap(g->table, sizeof(*g->table));
	free(g);
	return NULL;
}

int guard_fd(const struct guard *g)
{
	return g->fd;
}

pid_t guard_pid(const struct guard *g)
{
	return g->pid;
}

bool guard_lives(const struct guard *g)
{
	struct pollfd p = { .fd = g->fd, .events = POLLIN };

	/* The guard says nothing after its hello: only the end of file is left to be read. */
	return g->fd >= 0 && poll(&p, 1, 0) == 0;
}

int guard_repair(struct guard *g)
{
	if (guard_lives(g))
		return 0;
	closep(&g->fd);
	g->fd = -1;
	g->pid = 0;
	return connect_or_start(g);
}

int guard_add(struct guard *g, const struct gate_undo *undo)
{
	for (uint32_t i = 0; i < GUARD_RECORDS; i++) {
		struct guard_record *r = &g->table->record[i];

		if (atomic_load_explicit(&r->state, memory_order_relaxed) != GUARD_FREE)
			continue;
		strcpy(r->path, undo->path);
		strcpy(r->value, undo->value);
		atomic_store_explicit(&r->state, GUARD_READY, memory_order_release);
		if (i >= atomic_load_explicit(&g->table->used, memory_order_relaxed))
			atomic_store_explicit(&g->table->used, i + 1, memory_order_release);
		return (int)i;
	}
	return -ENOSPC;
}

void guard_remove(struct guard *g, int slot)
{
	atomic_store_explicit(&g->table->record[slot].state, GUARD_FREE, memory_order_release);
}

void guard_set(struct guard *g, int slot, bool paused)
{
	/* Sequentially consistent: the guard must see it before the effect of the write(2) that follows. */
	atomic_store(&g->table->record[slot].state, paused ? GUARD_PAUSED : GUARD_READY);
}

void guard_set_stall(struct guard *g, uint32_t ms)
{
	atomic_store_explicit(&g->table->stall_ms, ms, memory_order_relaxed);
	/* Wake the guard, which sleeps for the old interval. A guard that starts later reads the new one. */
	if (g->fd >= 0)
		(void)!send(g->fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void guard_beat(struct guard *g, uint64_t now_ns)
{
	atomic_store_explicit(&g->table->beat_ns, now_ns, memory_order_release);
}
