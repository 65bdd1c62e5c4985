/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A guest's life, whatever runs it: vm_qemu.c, vm_container.c, vm_libvirt.c. The way into the guest is
 * agent.c.
 */

#include "vm_impl.h"

#include "base/cleanup.h"
#include "loop.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

/*
 * A guest that dies while it boots, or is silent for so long, gets one more try: emulated machines do so once
 * in hundreds of boots. What ends sooner than a guest can have crashed has been started wrongly.
 */
#define BOOTS_MAX 2
#define CRASH_NS 700000000ULL
#define SILENCE_NS 25000000000ULL

static const struct {
	const char *name;
	const struct vm_ops *ops;
	enum topo_port port;
} kinds[] = {
	[VM_QEMU] = { "qemu", &vm_ops_qemu, TOPO_TAP },
	[VM_CONTAINER] = { "container", &vm_ops_container, TOPO_VETH },
	[VM_LIBVIRT] = { "libvirt", &vm_ops_libvirt, TOPO_FOREIGN },
};

int vm_kind_from_name(const char *name, enum vm_kind *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strcmp(kinds[i].name, name) == 0) {
			*ret = (enum vm_kind)i;
			return 0;
		}
	return -EINVAL;
}

const char *vm_kind_name(enum vm_kind kind)
{
	return kinds[kind].name;
}

enum topo_port vm_port(enum vm_kind kind)
{
	return kinds[kind].port;
}

static const struct {
	const char *name, *device;
	bool generic;
} nics[] = {
	[VM_NIC_VIRTIO] = { "virtio", "virtio-net-pci", false },
	[VM_NIC_E1000] = { "e1000", "e1000", true },
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

bool vm_nic_needs_generic(enum vm_nic nic)
{
	return nics[nic].generic;
}

const char *vm_nic_device(enum vm_nic nic)
{
	return nics[nic].device;
}

static const char *const qdiscs[] = {
	[VM_QDISC_PFIFO_FAST] = "pfifo_fast",
	[VM_QDISC_FQ_CODEL] = "fq_codel",
};

int vm_qdisc_from_name(const char *name, enum vm_qdisc *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(qdiscs); i++)
		if (strcmp(qdiscs[i], name) == 0) {
			*ret = (enum vm_qdisc)i;
			return 0;
		}
	return -EINVAL;
}

const char *vm_qdisc_name(enum vm_qdisc qdisc)
{
	return qdiscs[qdisc];
}

unsigned vm_cpus(const struct vm_config *c)
{
	return c->cpus ? c->cpus : 1;
}

/*
 * TCG: room for one more. QEMU before 8.1 leaves memory barriers out where there can be one CPU only
 * (tcg_gen_mb(); mended by QEMU's c914d46d0a64), though devices run in a thread of their own: a
 * notification of virtio's can get lost, and the guest's queue stands still for good.
 */
unsigned vm_cpus_max(const struct vm_config *c)
{
	return c->accel == ACCEL_TCG ? vm_cpus(c) + 1 : vm_cpus(c);
}

const char *vm_kernel_line(const struct vm_config *c, char line[VM_KERNEL_LINE_SIZE])
{
	snprintf(line, VM_KERNEL_LINE_SIZE,
		 "console=ttyS0 quiet loglevel=3 panic=-1 ipv6.disable=1 mitigations=off dvl.qdisc=%s%s%s%s%s",
		 vm_qdisc_name(c->qdisc), c->address ? " dvl.addr=" : "", c->address ? c->address : "",
		 c->gateway ? " dvl.gw=" : "", c->gateway ? c->gateway : "");
	return line;
}

/* --- what the lab starts as its own child --- */

int vm_agent_pair(struct vm *vm, int *theirs, struct errtext *e)
{
	_cleanup_close_ int ours = -1, other = -1;
	int p[2], r;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p) < 0)
		return errtext_set(e, -errno, "cannot make a socket pair: %s", strerror(errno));
	ours = p[0];
	other = p[1];
	r = agent_open(&vm->agent, &ours);
	if (r < 0)
		return errtext_set(e, r, "cannot watch the agent of %s: %s", vm_name(vm), strerror(-r));
	*theirs = TAKE_FD(other);
	return 0;
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

