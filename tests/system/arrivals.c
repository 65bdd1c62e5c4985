/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * arrivals: which frames of a flood have come, by their sequence numbers (vm/tag.h).
 *
 *	arrivals DEVICE PORT PORT	counts at the device's tc ingress, before the host's own firewall
 *
 * Says "ready". Then, for each line of standard input, a line:
 *	expect ID	forget what was counted; frames of that flood count from now on: "expecting"
 *	count		"p5001=N p5002=N again=N beyond=N missing=P/Q:N": different frames of each port; frames that had come
 *			before; frames that cannot be told apart; the first that is missing below the highest that came, as
 *			port/queue:number, or "-"
 * or "error". The program goes with the process.
 */

#include "bpf/arrivals.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual" /* the generated code's */
#include "tests/system/bpf/arrivals.skel.h"
#pragma GCC diagnostic pop

#include <bpf/libbpf.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS (ARRIVALS_SEQ / 64)

static int die(const char *what)
{
	fprintf(stderr, "arrivals: %s\n", what);
	return EXIT_FAILURE;
}

/* How many of a queue's frames have come; *missing: the first that has not, below the highest; -1: none. */
static uint64_t count_queue(const __u64 *words, int64_t *missing)
{
	uint64_t n = 0;
	int64_t highest = -1, hole = 0;

	for (size_t i = 0; i < WORDS; i++) {
		n += (uint64_t)__builtin_popcountll(words[i]);
		if (words[i])
			highest = (int64_t)(i * 64 + 63) - __builtin_clzll(words[i]);
	}
	while (hole < highest && words[hole / 64] >> (hole % 64) & 1)
		hole++;
	*missing = hole < highest ? hole : -1;
	return n;
}

static void tell(const struct arrivals_bpf *skel)
{
	uint64_t again = 0, beyond = 0;
	char first[32] = "-";

	for (unsigned int p = 0; p < ARRIVALS_PORTS; p++) {
		uint64_t n = 0;

		for (unsigned int q = 0; q < ARRIVALS_QUEUES; q++) {
			int64_t missing;

			n += count_queue(&skel->bss->seen[(size_t)(p * ARRIVALS_QUEUES + q) * WORDS], &missing);
			if (missing >= 0 && first[0] == '-')
				snprintf(first, sizeof(first), "%u/%u:%jd", skel->bss->ports[p], q,
					 (intmax_t)missing);
		}
		again += skel->bss->counts[p].again;
		beyond += skel->bss->counts[p].beyond;
		printf("p%u=%ju ", skel->bss->ports[p], (uintmax_t)n);
	}
	printf("again=%ju beyond=%ju missing=%s\n", (uintmax_t)again, (uintmax_t)beyond, first);
}

static void obey(struct arrivals_bpf *skel, const char *line)
{
	unsigned int id;

	if (sscanf(line, "expect %u", &id) == 1) {
		skel->bss->flood = 0; /* no flood has this number */
		memset(skel->bss->seen, 0, sizeof(skel->bss->seen));
		memset(skel->bss->counts, 0, sizeof(skel->bss->counts));
		skel->bss->flood = id;
		puts("expecting");
	} else if (!strncmp(line, "count", 5)) {
		tell(skel);
	} else {
		puts("error");
	}
}

int main(int argc, char **argv)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = 1, .priority = 1);
	struct arrivals_bpf *skel;
	char line[64];

	if (argc != 2 + ARRIVALS_PORTS)
		return die("usage: arrivals DEVICE PORT PORT");
	skel = arrivals_bpf__open_and_load();
	if (!skel)
		return die("cannot load");
	for (int i = 0; i < ARRIVALS_PORTS; i++)
		skel->bss->ports[i] = (uint16_t)atoi(argv[2 + i]);
	hook.ifindex = (int)if_nametoindex(argv[1]);
	(void)bpf_tc_hook_create(&hook); /* clsact; -EEXIST: it is there */
	opts.prog_fd = bpf_program__fd(skel->progs.see_arrivals);
	if (bpf_tc_attach(&hook, &opts) < 0)
		return die("cannot attach");
	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("ready");
	while (fgets(line, sizeof(line), stdin))
		obey(skel, line);
	opts.flags = opts.prog_fd = (int)(opts.prog_id = 0);
	bpf_tc_detach(&hook, &opts);
	arrivals_bpf__destroy(skel);
	return EXIT_SUCCESS;
}
