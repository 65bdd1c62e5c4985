/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What divvy's BPF program costs a packet: the kernel runs it a million times and tells the mean. */
#include "bench.h"

#include "kernel/bpf/classifier.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>

#define LO 1U
#define REPEAT 1000000
#define ROUNDS 7

static unsigned char packet[4096];

static uint64_t run(struct classifier *c, uint32_t len, uint32_t gso_size)
{
	struct __sk_buff ctx = { .gso_size = gso_size };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet, .data_size_in = len, .ctx_in = &ctx,
		    .ctx_size_in = sizeof(ctx), .repeat = REPEAT);
	uint64_t ns[ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		bench_need(bpf_prog_test_run_opts(classifier_fd(c, CLASSIFIER_TX_INGRESS), &opts) < 0 ? -errno : 0, "test run");
		ns[i] = opts.duration;
	}
	return bench_median(ns, ROUNDS);
}

static void row(const char *what, uint64_t ns)
{
	printf("%-44s %6llu ns\n", what, (unsigned long long)ns);
}

int main(void)
{
	struct classifier *c;
	char why[256];
	int err;

	bench_netns();
	err = classifier_open(&c, why, sizeof(why));
	bench_need(err, err < 0 ? why : "");
	packet[12] = 0x08; /* IPv4, TCP */
	packet[14] = 0x45;
	packet[23] = 6;
	packet[46] = 0x80;
	printf("BPF classifier, ns a packet (median of %d x %d runs)\n", ROUNDS, REPEAT);
	row("vNIC that is not scheduled", run(c, 1514, 0));
	bench_need(classifier_set(c, LO, (struct divvy_device){ .minor = 5 }), "classifier_set");
	row("scheduled, 1,514 bytes", run(c, 1514, 0));
	row("scheduled, GSO packet", run(c, 3000, 1448));
	for (uint32_t i = 2; i < 10000; i++)
		bench_need(classifier_set(c, i, (struct divvy_device){ .minor = i }), "classifier_set");
	row("scheduled, among 10,000", run(c, 1514, 0));
	classifier_close(c);
	return 0;
}
