/* SPDX-License-Identifier: GPL-2.0-or-later */

/* QEMU started by hand: its command line. */

#include "vm_impl.h"

#include "base/cleanup.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARGS_MAX 48
#define ARG_SIZE 512

struct args {
	const char *argv[ARGS_MAX + 1];
	char text[ARGS_MAX][ARG_SIZE];
	size_t n;
};

static void word(struct args *a, const char *text)
{
	if (a->n == ARGS_MAX)
		abort(); /* the list below is fixed */
	a->argv[a->n++] = text;
}

static void option(struct args *a, const char *name, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void option(struct args *a, const char *name, const char *fmt, ...)
{
	va_list ap;

	word(a, name);
	word(a, a->text[a->n]);
	va_start(ap, fmt);
	vsnprintf(a->text[a->n - 1], ARG_SIZE, fmt, ap);
	va_end(ap);
}

static void nic_options(struct args *a, const struct vm_config *c)
{
	char queues[24] = "", vectors[40] = "";

	if (!c->tap)
		return;
	if (c->queues > 1)
		snprintf(queues, sizeof(queues), ",queues=%u", c->queues);
	if (c->queues > 1 && c->nic == VM_NIC_VIRTIO)
		snprintf(vectors, sizeof(vectors), ",mq=on,vectors=%u", 2 * c->queues + 2);
	option(a, "-netdev", "tap,id=net0,ifname=%s,script=no,downscript=no%s", c->tap, queues);
	option(a, "-device", "%s,netdev=net0,mac=%s,romfile=%s", vm_nic_device(c->nic), c->mac, vectors);
}

/*
 * q35: the machine that libvirt makes, takes every NIC model, and boots as fast as microvm here (1.8-2.1 s
 * against 1.7-1.9 s under TCG; pc: 2.3-2.6 s).
 */
static void qemu_args(struct args *a, const struct vm_config *c, int agent)
{
	char line[VM_KERNEL_LINE_SIZE];

	word(a, "qemu-system-x86_64");
	option(a, "-name", "%s,debug-threads=on", c->name);
	option(a, "-machine", "q35,accel=%s", accel_name(c->accel));
	/*
	 * TCG: a model without AVX and BMI, whose emulation in QEMU 7.2 corrupts flags now and then
	 * (Linux 6.12 died at boot in 2 of 4 runs with Haswell). Faster, too: TCP 3.0 Gbit/s, not 1.1.
	 */
	option(a, "-cpu", c->accel == ACCEL_KVM ? "host" : "Nehalem");
	option(a, "-smp", "%u,maxcpus=%u", vm_cpus(c), vm_cpus_max(c));
	option(a, "-m", "%u", c->memory_mb ? c->memory_mb : 160);
	word(a, "-nodefaults");
	word(a, "-no-user-config");
	word(a, "-no-reboot");
	option(a, "-display", "none");
	option(a, "-serial", "stdio");
	option(a, "-kernel", "%s", c->image->kernel);
	option(a, "-initrd", "%s", c->image->initrd);
	option(a, "-append", "%s", vm_kernel_line(c, line));
	option(a, "-device", "virtio-serial-pci");
	option(a, "-chardev", "socket,id=agent,fd=%d", agent);
	option(a, "-device", "virtserialport,chardev=agent,name=divvy.agent");
	nic_options(a, c);
	a->argv[a->n] = NULL;
}

static int qemu_boot(struct vm *vm, struct errtext *e)
{
	_cleanup_free_ struct args *a = calloc(1, sizeof(*a));
	_cleanup_close_ int agent = -1;
	struct spawn s = SPAWN_INIT;
	int r;

	if (!a)
		return errtext_set(e, -ENOMEM, "out of memory");
	r = vm_agent_pair(vm, &agent, e);
	if (r < 0)
		return r;
	qemu_args(a, &vm->config, agent);
	s.argv = a->argv;
	s.netns = vm->config.netns;
	s.out = s.err = vm->console;
	s.keep = agent;
	s.cpu = vm->config.pin ? proc_nth_cpu(vm->config.pin_devices ? vm->config.device_core : vm->config.core) : -1;
	return proc_spawn(&s, &vm->pid, e);
}

/* A thread of a virtual CPU, which debug-threads=on names "CPU 0/TCG", "CPU 0/KVM". */
static bool is_cpu(pid_t pid, const char *tid)
{
	_cleanup_free_ char *comm = NULL;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task/%.10s/comm", (int)pid, tid);
	return proc_read_ns(NULL, path, &comm) == 0 && !strncmp(comm, "CPU ", 4);
}

/* What libvirt's vcpupin does: QEMU was started where its other threads belong. */
static int qemu_ready(struct vm *vm, struct errtext *e)
{
	char path[32];
	unsigned pinned = 0;
	cpu_set_t set;
	DIR *d;

	if (!vm->config.pin_devices)
		return 0;
	CPU_ZERO(&set);
	CPU_SET(proc_nth_cpu(vm->config.core), &set);
	snprintf(path, sizeof(path), "/proc/%d/task", (int)vm->pid);
	d = opendir(path);
	for (struct dirent *t; d && (t = readdir(d));)
		pinned += is_cpu(vm->pid, t->d_name) && sched_setaffinity(atoi(t->d_name), sizeof(set), &set) == 0;
	if (d)
		closedir(d);
	if (pinned == vm_cpus(&vm->config))
		return 0;
	return errtext_set(e, -EIO, "%s: %u threads of virtual CPUs could be pinned, expected %u", vm->config.name,
			   pinned, vm_cpus(&vm->config));
}

const struct vm_ops vm_ops_qemu = {
	.what = "QEMU",
	.boot = qemu_boot,
	.ready = qemu_ready,
	.halt = vm_child_halt,
	.alive = vm_child_alive,
	.cpu_ns = vm_child_cpu_ns,
};
