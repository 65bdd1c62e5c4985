/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "vm_impl.h"

#include "base/cleanup.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

const char *vm_last_words(const struct vm *vm)
{
	static char text[400];
	const off_t room = sizeof(text) - 1;
	off_t end = lseek(vm->console, 0, SEEK_END);
	ssize_t k = pread(vm->console, text, (size_t)room, end > room ? end - room : 0);
	char *nl;

	text[k > 0 ? k : 0] = 0;
	while ((nl = strrchr(text, '\n')) && nl[1] == 0)
		*nl = 0;
	for (char *p = text; *p; p++)
		if (*p == '\r' || *p == '\n')
			*p = ' ';
	return text;
}

int vm_agent_pair(struct vm *vm, int *theirs, struct errtext *e)
{
	_cleanup_close_ int ours = -1, other = -1;
	int p[2], r;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p) < 0)
		return errtext_set(e, -errno, "cannot make a socket pair: %s", strerror(errno));
	ours = p[0];
	other = p[1];
	r = agent_open(&vm->agent, &ours, e);
	if (r == 0)
		*theirs = TAKE_FD(other);
	return r;
}

bool vm_child_alive(const struct vm *vm)
{
	return proc_alive(vm->pid, NULL);
}

void vm_child_halt(struct vm *vm)
{
	if (vm->pid > 0)
		proc_stop(vm->pid, SIGKILL, 5000, NULL);
}

int vm_child_cpu_ns(const struct vm *vm, uint64_t *ns)
{
	return proc_cpu_ns(vm->pid, ns);
}
