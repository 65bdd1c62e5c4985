/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "proc.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#define CHILDREN_MAX 256

/* A process that ended is kept with its status until proc_stop() asks for it. */
struct child {
	pid_t pid; /* 0: free */
	bool ended;
	int status;
};

static struct child children[CHILDREN_MAX];
static volatile sig_atomic_t interrupted;
static int signal_pipe[2] = { -1, -1 };
static pid_t owner;

static const struct {
	const char *program, *package;
} packages[] = {
	{ "ip", "iproute2" },	      { "tc", "iproute2" },
	{ "ethtool", "ethtool" },     { "nft", "nftables" },
	{ "iperf3", "iperf3" },	      { "iperf", "iperf" },
	{ "ping", "iputils-ping" },   { "qemu-system-x86_64", "qemu-system-x86" },
	{ "gnuplot", "gnuplot-nox" }, { "ffmpeg", "ffmpeg" },
	{ "busybox", "busybox-static" },
};

int errtext_set(struct errtext *e, int error, const char *fmt, ...)
{
	va_list ap;

	if (e) {
		va_start(ap, fmt);
		vsnprintf(e->text, sizeof(e->text), fmt, ap);
		va_end(ap);
	}
	return error;
}

/* --- signals --- */

static void on_signal(int sig)
{
	int saved = errno;

	interrupted = sig;
	/* Full is as good as written. */
	if (write(signal_pipe[1], "", 1) < 0)
		errno = saved;
	errno = saved;
}

int proc_init(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction sa = { .sa_handler = on_signal };

	if (pipe2(signal_pipe, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		if (sigaction(signals[i], &sa, NULL) < 0)
			return -errno;
	signal(SIGPIPE, SIG_IGN);
	owner = getpid();
	if (atexit(proc_stop_all) != 0)
		return -ENOMEM;
	return 0;
}

int proc_interrupted(void)
{
	return interrupted;
}

int proc_signal_fd(void)
{
	return signal_pipe[0];
}

/* --- network namespaces --- */

static int netns_open(const char *netns)
{
	char path[64];
	int fd;

	if (snprintf(path, sizeof(path), "/run/netns/%s", netns) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int enter(int fd)
{
	return setns(fd, CLONE_NEWNET) < 0 ? -errno : 0;
}

int netns_enter(const char *netns, int *back)
{
	_cleanup_close_ int old = -1, fd = -1;
	int r;

	if (!netns) {
		*back = -1;
		return 0;
	}
	fd = netns_open(netns);
	if (fd < 0)
		return fd;
	old = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (old < 0)
		return -errno;
	r = enter(fd);
	if (r < 0)
		return r;
	*back = TAKE_FD(old);
	return 0;
}

void netns_leave(int back)
{
	if (back < 0)
		return;
	/* It cannot fail for lack of rights; going on in the wrong namespace would be worse than ending. */
	if (enter(back) < 0)
		abort();
	close(back);
}

/* --- start --- */

static struct child *find_child(pid_t pid)
{
	for (size_t i = 0; i < CHILDREN_MAX; i++)
		if (children[i].pid == pid)
			return &children[i];
	return NULL;
}

int proc_nth_cpu(unsigned n)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) < 0 || CPU_COUNT(&set) == 0)
		return -1;
	n %= (unsigned)CPU_COUNT(&set);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &set) && n-- == 0)
			return cpu;
	return -1;
}

static int confine(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set) < 0 ? -errno : 0;
}

/* In the child: only returns if something failed. */
static int child_exec(const struct spawn *s, pid_t parent, int netns_fd)
{
	const int std[3] = { s->in, s->out, s->err };
	char **argv;
	sigset_t none;
	int r;

	setpgid(0, 0);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return -errno;
	if (getppid() != parent)
		return -ECANCELED; /* the lab died before the line above */
	if (netns_fd >= 0 && (r = enter(netns_fd)) < 0)
		return r;
	for (int i = 0; i < 3; i++) {
		int fd = std[i] >= 0 ? std[i] : open("/dev/null", O_RDWR | O_CLOEXEC);

		if (fd < 0 || dup2(fd, i) < 0)
			return -errno;
	}
	if (s->keep >= 0 && fcntl(s->keep, F_SETFD, 0) < 0)
		return -errno;
	if (s->cpu >= 0 && (r = confine(s->cpu)) < 0)
		return r;
	/* Not fatal where it is not allowed: socket-buffer drops are counted apart. */
	if (s->realtime)
		sched_setscheduler(0, SCHED_RR, &(struct sched_param){ .sched_priority = 1 });
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* execvp(3) does not write to its arguments; its prototype is older than const. */
	memcpy(&argv, &s->argv, sizeof(argv));
	execvp(argv[0], argv);
	return -errno;
}

