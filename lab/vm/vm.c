/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A guest's life, whatever runs it: vm_qemu.c, vm_container.c, vm_libvirt.c. The way into the guest is
 * agent.c.
 */

#include "vm.h"

#include "base/cleanup.h"
#include "lab/proc/loop.h"
#include "vm_impl.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

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
#define KIND(kind, name, object, port) [VM_##kind] = { (name), &vm_ops_##object, (port) },
	VM_KIND_TABLE(KIND)
#undef KIND
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

/* --- start and stop --- */

static int boot(struct vm *vm, struct errtext *e)
{
	vm->started_ns = clock_now_ns();
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
	offsetof(struct vm_config, mac),
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
	uint64_t age = clock_now_ns() - vm->started_ns;
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

int vm_wait_ready(struct vm *const *vm, size_t n, unsigned timeout_ms, struct errtext *e)
{
	struct ready w = { .vm = vm, .n = n };
	const char *words;
	int r = loop_while(all_ready, &w, clock_now_ns() + timeout_ms * 1000000ULL);

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

/* --- commands --- */

int vm_exec(struct vm *vm, struct vm_cmd **ret, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = agent_exec(vm->agent, ret, fmt, ap);
	va_end(ap);
	return r;
}

static char *joined(const struct vm_line *lines, size_t n)
{
	size_t size = 1;
	char *text, *p;

	for (size_t i = 0; i < n; i++)
		size += strlen(lines[i].text) + 1;
	p = text = malloc(size);
	if (!text)
		return NULL;
	*p = 0;
	for (size_t i = 0; i < n; i++) {
		p = stpcpy(p, lines[i].text);
		p = stpcpy(p, "\n");
	}
	return text;
}

int vm_run(struct vm *vm, unsigned timeout_ms, char **output, struct errtext *e, const char *fmt, ...)
{
	const struct vm_line *lines;
	struct vm_cmd *c = NULL;
	int r, status = 0;
	size_t n;
	va_list ap;

	va_start(ap, fmt);
	r = agent_exec(vm->agent, &c, fmt, ap);
	va_end(ap);
	if (r < 0)
		return errtext_set(e, r, "%s: the guest takes no command: %s", vm_name(vm), strerror(-r));
	r = vm_cmd_wait(c, timeout_ms, &status);
	lines = vm_cmd_lines(c, &n);
	if (r < 0) {
		vm_cmd_signal(c, SIGKILL);
		errtext_set(e, r, "%s: %s: %s", vm_name(vm), fmt, strerror(-r));
	} else if (status != 0) {
		r = errtext_set(e, -EREMOTEIO, "%s: exit code %d: %s", vm_name(vm), status,
				n ? lines[n - 1].text : fmt);
	} else if (output) {
		char *text = joined(lines, n);

		if (text)
			*output = text;
		else
			r = errtext_set(e, -ENOMEM, "out of memory");
	}
	vm_cmd_free(c);
	return r;
}
