/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * A flood through all queues of a stand-in for a VM, at full speed or at a rate, in either of the two ways in which a
 * VM's frames come to a tap: the VMM writes them (flood_write.c), or vhost-net takes them from the guest's ring
 * (flood_vhost.c).
 */

#include "frame.h"

#include <stdbool.h>
#include <stdint.h>

#define QUEUES_MAX 16

struct flood {
	struct frame frame;
	uint32_t id;       /* for tag.flood */
	uint64_t end_ns;   /* CLOCK_MONOTONIC; a line on standard input ends it, too */
	uint64_t start_ns; /* from when on frames are due at the rate */
	uint64_t rate;     /* frames a second, of all queues together; 0: as fast as they are taken */
	uint32_t seq[QUEUES_MAX]; /* the next frame's */
	/* What came of it: */
	uint64_t written;  /* frames that the host has taken */
	uint64_t again;    /* how often the host took none: EAGAIN, or a ring that was full */
};

/* CLOCK_MONOTONIC, or another clock. */
uint64_t flood_now_ns(int clock);
/*
 * How many frames may go now, at most max. A process that was held up for longer than 10 ms does not make up for what it did
 * not send: a burst in its place would hide from who counts frames that a queue was empty.
 */
uint64_t flood_due(struct flood *f, uint64_t gone, uint64_t max);
/* How long to sleep at most where none may go, ms: for poll(). */
int flood_pause_ms(const struct flood *f);

/* taps: descriptors of n queues. 0 or negative errno. */
int flood_write(struct flood *f, const int *taps, unsigned int n);

struct ring;
/* The rings are those of n queues. Returns when all that was posted is sent. 0; -ETIMEDOUT; or negative errno. */
int flood_vhost(struct flood *f, struct ring *const *rings, unsigned int n);