static int spawn_error(const struct spawn *s, int error, struct errtext *e)
{
	if (error == -ENOENT)
		for (size_t i = 0; i < ARRAY_SIZE(packages); i++)
			if (strcmp(packages[i].program, s->argv[0]) == 0)
				return errtext_set(e, error, "%s is not installed: apt-get install %s",
						   s->argv[0], packages[i].package);
	return errtext_set(e, error, "cannot start %s: %s", s->argv[0], strerror(-error));
}

int proc_spawn(const struct spawn *s, pid_t *ret, struct errtext *e)
{
	_cleanup_close_ int report_r = -1, report_w = -1, netns = -1;
	struct child *c = find_child(0);
	pid_t parent = getpid(), pid;
	int p[2], error = 0;

	if (!c)
		return errtext_set(e, -EMFILE, "cannot start %s: too many processes of the lab", s->argv[0]);
	if (s->netns) {
		netns = netns_open(s->netns);
		if (netns < 0)
			return errtext_set(e, netns, "no network namespace %s", s->netns);
	}
	if (pipe2(p, O_CLOEXEC) < 0)
		return spawn_error(s, -errno, e);
	report_r = p[0];
	report_w = p[1];
	pid = fork();
	if (pid < 0)
		return spawn_error(s, -errno, e);
	if (pid == 0) {
		error = child_exec(s, parent, netns);
		if (write(report_w, &error, sizeof(error)) < 0)
			_exit(126);
		_exit(127);
	}
	close(TAKE_FD(report_w));
	while (read(report_r, &error, sizeof(error)) < 0 && errno == EINTR)
		;
	if (error != 0) {
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
		return spawn_error(s, error, e);
	}
	*c = (struct child){ .pid = pid };
	*ret = pid;
	return 0;
}

/* --- end --- */

static bool reap(struct child *c)
{
	pid_t r;

	if (c->ended)
		return true;
	do
		r = waitpid(c->pid, &c->status, WNOHANG);
	while (r < 0 && errno == EINTR);
	c->ended = r != 0; /* an error means that it has been reaped elsewhere */
	return c->ended;
}

bool proc_alive(pid_t pid, int *status)
{
	struct child *c = pid > 0 ? find_child(pid) : NULL;

	if (!c)
		return false;
	if (!reap(c))
		return true;
	if (status)
		*status = c->status;
	return false;
}

/* Wait for the end of a child, also after a signal to the lab: clean-up is not interrupted. */
static bool reap_until(struct child *c, uint64_t deadline)
{
	_cleanup_close_ int fd = (int)syscall(SYS_pidfd_open, c->pid, 0);

	while (!reap(c)) {
		uint64_t now = clock_now_ns();
		struct pollfd p = { .fd = fd, .events = POLLIN };

		if (now >= deadline)
			return false;
		/* Without a pidfd (fd -1 is ignored by poll) look every 5 ms. */
		poll(&p, 1, fd < 0 ? 5 : (int)((deadline - now) / 1000000) + 1);
	}
	return true;
}

int proc_stop(pid_t pid, int sig, unsigned grace_ms, int *status)
{
	struct child *c = pid > 0 ? find_child(pid) : NULL;

	if (!c)
		return -ESRCH;
	if (!reap(c)) {
		if (sig != 0)
			kill(-pid, sig);
		if (!reap_until(c, clock_now_ns() + grace_ms * 1000000ULL)) {
			kill(-pid, SIGKILL);
			kill(pid, SIGKILL);
			reap_until(c, clock_now_ns() + 10 * 1000000000ULL);
		}
	}
	if (status)
		*status = c->status;
	*c = (struct child){ 0 };
	return 0;
}

void proc_stop_all(void)
{
	if (getpid() != owner)
		return; /* a fork of the lab that has not exec'd */
	for (size_t i = 0; i < CHILDREN_MAX; i++)
		if (children[i].pid > 0 && !reap(&children[i]))
			kill(-children[i].pid, SIGKILL);
	for (size_t i = 0; i < CHILDREN_MAX; i++)
		if (children[i].pid > 0)
			proc_stop(children[i].pid, SIGKILL, 1000, NULL);
}
