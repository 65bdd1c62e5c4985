/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What arrives at the far end of the wire, of each device of senders.c, counted by bpf/wire.bpf.c. */

#include "senders_tree.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual" /* the generated code's */
#include "tests/system/bpf/wire.skel.h"
#pragma GCC diagnostic pop

#include <bpf/libbpf.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <unistd.h>

static struct wire_bpf *wire;

static void open_wire(const char *where)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = 1, .priority = 1);
	char netns[128], path[160], device[IFNAMSIZ];
	int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), there;

	if (sscanf(where, "%127[^:]:%15s", netns, device) != 2)
		die("SENDERS_WIRE");
	snprintf(path, sizeof(path), "/run/netns/%s", netns);
	there = open(path, O_RDONLY | O_CLOEXEC);
	wire = wire_bpf__open_and_load();
	if (!wire || own < 0 || there < 0 || setns(there, CLONE_NEWNET) < 0)
		die("the wire");
	hook.ifindex = (int)if_nametoindex(device);
	(void)bpf_tc_hook_create(&hook);
	opts.prog_fd = bpf_program__fd(wire->progs.count_wire);
	if (bpf_tc_attach(&hook, &opts) < 0 || setns(own, CLONE_NEWNET) < 0)
		die("attaching to the wire");
	close(there);
	close(own);
}

static uint64_t wire_bytes(int k)
{
	return __atomic_load_n(&wire->bss->bytes[k], __ATOMIC_RELAXED);
}

static void read_wire(uint64_t bytes[DEVICES])
{
	for (int k = 0; k < n_devices; k++)
		bytes[k] = wire_bytes(k);
}
