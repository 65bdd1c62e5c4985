/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "handover.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual" /* bpftool's */
#include "lab/bpf/handover.skel.h"
#pragma GCC diagnostic pop

#include <bpf/libbpf.h>
#include <errno.h>
#include <net/if.h>

/* The host's end of the wire; topo.h draws it. */
#define WIRE_IN "w0"

static int attach(const struct handover_bpf *skel)
{
	struct bpf_tc_hook hook = {
		.sz = sizeof(hook),
		.ifindex = (int)if_nametoindex(WIRE_IN),
		.attach_point = BPF_TC_INGRESS,
	};
	struct bpf_tc_opts opts = {
		.sz = sizeof(opts),
		.prog_fd = bpf_program__fd(skel->progs.handover),
	};
	int r = hook.ifindex ? bpf_tc_hook_create(&hook) : -ENODEV;

	return r < 0 ? r : bpf_tc_attach(&hook, &opts);
}

int handover_install(const struct topo *t)
{
	struct handover_bpf *skel;
	int r, back;

	r = netns_enter(t->wire, &back);
	if (r < 0)
		return r;
	skel = handover_bpf__open();
	if (skel) {
		skel->rodata->wire_ifindex = if_nametoindex(t->wire_out);
		r = handover_bpf__load(skel);
		if (r == 0)
			r = attach(skel);
		handover_bpf__destroy(skel); /* the filter keeps the program */
	} else {
		r = -errno;
	}
	netns_leave(back);
	return r;
}
