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

static void arg(struct args *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void arg(struct args *a, const char *fmt, ...)
{
	va_list ap;

	if (a->n == ARGS_MAX)
		abort(); /* the list below is fixed */
	va_start(ap, fmt);
	vsnprintf(a->text[a->n], ARG_SIZE, fmt, ap);
	va_end(ap);
	a->argv[a->n] = a->text[a->n];
	a->n++;
}

static void nic_args(struct args *a, const struct vm_config *c)
{
	bool many = c->queues > 1;

	if (!c->tap)
		return;
	arg(a, "-netdev");
	if (many)
		arg(a, "tap,id=net0,ifname=%s,script=no,downscript=no,queues=%u", c->tap, c->queues);
	else
		arg(a, "tap,id=net0,ifname=%s,script=no,downscript=no", c->tap);
	arg(a, "-device");
	if (many && c->nic == VM_NIC_VIRTIO)
		arg(a, "%s,netdev=net0,mac=%02x:%02x:%02x:%02x:%02x:%02x,romfile=,mq=on,vectors=%u",
		    vm_nic_device(c->nic), c->mac[0], c->mac[1], c->mac[2], c->mac[3], c->mac[4], c->mac[5],
		    2 * c->queues + 2);
	else
		arg(a, "%s,netdev=net0,mac=%02x:%02x:%02x:%02x:%02x:%02x,romfile=", vm_nic_device(c->nic),
		    c->mac[0], c->mac[1], c->mac[2], c->mac[3], c->mac[4], c->mac[5]);
}

/*
 * q35: the machine that libvirt makes, takes every NIC model, and boots as fast as microvm here (1.8-2.1 s
 * against 1.7-1.9 s under TCG; pc: 2.3-2.6 s).
 */
static void qemu_args(struct args *a, const struct vm_config *c, int agent)
{
	char line[VM_KERNEL_LINE_SIZE];

	arg(a, "qemu-system-x86_64");
	arg(a, "-name");
	arg(a, "%s,debug-threads=on", c->name);
	arg(a, "-machine");
	arg(a, "q35,accel=%s", accel_name(c->accel));
	arg(a, "-cpu");
	/*
	 * TCG: a model without AVX and BMI, whose emulation in QEMU 7.2 corrupts flags now and then
	 * (Linux 6.12 died at boot in 2 of 4 runs with Haswell). Faster, too: TCP 3.0 Gbit/s, not 1.1.
	 */
	arg(a, c->accel == ACCEL_KVM ? "host" : "Nehalem");
	arg(a, "-smp");
	arg(a, "%u,maxcpus=%u", vm_cpus(c), vm_cpus_max(c));
	arg(a, "-m");
	arg(a, "%u", c->memory_mb ? c->memory_mb : 160);
	arg(a, "-nodefaults");
	arg(a, "-no-user-config");
	arg(a, "-no-reboot");
	arg(a, "-display");
	arg(a, "none");
	arg(a, "-serial");
	arg(a, "stdio");
	arg(a, "-kernel");
	arg(a, "%s", c->image->kernel);
	arg(a, "-initrd");
	arg(a, "%s", c->image->initrd);
	arg(a, "-append");
	arg(a, "%s", vm_kernel_line(c, line));
	arg(a, "-device");
	arg(a, "virtio-serial-pci");
	arg(a, "-chardev");
	arg(a, "socket,id=agent,fd=%d", agent);
	arg(a, "-device");
	arg(a, "virtserialport,chardev=agent,name=divvy.agent");
	nic_args(a, c);
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
