/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Theory of Operation
 *
 * A container is what container engines make, as far as the network sees it: processes in namespaces of their
 * own (pid, mount with their own /proc, and a network namespace with one end of a veth, which topo.c has
 * made), on the host's kernel. Its first process is the same agent that runs in VMs (guest/agent.c, built as
 * divvy-lab-agent beside the lab's program), so commands and traffic work unchanged; the programs are the
 * machine's own.
 *
 * util-linux's unshare(1) makes the namespaces. It stays as the lab's child; --kill-child has the kernel kill
 * the agent when it goes, and with the agent, the first process of a pid namespace, goes all that runs in it.
 * The kernel counts the time of a process that was waited for with its parent's, so unlike that of a QEMU's
 * helpers no time is lost when commands end: the agent waits for all of them.
 *
 * divvy has no hold on a veth (its status says so), and yet little is lost: skb_scrub_packet()
 * (net/core/skbuff.c) leaves a packet with the socket that sent it until ip_rcv() parts them, which comes
 * after the tc ingress where divvy's packets wait. So a container's socket is itself what fills up, and its
 * sender blocks: beside a VM, offering 150 Mbit/s for a share of 60, a container's UDP lost nothing (Linux
 * 6.18).
 */

#include "vm_impl.h"

#include "base/cleanup.h"
#include "lab/proc/programs.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int container_boot(struct vm *vm, struct errtext *e)
{
	_cleanup_close_ int agent = -1;
	struct spawn s = SPAWN_INIT;
	char fd[16];
	const char *argv[] = { "unshare", "--mount", "--pid", "--fork", "--kill-child=KILL", "--mount-proc",
			       program_path("divvy-lab-agent"), fd, NULL };
	int r = vm_agent_pair(vm, &agent, e);

	if (r < 0)
		return r;
	snprintf(fd, sizeof(fd), "%d", agent);
	s.argv = argv;
	s.netns = vm->config.netns;
	s.out = s.err = vm->console;
	s.keep = agent;
	s.cpu = vm->config.pin ? proc_nth_cpu(vm->config.core) : -1;
	return proc_spawn(&s, &vm->pid, e);
}

/* The agent: unshare's only child. 0: not there (yet). */
static pid_t agent_pid(pid_t unshare)
{
	_cleanup_free_ char *list = NULL;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", unshare, unshare);
	return proc_read_ns(NULL, path, &list) < 0 ? 0 : atoi(list);
}

/* Time of the children that a process has waited for: fields 16 and 17 of proc(5)'s /proc/PID/stat. */
static uint64_t waited_ns(pid_t pid)
{
	_cleanup_free_ char *text = NULL;
	int64_t user, system;
	char path[40], *p;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (proc_read_ns(NULL, path, &text) < 0)
		return 0;
	p = strrchr(text, ')'); /* the name may hold anything */
	if (!p || sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %" SCNd64 " %" SCNd64,
			 &user, &system) != 2)
		return 0;
	return (uint64_t)(user + system) * (1000000000 / (uint64_t)sysconf(_SC_CLK_TCK));
}

static int container_cpu_ns(const struct vm *vm, uint64_t *ns)
{
	pid_t agent = agent_pid(vm->pid);
	uint64_t living;
	int r = proc_cpu_ns(vm->pid, &living);

	if (r < 0)
		return r;
	*ns = living + (agent ? waited_ns(agent) : 0);
	return 0;
}

const struct vm_ops vm_ops_container = {
	.what = "the container",
	.boot = container_boot,
	.halt = vm_child_halt,
	.alive = vm_child_alive,
	.cpu_ns = container_cpu_ns,
};
