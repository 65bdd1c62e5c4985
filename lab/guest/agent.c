/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Theory of Operation
 *
 * Process 1 of a lab guest: of a VM, started by init once drivers and network are up, or of a container. It
 * reads requests, a line each, from its port and answers on it: a virtio-serial port, whose path is its
 * argument, or an inherited socket, whose number is; see lab/vm/agent.c for the other end.
 *
 *	R ID COMMAND    run sh -c COMMAND in the background, in a process group of its own
 *	K ID SIGNAL     send the signal to that group
 *
 *	H RELEASE       once: the guest is ready; its kernel's release
 *	O ID TEXT       a line of the command's output (standard output and error together)
 *	E ID STATUS     it has ended and all its output was sent: exit code, or 128 + signal
 *
 * ID is a number chosen by the host. Everything is in one poll(2) loop. A write to the port blocks while
 * the host does not read, which in turn stops the commands that print: the guest never drops output. A
 * command has ended when it was reaped and its pipe is at end of file, so a background grandchild that
 * holds the pipe keeps it open.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define COMMANDS_MAX 64
#define LINE_MAX_BYTES 1000 /* of output; the host's buffer knows it */
#define REQUEST_MAX 2100

struct command {
	bool used;
	unsigned long id;
	pid_t pid; /* 0: reaped */
	int status;
	int fd; /* -1: at end of file */
	char line[LINE_MAX_BYTES];
	size_t fill;
};

static struct command commands[COMMANDS_MAX];
static int port = -1;
static bool container; /* the port is a socket, and what we run on is not ours to power off */
static sigset_t unblocked; /* what commands start with, and what the loop waits with */

static void send_all(const char *p, size_t n)
{
	while (n > 0) {
		ssize_t k = write(port, p, n);

		if (k < 0 && errno != EINTR)
			return; /* the host is gone; so will we be */
		if (k > 0) {
			p += k;
			n -= (size_t)k;
		}
	}
}

static void answer(char what, unsigned long id, const char *text, size_t n)
{
	char buf[LINE_MAX_BYTES + 40];
	int k = snprintf(buf, sizeof(buf), "%c %lu %.*s\n", what, id, (int)n, text);

	send_all(buf, (size_t)k);
}

static void finish(struct command *c)
{
	char text[16];

	if (c->pid != 0 || c->fd >= 0)
		return;
	snprintf(text, sizeof(text), "%d", c->status);
	answer('E', c->id, text, strlen(text));
	c->used = false;
}

static struct command *slot(void)
{
	for (size_t i = 0; i < COMMANDS_MAX; i++)
		if (!commands[i].used)
			return &commands[i];
	return NULL;
}

static void run(unsigned long id, const char *text)
{
	struct command *c = slot();
	int p[2];
	pid_t pid;

	if (!c || pipe2(p, O_CLOEXEC) < 0) {
		answer('E', id, "126", 3);
		return;
	}
	pid = fork();
	if (pid == 0) {
		int null = open("/dev/null", O_RDONLY);

		setpgid(0, 0);
		sigprocmask(SIG_SETMASK, &unblocked, NULL);
		signal(SIGPIPE, SIG_DFL);
		dup2(null, 0);
		dup2(p[1], 1);
		dup2(p[1], 2);
		execl("/bin/sh", "sh", "-c", text, (char *)NULL);
		_exit(127);
	}
	close(p[1]);
	if (pid < 0) {
		close(p[0]);
		answer('E', id, "126", 3);
		return;
	}
	setpgid(pid, pid);
	*c = (struct command){ .used = true, .id = id, .pid = pid, .fd = p[0] };
}

static void request(char *line)
{
	char what, *rest;
	unsigned long id;
	int n = 0;

	if (sscanf(line, "%c %lu %n", &what, &id, &n) < 2 || n == 0)
		return;
	rest = line + n;
	if (what == 'R')
		run(id, rest);
	if (what != 'K')
		return;
	for (size_t i = 0; i < COMMANDS_MAX; i++)
		if (commands[i].used && commands[i].id == id && commands[i].pid > 0)
			kill(-commands[i].pid, atoi(rest));
}

