/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What each class has sent: the latest readings of every uplink's classes, and the rates between them. Counters
 * are the kernel's, cumulative since the class was made.
 */

#include "dataplane.h"

/* Readings kept of each uplink. */
#define SAMPLE_READINGS 4

struct sample_class {
	uint16_t minor;
	uint64_t bytes, packets;  /* sent since the class was made */
	uint64_t backlog_packets, backlog_bytes; /* waiting */
	uint64_t dropped_packets; /* on their way into the class's leaf, since the class was made */
};

struct sample_reading {
	uint64_t at_ns;               /* CLOCK_MONOTONIC, when the kernel was asked */
	struct sample_class *classes; /* sorted by minor; owned */
	size_t n;
};

/* What the root of an IFB counts of all its classes together. */
struct sample_root {
	bool known;
	uint32_t ifb;
	uint64_t bytes, drops, waiting; /* packets wait */
};

struct sample_uplink {
	char name[IFNAMSIZ];
	enum direction direction;
	struct sample_root root; /* before the latest dump of the classes */
	struct sample_reading reading[SAMPLE_READINGS]; /* the latest first */
	size_t n_readings;
	bool rested; /* nothing was sent between the latest two: at rest the latest one is only dated anew */
};

/* Zeroed: no readings. */
struct sampler {
	struct sample_uplink *uplinks; /* as in the tree that was read last; owned */
	size_t n;
	uint64_t latest_ns;
};

void sampler_free(struct sampler *s);
/* When the latest sampler_read() was, CLOCK_MONOTONIC; 0: there was none. */
uint64_t sampler_latest_ns(const struct sampler *s);
/*
 * Read the classes of all uplinks that the data path has: one dump each, none where nothing was sent since the reading
 * before. 0: that is so of all; 1; or negative errno.
 */
int sampler_read(struct sampler *s, struct dataplane *p, uint64_t now_ns);

struct sample_rate {
	bool known;              /* false: there are no two readings that are far enough apart */
	struct rate delivered;   /* over the window */
	uint64_t window_ns;
	uint64_t bytes, packets; /* as of the latest reading; packets: see sentcount.h */
	uint64_t waiting_bytes;  /* at the latest reading */
	uint64_t dropped_packets; /* likewise; a leaf that drops on the way out counts those by itself */
	uint64_t at_ns;          /* of the latest reading; 0: the class is in none */
	bool backlogged;         /* packets waited at either end of the window */
};

/* The readings of an uplink, borrowed until the next sampler_read(); NULL: there are none. O(log n). */
const struct sample_uplink *sampler_uplink(const struct sampler *s, const char *name,
					   enum direction direction);
/* What a class delivered over the latest window. O(log n). */
void sample_rate(const struct sample_uplink *u, uint16_t minor, struct sample_rate *out);
