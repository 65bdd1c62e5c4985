/* SPDX-License-Identifier: GPL-2.0-or-later */

/* QEMU: its command line, its life, its resources. The way into the guest is agent.c. */

#include "vm.h"

#include "agent.h"
#include "core/cleanup.h"
#include "loop.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#define ARGS_MAX 48
#define ARG_SIZE 512

struct args {
	const char *argv[ARGS_MAX + 1];
	char text[ARGS_MAX][ARG_SIZE];
	size_t n;
};

/*
 * A guest that dies while it boots, or is silent for so long, gets one more try: emulated machines do so once
 * in hundreds of boots. A QEMU that ends sooner than a guest can have crashed has been started wrongly.
 */
#define BOOTS_MAX 2
#define CRASH_NS 700000000ULL
#define SILENCE_NS 25000000000ULL

struct vm {
	char *name, *netns;
	struct args args; /* QEMU's */
	size_t agent_arg; /* which of them names the agent's descriptor */
	unsigned boots;
	pid_t pid;
	int console; /* memfd: what QEMU and the guest's console said, for last words */
	struct agent *agent;
	uint64_t started_ns;
};

static const struct {
	const char *name, *device;
} nics[] = {
	[VM_NIC_VIRTIO] = { "virtio", "virtio-net-pci" },
	[VM_NIC_E1000] = { "e1000", "e1000" },
};

int vm_nic_from_name(const char *name, enum vm_nic *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(nics); i++)
		if (strcmp(nics[i].name, name) == 0) {
			*ret = (enum vm_nic)i;
			return 0;
		}
	return -EINVAL;
}

const char *vm_nic_name(enum vm_nic nic)
{
	return nics[nic].name;
}

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
		    nics[c->nic].device, c->mac[0], c->mac[1], c->mac[2], c->mac[3], c->mac[4], c->mac[5],
		    2 * c->queues + 2);
	else
		arg(a, "%s,netdev=net0,mac=%02x:%02x:%02x:%02x:%02x:%02x,romfile=", nics[c->nic].device,
		    c->mac[0], c->mac[1], c->mac[2], c->mac[3], c->mac[4], c->mac[5]);
}

/*
 * q35: the machine that libvirt makes, takes every NIC model, and boots as fast as microvm here (1.8-2.1 s
 * against 1.7-1.9 s under TCG; pc: 2.3-2.6 s).
 */
/* Returns the argument that boot() fills in. */
static size_t qemu_args(struct args *a, const struct vm_config *c)
{
	size_t agent_arg;

	arg(a, "qemu-system-x86_64");
	arg(a, "-name");
	arg(a, "%s", c->name);
	arg(a, "-machine");
	arg(a, "q35,accel=%s", accel_name(c->accel));
	arg(a, "-cpu");
	/*
	 * TCG: a model without AVX and BMI, whose emulation in QEMU 7.2 corrupts flags now and then
	 * (Linux 6.12 died at boot in 2 of 4 runs with Haswell). Faster, too: TCP 3.0 Gbit/s, not 1.1.
	 */
	arg(a, c->accel == ACCEL_KVM ? "host" : "Nehalem");
	arg(a, "-smp");
	arg(a, "%u", c->cpus ? c->cpus : 1);
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
	arg(a, "console=ttyS0 quiet loglevel=3 panic=-1 ipv6.disable=1 mitigations=off%s%s%s%s",
	    c->address ? " dvl.addr=" : "", c->address ? c->address : "", c->gateway ? " dvl.gw=" : "",
	    c->gateway ? c->gateway : "");
	arg(a, "-device");
	arg(a, "virtio-serial-pci");
	arg(a, "-chardev");
	agent_arg = a->n;
	arg(a, "%s", "");
	arg(a, "-device");
	arg(a, "virtserialport,chardev=agent,name=divvy.agent");
	nic_args(a, c);
	a->argv[a->n] = NULL;
	return agent_arg;
}

static int boot(struct vm *vm, struct errtext *e)
{
	_cleanup_close_ int ours = -1, theirs = -1;
	struct spawn s = SPAWN_INIT;
	int p[2], r;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p) < 0)
		return errtext_set(e, -errno, "cannot make a socket pair: %s", strerror(errno));
	ours = p[0];
	theirs = p[1];
	r = agent_open(&vm->agent, &ours);
	if (r < 0)
		return errtext_set(e, r, "cannot watch the agent of %s: %s", vm->name, strerror(-r));
	snprintf(vm->args.text[vm->agent_arg], ARG_SIZE, "socket,id=agent,fd=%d", theirs);
	s.argv = vm->args.argv;
	s.netns = vm->netns;
	s.out = s.err = vm->console;
	s.keep = theirs;
	vm->started_ns = now_ns();
	vm->boots++;
	return proc_spawn(&s, &vm->pid, e);
}

static void halt(struct vm *vm)
{
	if (vm->pid > 0)
		proc_stop(vm->pid, SIGKILL, 5000, NULL);
	vm->pid = 0;
	vm->agent = agent_close(vm->agent);
}

