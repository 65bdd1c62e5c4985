/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What vm.c and the kinds of VMs (vm_qemu.c, vm_container.c, vm_libvirt.c) share; others use vm.h. */

#include "agent.h"
#include "vm_config.h"

struct vm;

struct vm_ops {
	const char *what; /* what runs it, for messages: "QEMU" */
	/*
	 * Start it, for the second time perhaps. Sets vm->pid and vm->agent. 0 or negative errno with a text;
	 * halt() follows in either case.
	 */
	int (*boot)(struct vm *vm, struct errtext *e);
	/* The guest is there. 0 or negative errno with a text; NULL: nothing to do. */
	int (*ready)(struct vm *vm, struct errtext *e);
	/* End it at once. Also after a boot() that failed. */
	void (*halt)(struct vm *vm);
	bool (*alive)(const struct vm *vm);
	/* User + system time since boot(), ns. 0, -ESRCH. */
	int (*cpu_ns)(const struct vm *vm, uint64_t *ns);
};

#define VM_OPS(kind, name, object, port) extern const struct vm_ops vm_ops_##object;
VM_KIND_TABLE(VM_OPS)
#undef VM_OPS

#define VM_TEXTS 7 /* of a struct vm_config; vm.c lists them */

struct vm {
	const struct vm_ops *ops;
	struct vm_config config; /* a copy; its texts are below */
	char *texts[VM_TEXTS];
	struct image image;      /* config.image points here */
	unsigned boots;
	pid_t pid;   /* 0: none */
	int console; /* memfd: what it and the guest's console said, for last words */
	struct agent *agent;
	uint64_t started_ns;
	bool registered; /* libvirt: it may know the domain */
	int pidfd;       /* libvirt: of QEMU, which is not the lab's child; -1: none */
};

/* The end of what it said, on one line; "" if nothing. Borrowed until the next call. */
const char *vm_last_words(const struct vm *vm);

/* A socketpair whose one end vm->agent serves; the other is the caller's, to be inherited. */
int vm_agent_pair(struct vm *vm, int *theirs, struct errtext *e);

/* Of a process that the lab started itself; the time is that of any process. */
bool vm_child_alive(const struct vm *vm);
void vm_child_halt(struct vm *vm);
int vm_child_cpu_ns(const struct vm *vm, uint64_t *ns);
