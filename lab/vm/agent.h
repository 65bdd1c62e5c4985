/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The host's end of guest/agent.c's protocol: commands in a guest, and what they print. vm.h starts them. */

#include "lab/proc/proc.h"

#include <stdarg.h>

struct agent;

/* Take over the socket (emptied on success) and serve it in loop.h. 0 or negative errno with a text. */
int agent_open(struct agent **ret, int *fd, struct errtext *e);
struct agent *agent_close(struct agent *a); /* frees its commands too; NULL is fine */

/* When the guest reported, CLOCK_MONOTONIC; 0: not yet, or a is NULL. */
uint64_t agent_ready_ns(const struct agent *a);

struct vm_line {
	uint64_t at_ns;   /* CLOCK_MONOTONIC of the host when it arrived */
	const char *text; /* without the newline; longer ones are cut at 1,000 bytes */
};

struct vm_cmd; /* belongs to its VM */

/* vm_exec() of the guest behind this agent; a may be NULL. */
int agent_exec(struct agent *a, struct vm_cmd **ret, const char *fmt, va_list ap);
/* Send a signal to the command's process group. */
int vm_cmd_signal(struct vm_cmd *c, int sig);
/* Whether it has ended; *status is its exit code, or 128 + signal, or -1 if the VM went away under it. */
bool vm_cmd_done(const struct vm_cmd *c, int *status);
/* Wait for the end. 0, -ETIMEDOUT, -EINTR. */
int vm_cmd_wait(struct vm_cmd *c, unsigned timeout_ms, int *status);
/* Lines so far, standard output and error together; borrowed until the loop runs again. */
const struct vm_line *vm_cmd_lines(const struct vm_cmd *c, size_t *n);
/* Forget it (a running one goes on without being heard). Returns NULL. */
struct vm_cmd *vm_cmd_free(struct vm_cmd *c);