static void host_gone(void)
{
	if (!container)
		reboot(RB_POWER_OFF); /* the lab has gone without stopping us */
	_exit(0); /* the rest of the pid namespace ends with its first process */
}

static void from_host(void)
{
	static char buf[REQUEST_MAX];
	static size_t fill;
	char *nl;
	ssize_t k = read(port, buf + fill, sizeof(buf) - 1 - fill);

	if (k == 0 && container)
		host_gone();
	if (k <= 0)
		return;
	fill += (size_t)k;
	buf[fill] = 0;
	while ((nl = memchr(buf, '\n', fill))) {
		size_t used = (size_t)(nl - buf) + 1;

		*nl = 0;
		request(buf);
		fill -= used;
		memmove(buf, buf + used, fill);
	}
	if (fill == sizeof(buf) - 1)
		fill = 0; /* no such long request exists */
}

static void from_command(struct command *c)
{
	char *nl;
	ssize_t k = read(c->fd, c->line + c->fill, sizeof(c->line) - c->fill);

	if (k < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (k <= 0) {
		if (c->fill)
			answer('O', c->id, c->line, c->fill);
		close(c->fd);
		c->fd = -1;
		finish(c);
		return;
	}
	c->fill += (size_t)k;
	while ((nl = memchr(c->line, '\n', c->fill))) {
		size_t used = (size_t)(nl - c->line) + 1;

		answer('O', c->id, c->line, used - 1);
		c->fill -= used;
		memmove(c->line, c->line + used, c->fill);
	}
	if (c->fill == sizeof(c->line)) {
		answer('O', c->id, c->line, c->fill);
		c->fill = 0;
	}
}

static void reap(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (size_t i = 0; i < COMMANDS_MAX; i++) {
			struct command *c = &commands[i];

			if (!c->used || c->pid != pid)
				continue;
			c->pid = 0;
			c->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
			finish(c);
		}
}

static void on_child(int sig)
{
	(void)sig; /* only to wake poll() */
}

static void hello(void)
{
	struct utsname u;
	char buf[100];
	int n;

	uname(&u);
	n = snprintf(buf, sizeof(buf), "H %s\n", u.release);
	send_all(buf, (size_t)n);
}

static int open_port(const char *name)
{
	container = name[0] >= '0' && name[0] <= '9';
	port = container ? atoi(name) : open(name, O_RDWR | O_CLOEXEC);
	return container ? fcntl(port, F_SETFD, FD_CLOEXEC) : port;
}

int main(int argc, char **argv)
{
	struct sigaction sa = { .sa_handler = on_child };
	sigset_t block;

	if (argc != 2 || open_port(argv[1]) < 0) {
		perror("agent: port");
		return 1;
	}
	sigaction(SIGCHLD, &sa, NULL);
	sigemptyset(&block);
	sigaddset(&block, SIGCHLD);
	sigprocmask(SIG_BLOCK, &block, &unblocked);
	sigdelset(&unblocked, SIGCHLD);
	signal(SIGPIPE, SIG_IGN);
	hello();
	for (;;) {
		struct pollfd p[COMMANDS_MAX + 1] = { { .fd = port, .events = POLLIN } };

		for (size_t i = 0; i < COMMANDS_MAX; i++) {
			p[i + 1].fd = commands[i].used ? commands[i].fd : -1;
			p[i + 1].events = POLLIN;
		}
		if (ppoll(p, COMMANDS_MAX + 1, NULL, &unblocked) > 0) {
			if (p[0].revents & POLLIN)
				from_host();
			else if (p[0].revents)
				host_gone();
			for (size_t i = 0; i < COMMANDS_MAX; i++)
				if (p[i + 1].revents && commands[i].used && commands[i].fd == p[i + 1].fd)
					from_command(&commands[i]);
		}
		reap();
	}
}
