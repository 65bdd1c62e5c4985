/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A classifier whose program the kernel runs on packets that the test makes (BPF_PROG_TEST_RUN). */

#include "netns.h"

#include <bpf/bpf.h>
#include <errno.h>

/* Test runs happen on lo; its class is looked up by this. */
#define LO 1U
#define IFB 7U /* no device has it */
#define MATCH UINT32_MAX

static struct classifier *c;

static inline int setup(void **state)
{
	(void)state;
	return classifier_open(&c, NULL, 0);
}

static inline int teardown(void **state)
{
	(void)state;
	c = classifier_close(c);
	return 0;
}

/* Run on one packet of a device; returns the verdict. *priority: before, and what the program left. */
static inline uint32_t run_on(uint32_t ifindex, const void *packet, uint32_t len, uint32_t gso_size,
		       uint32_t gso_segs, uint32_t *priority)
{
	struct __sk_buff in = { .ifindex = ifindex,
				.gso_size = gso_size,
				.gso_segs = gso_segs,
				.priority = priority ? *priority : 0 };
	struct __sk_buff out = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet, .data_size_in = len, .ctx_in = &in,
		    .ctx_size_in = sizeof(in), .ctx_out = &out, .ctx_size_out = sizeof(out), .repeat = 1);

	assert_int_equal(bpf_prog_test_run_opts(classifier_fd(c, CLASSIFIER_TX_INGRESS), &opts), 0);
	if (priority)
		*priority = out.priority;
	return opts.retval;
}

static inline uint32_t run(const void *packet, uint32_t len, uint32_t gso_size, uint32_t gso_segs,
		    uint32_t *priority)
{
	return run_on(LO, packet, len, gso_size, gso_segs, priority);
}
