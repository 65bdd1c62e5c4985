/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Commands in a guest. The protocol is described in guest/agent.c. Requests are short and few, so they are
 * written at once, blocking; answers are read as they come.
 */

#include "agent.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "lab/proc/lines.h"
#include "lab/proc/loop.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define REQUEST_MAX 2000

struct vm_cmd {
	struct vm_cmd *next;
	struct agent *agent;
	unsigned long id;
	bool done, forgotten;
	int status;
	struct vm_line *lines;
	size_t n;
};

struct agent {
	struct lines says; /* closed: the guest is gone */
	uint64_t ready_ns;
	unsigned long next_id;
	struct vm_cmd *commands;
};

static struct vm_cmd *find(struct agent *a, unsigned long id)
{
	for (struct vm_cmd *c = a->commands; c; c = c->next)
		if (c->id == id)
			return c;
	return NULL;
}

static void command_free(struct vm_cmd *c)
{
	for (size_t i = 0; i < c->n; i++) {
		/* The text is const for readers only. */
		char *text;

		memcpy(&text, &c->lines[i].text, sizeof(text));
		free(text);
	}
	free(c->lines);
	free(c);
}

/* A line that finds no memory is lost; so is what it says, and the lab ends soon anyway. */
static void add_line(struct vm_cmd *c, const char *text, uint64_t now)
{
	char *copy = array_reserve(&c->lines, c->n, sizeof(*c->lines)) < 0 ? NULL : strdup(text);

	if (copy)
		c->lines[c->n++] = (struct vm_line){ .at_ns = now, .text = copy };
}

static void remove_command(struct vm_cmd *c)
{
	struct vm_cmd **p = &c->agent->commands;

	while (*p != c)
		p = &(*p)->next;
	*p = c->next;
	command_free(c);
}

static void ended(struct vm_cmd *c, int status)
{
	c->done = true;
	c->status = status;
	if (c->forgotten)
		remove_command(c);
}

static void answer(void *arg, const char *line, uint64_t now)
{
	struct agent *a = arg;
	const char what = line[0];
	struct vm_cmd *c;
	unsigned long id;
	int n = 0;

	if (what == 'H') {
		a->ready_ns = now;
		return;
	}
	/* The blank after ID may be the last character: an empty line of output. */
	if (sscanf(line + 1, "%lu%n", &id, &n) < 1 || line[1 + n] != ' ' || !(c = find(a, id)))
		return;
	line += 1 + n + 1;
	if (what == 'E')
		ended(c, atoi(line));
	else if (what == 'O' && !c->forgotten)
		add_line(c, line, now);
}

static void gone(void *arg)
{
	struct agent *a = arg;
	struct vm_cmd *next;

	for (struct vm_cmd *c = a->commands; c; c = next) {
		next = c->next;
		if (!c->done)
			ended(c, -1);
	}
}

int agent_open(struct agent **ret, int *fd, struct errtext *e)
{
	_cleanup_free_ struct agent *a = calloc(1, sizeof(*a));
	int r;

	if (!a)
		return errtext_set(e, -ENOMEM, "out of memory");
	a->says = (struct lines){ .said = answer, .ended = gone, .arg = a };
	r = lines_open(&a->says, fd, e);
	if (r == 0)
		*ret = TAKE_PTR(a);
	return r;
}

struct agent *agent_close(struct agent *a)
{
	struct vm_cmd *next;

	if (!a)
		return NULL;
	lines_close(&a->says);
	for (struct vm_cmd *c = a->commands; c; c = next) {
		next = c->next;
		command_free(c);
	}
	free(a);
	return NULL;
}

uint64_t agent_ready_ns(const struct agent *a)
{
	return a ? a->ready_ns : 0;
}

static int request(struct agent *a, const char *line, size_t n)
{
	while (n > 0) {
		ssize_t k = a->says.fd < 0 ? 0 : send(a->says.fd, line, n, MSG_NOSIGNAL);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return -EPIPE;
		line += k;
		n -= (size_t)k;
	}
	return 0;
}

int agent_exec(struct agent *a, struct vm_cmd **ret, const char *fmt, va_list ap)
{
	char line[REQUEST_MAX + 32];
	struct vm_cmd *c;
	int head, n, r;

	if (!a || a->says.fd < 0)
		return -EPIPE;
	head = snprintf(line, sizeof(line), "R %lu ", a->next_id);
	n = vsnprintf(line + head, REQUEST_MAX, fmt, ap);
	if (n < 0 || n >= REQUEST_MAX)
		return -EMSGSIZE;
	if (strchr(line, '\n'))
		return -EINVAL;
	line[head + n] = '\n';
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	r = request(a, line, (size_t)(head + n + 1));
	if (r < 0) {
		free(c);
		return r;
	}
	*c = (struct vm_cmd){ .next = a->commands, .agent = a, .id = a->next_id++ };
	a->commands = c;
	*ret = c;
	return 0;
}

int vm_cmd_signal(struct vm_cmd *c, int sig)
{
	char line[64];
	int n = snprintf(line, sizeof(line), "K %lu %d\n", c->id, sig);

	return c->done ? 0 : request(c->agent, line, (size_t)n);
}

bool vm_cmd_done(const struct vm_cmd *c, int *status)
{
	if (c->done && status)
		*status = c->status;
	return c->done;
}

static int is_done(void *arg)
{
	return ((struct vm_cmd *)arg)->done;
}

int vm_cmd_wait(struct vm_cmd *c, unsigned timeout_ms, int *status)
{
	int r = loop_while(is_done, c, clock_now_ns() + timeout_ms * 1000000ULL);

	if (r == 0 && status)
		*status = c->status;
	return r;
}

const struct vm_line *vm_cmd_lines(const struct vm_cmd *c, size_t *n)
{
	*n = c->n;
	return c->lines;
}

struct vm_cmd *vm_cmd_free(struct vm_cmd *c)
{
	if (!c)
		return NULL;
	if (c->done)
		remove_command(c);
	else
		c->forgotten = true;
	return NULL;
}