/* --- start and stop --- */

static int boot(struct vm *vm, struct errtext *e)
{
	vm->started_ns = now_ns();
	vm->boots++;
	return vm->ops->boot(vm, e);
}

static void halt(struct vm *vm)
{
	vm->ops->halt(vm);
	vm->pid = 0;
	vm->agent = agent_close(vm->agent);
}

/* Where a configuration has its texts. */
static const size_t texts[] = {
	offsetof(struct vm_config, name),    offsetof(struct vm_config, netns),
	offsetof(struct vm_config, tap),     offsetof(struct vm_config, bridge),
	offsetof(struct vm_config, address), offsetof(struct vm_config, gateway),
};
static_assert(ARRAY_SIZE(texts) == VM_TEXTS, "each has a copy");

/* Copies of all of them, so that the VM can be started again. */
static int keep_config(struct vm *vm, const struct vm_config *c)
{
	vm->config = *c;
	for (size_t i = 0; i < VM_TEXTS; i++) {
		const char **text = (const char **)(void *)((char *)&vm->config + texts[i]);

		if (!*text)
			continue;
		vm->texts[i] = strdup(*text);
		if (!vm->texts[i])
			return -ENOMEM;
		*text = vm->texts[i];
	}
	if (c->image) {
		vm->image = *c->image;
		vm->config.image = &vm->image;
	}
	return 0;
}

int vm_start(struct vm **ret, const struct vm_config *c, struct errtext *e)
{
	_cleanup_(vm_stopp) struct vm *vm = calloc(1, sizeof(*vm));
	int r;

	if (!vm)
		return errtext_set(e, -ENOMEM, "out of memory");
	vm->ops = kinds[c->kind].ops;
	vm->pidfd = -1;
	vm->console = memfd_create("console", MFD_CLOEXEC);
	if (vm->console < 0)
		return errtext_set(e, -errno, "cannot make a memory file: %s", strerror(errno));
	r = keep_config(vm, c);
	if (r < 0)
		return errtext_set(e, r, "out of memory");
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
	for (size_t i = 0; i < VM_TEXTS; i++)
		free(vm->texts[i]);
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

int vm_wait_ready(struct vm *const *vm, size_t n, unsigned timeout_ms, struct errtext *e)
{
	struct ready w = { .vm = vm, .n = n };
	const char *words;
	int r = loop_while(all_ready, &w, now_ns() + timeout_ms * 1000000ULL);

	for (size_t i = 0; r == 0 && i < n; i++)
		if (vm[i]->ops->ready && vm[i]->ops->ready(vm[i], e) < 0)
			return -EIO;
	if (r == 0)
		return 0;
	if (r == -EINTR || !w.culprit)
		return errtext_set(e, r, "interrupted while the guests booted");
	words = vm_last_words(w.culprit);
	if (r == -EPIPE)
		return errtext_set(e, r, "%s: %s ended: %s", vm_name(w.culprit), w.culprit->ops->what, words);
	return errtext_set(e, r, "%s: the guest did not report within %u ms; its console: %s",
			   vm_name(w.culprit), timeout_ms, words[0] ? words : "(silent)");
}

/* --- what it is and what it uses --- */

const char *vm_name(const struct vm *vm)
{
	return vm->config.name;
}

pid_t vm_pid(const struct vm *vm)
{
	return vm->pid;
}

bool vm_alive(const struct vm *vm)
{
	return vm->pid > 0 && vm->ops->alive(vm);
}

uint64_t vm_boot_ns(const struct vm *vm)
{
	uint64_t ready = agent_ready_ns(vm->agent);

	return ready ? ready - vm->started_ns : 0;
}

int vm_cpu_ns(const struct vm *vm, uint64_t *ns)
{
	return vm_alive(vm) ? vm->ops->cpu_ns(vm, ns) : -ESRCH;
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