int vm_start(struct vm **ret, const struct vm_config *c, struct errtext *e)
{
	_cleanup_(vm_stopp) struct vm *vm = calloc(1, sizeof(*vm));
	int r;

	if (!vm)
		return errtext_set(e, -ENOMEM, "out of memory");
	vm->console = -1;
	vm->name = strdup(c->name);
	vm->netns = c->netns ? strdup(c->netns) : NULL;
	if (!vm->name || (c->netns && !vm->netns))
		return errtext_set(e, -ENOMEM, "out of memory");
	vm->console = memfd_create("console", MFD_CLOEXEC);
	if (vm->console < 0)
		return errtext_set(e, -errno, "cannot make a memory file: %s", strerror(errno));
	vm->agent_arg = qemu_args(&vm->args, c);
	r = boot(vm, e);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(vm);
	return 0;
}

struct vm *vm_stop(struct vm *vm)
{
	if (!vm)
		return NULL;
	halt(vm);
	if (vm->console >= 0)
		close(vm->console);
	free(vm->name);
	free(vm->netns);
	free(vm);
	return NULL;
}

void vm_stopp(struct vm **vm)
{
	vm_stop(*vm);
}

/* --- waiting for the guest --- */

struct ready {
	struct vm *const *vm;
	size_t n;
	struct vm *culprit;
};

/* 0: it boots (again); -EPIPE: it will not. */
static int still_booting(struct vm *vm)
{
	uint64_t age = now_ns() - vm->started_ns;
	bool alive = vm_alive(vm);

	if (alive && age < SILENCE_NS)
		return 0;
	if (vm->boots >= BOOTS_MAX)
		return alive ? 0 : -EPIPE;
	if (!alive && age < CRASH_NS)
		return -EPIPE;
	halt(vm);
	return boot(vm, NULL);
}

static int all_ready(void *arg_)
{
	struct ready *w = arg_;
	int ready = 1, r;

	for (size_t i = 0; i < w->n; i++) {
		if (agent_ready_ns(w->vm[i]->agent) != 0)
			continue;
		ready = 0;
		w->culprit = w->vm[i];
		r = still_booting(w->vm[i]);
		if (r < 0)
			return r;
	}
	return ready;
}

static void last_words(const struct vm *vm, char *text, size_t size)
{
	off_t end = lseek(vm->console, 0, SEEK_END), from = end > (off_t)size - 1 ? end - (off_t)size + 1 : 0;
	ssize_t k = pread(vm->console, text, size - 1, from);
	char *nl;

	text[k > 0 ? k : 0] = 0;
	while ((nl = strrchr(text, '\n')) && nl[1] == 0)
		*nl = 0;
	for (char *p = text; *p; p++)
		if (*p == '\r' || *p == '\n')
			*p = ' ';
}

int vm_wait_ready(struct vm *const *vm, size_t n, unsigned timeout_ms, struct errtext *e)
{
	struct ready w = { .vm = vm, .n = n };
	char words[200];
	int r = loop_while(all_ready, &w, now_ns() + timeout_ms * 1000000ULL);

	if (r == 0)
		return 0;
	if (r == -EINTR || !w.culprit)
		return errtext_set(e, r, "interrupted while the guests booted");
	last_words(w.culprit, words, sizeof(words));
	if (r == -EPIPE)
		return errtext_set(e, r, "%s: QEMU ended: %s", w.culprit->name, words);
	return errtext_set(e, r, "%s: the guest did not report within %u ms; its console: %s",
			   w.culprit->name, timeout_ms, words[0] ? words : "(silent)");
}

/* --- what it is and what it uses --- */

const char *vm_name(const struct vm *vm)
{
	return vm->name;
}

pid_t vm_pid(const struct vm *vm)
{
	return vm->pid;
}

bool vm_alive(const struct vm *vm)
{
	return proc_alive(vm->pid, NULL);
}

uint64_t vm_boot_ns(const struct vm *vm)
{
	uint64_t ready = agent_ready_ns(vm->agent);

	return ready ? ready - vm->started_ns : 0;
}

int vm_cpu_ns(const struct vm *vm, uint64_t *ns)
{
	return vm_alive(vm) ? proc_cpu_ns(vm->pid, ns) : -ESRCH;
}

int vm_rss(const struct vm *vm, uint64_t *bytes)
{
	_cleanup_free_ char *statm = NULL;
	char path[40];
	unsigned long pages;
	int r;

	snprintf(path, sizeof(path), "/proc/%d/statm", vm->pid);
	r = proc_read_ns(NULL, path, &statm);
	if (r < 0)
		return r == -ENOENT ? -ESRCH : r;
	if (sscanf(statm, "%*u %lu", &pages) != 1)
		return -EBADMSG;
	*bytes = pages * (uint64_t)sysconf(_SC_PAGESIZE);
	return 0;
}

struct agent *vm_agent(struct vm *vm)
{
	return vm->agent;
}
