/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * early: put a program of another owner before divvy.
 *
 *	early DEVICE filter PROGRAM [PREF [HANDLE]]	a direct-action filter at tc ingress
 *	early DEVICE tcx PROGRAM			at tcx ingress (Linux 6.6)
 *	early DEVICE tcx-egress PROGRAM			at tcx egress
 *	early DEVICE xdp PROGRAM			generic XDP
 *	early DEVICE list				print the names of all at tcx ingress, a line each
 *	early DEVICE cut				take them all away
 *
 * PROGRAM is one of bpf/early.bpf.c. Says "ready", and takes the program away at SIGTERM. Exit status 2: the
 * kernel does not have it.
 */

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual" /* the generated code's */
#include "tests/system/bpf/early.skel.h"
#pragma GCC diagnostic pop

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TCX_INGRESS ((enum bpf_attach_type)46) /* include/uapi/linux/bpf.h from 6.6 on: BPF_TCX_INGRESS */
#define TCX_EGRESS ((enum bpf_attach_type)47)

static int die(const char *what, int status)
{
	fprintf(stderr, "early: %s: %s\n", what, strerror(errno));
	return status;
}

static void on_term(int sig)
{
	(void)sig;
}

static void wait_for_end(void)
{
	struct sigaction sa = { .sa_handler = on_term };
	sigset_t term, before;

	sigaction(SIGTERM, &sa, NULL);
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, &before); /* one that comes before sigsuspend() counts, too */
	puts("ready");
	fflush(stdout);
	sigsuspend(&before);
}

static int run_filter(int ifindex, int fd, uint32_t pref, uint32_t handle)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = handle, .priority = pref, .prog_fd = fd);

	(void)bpf_tc_hook_create(&hook); /* -EEXIST: it is there */
	if (bpf_tc_attach(&hook, &opts) < 0)
		return die("cannot attach", EXIT_FAILURE);
	wait_for_end();
	opts.flags = opts.prog_fd = (int)(opts.prog_id = 0);
	return bpf_tc_detach(&hook, &opts) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int run_tcx(int ifindex, int fd, enum bpf_attach_type where)
{
	if (bpf_prog_attach(fd, ifindex, where, 0) < 0)
		return die("cannot attach", errno == EINVAL ? 2 : EXIT_FAILURE);
	wait_for_end();
	return bpf_prog_detach2(fd, ifindex, where) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int run_xdp(int ifindex, int fd)
{
	if (bpf_xdp_attach(ifindex, fd, XDP_FLAGS_SKB_MODE, NULL) < 0)
		return die("cannot attach", EXIT_FAILURE);
	wait_for_end();
	return bpf_xdp_detach(ifindex, XDP_FLAGS_SKB_MODE, NULL) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* Programs of divvy and of others alike. */
static int run_list(int ifindex, bool cut)
{
	uint32_t ids[64] = { 0 }, n = 64, flags = 0;
	int status = EXIT_SUCCESS;

	if (bpf_prog_query(ifindex, TCX_INGRESS, 0, &flags, ids, &n) < 0)
		return die("cannot ask", errno == EINVAL ? 2 : EXIT_FAILURE);
	for (uint32_t i = 0; i < n; i++) {
		struct bpf_prog_info info = { 0 };
		uint32_t size = sizeof(info);
		int fd = bpf_prog_get_fd_by_id(ids[i]);

		if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size) < 0 ||
		    (cut && bpf_prog_detach2(fd, ifindex, TCX_INGRESS) < 0))
			status = die("cannot see or take away a program", EXIT_FAILURE);
		puts(info.name);
		if (fd >= 0)
			close(fd);
	}
	return status;
}

int main(int argc, char **argv)
{
	struct early_bpf *skel;
	struct bpf_program *prog;
	int ifindex;

	if (argc == 3 && (strcmp(argv[2], "list") == 0 || strcmp(argv[2], "cut") == 0))
		return run_list((int)if_nametoindex(argv[1]), strcmp(argv[2], "cut") == 0);
	skel = early_bpf__open_and_load();
	if (argc < 4)
		return die("usage: early DEVICE filter|tcx|tcx-egress|xdp PROGRAM [PREF [HANDLE]]", EXIT_FAILURE);
	if (!skel)
		return die("cannot load", EXIT_FAILURE);
	prog = bpf_object__find_program_by_name(skel->obj, argv[3]);
	ifindex = (int)if_nametoindex(argv[1]);
	if (!prog || !ifindex)
		return die("no such program or device", EXIT_FAILURE);
	if (strcmp(argv[2], "tcx") == 0)
		return run_tcx(ifindex, bpf_program__fd(prog), TCX_INGRESS);
	if (strcmp(argv[2], "tcx-egress") == 0)
		return run_tcx(ifindex, bpf_program__fd(prog), TCX_EGRESS);
	if (strcmp(argv[2], "xdp") == 0)
		return run_xdp(ifindex, bpf_program__fd(prog));
	return run_filter(ifindex, bpf_program__fd(prog), argc > 4 ? (uint32_t)atoi(argv[4]) : 10,
			  argc > 5 ? (uint32_t)atoi(argv[5]) : 1);
}
