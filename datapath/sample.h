/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What each class has sent: the two latest readings of every uplink's classes, and the rates between
 * them. Counters are the kernel's, cumulative since the class was made.
 */

#include "apply.h"

struct sample_class {
	uint16_t minor;
	uint64_t bytes, packets; /* since the class was made */
	uint64_t backlog_packets; /* waiting */
};

struct sample {
	uint64_t at_ns; /* CLOCK_MONOTONIC */
	struct sample_class *classes; /* sorted by minor; owned */
	size_t n;
};

struct sampler_uplink {
	char name[IFNAMSIZ];
	struct sample last, now;
};

struct sampler {
	struct sampler_uplink *uplinks; /* owned */
	size_t n;
};

void sampler_free(struct sampler *s);
/* Read all uplinks that the data plane has. 0 or negative errno. */
int sampler_read(struct sampler *s, struct dataplane *p, uint64_t now_ns);

struct sampler_rate {
	struct rate delivered;
	uint64_t window_ns; /* 0: not two readings yet */
	uint64_t bytes, packets; /* as of the latest reading, since the class was made */
	bool backlogged; /* packets waited at either reading */
};

/* What a class delivered over the latest window; zeroes where it is unknown. O(log n). */
void sampler_rate(const struct sampler *s, const char *uplink, uint16_t minor, struct sampler_rate *out);
