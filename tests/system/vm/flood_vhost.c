// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * As a guest's virtio_net: post while there is room, let the device know, take back what was sent; a guest whose ring is
 * full asks for an interrupt and sleeps.
 */
#include "flood.h"
#include "ring.h"

#include <errno.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#define BURST 64U            /* frames that are posted before the device is told */
#define DRAIN_NS 15000000000U /* for a full ring at a very small share */

static bool told(void)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };

	return poll(&in, 1, 0) > 0;
}

/* Returns how many frames were posted. */
static unsigned int post(struct flood *f, struct ring *r, unsigned int queue)
{
	uint64_t posted = 0, n;

	for (unsigned int i = 0; i < QUEUES_MAX; i++)
		posted += f->seq[i];
	n = flood_due(f, posted, ring_room(r) < BURST ? ring_room(r) : BURST);
	for (uint64_t i = 0; i < n; i++) {
		struct tag t = { .magic = TAG_MAGIC, .flood = f->id, .queue = queue, .seq = f->seq[queue]++ };

		ring_post(r, &t);
	}
	ring_kick(r);
	return (unsigned int)n;
}

/* Until a ring has sent something, or there is something to read. */
static void wait_for_call(struct flood *f, struct ring *const *rings, unsigned int n, bool sending)
{
	struct pollfd p[QUEUES_MAX + 1];
	bool now = false;

	for (unsigned int i = 0; i < n; i++) {
		now |= ring_arm(rings[i]);
		p[i] = (struct pollfd){ .fd = ring_call_fd(rings[i]), .events = POLLIN };
	}
	p[n] = (struct pollfd){ .fd = sending ? STDIN_FILENO : -1, .events = POLLIN };
	if (!now)
		(void)poll(p, n + 1, flood_pause_ms(f));
	for (unsigned int i = 0; i < n; i++)
		ring_disarm(rings[i]);
}

int flood_vhost(struct flood *f, struct ring *const *rings, unsigned int n)
{
	bool sending = true;
	uint64_t stopped = 0;

	for (unsigned int i = 0; i < n; i++)
		ring_load(rings[i], &f->frame);
	for (;;) {
		unsigned int sent = 0, posted = 0, busy = 0, full = 0;
		uint64_t now = flood_now_ns(CLOCK_MONOTONIC);

		if (sending && (now >= f->end_ns || told())) {
			sending = false;
			stopped = now;
		}
		for (unsigned int i = 0; i < n; i++) {
			sent += ring_reap(rings[i]);
			full += ring_room(rings[i]) == 0;
			if (sending)
				posted += post(f, rings[i], i);
			busy += RING_SIZE - ring_room(rings[i]);
		}
		f->written += sent;
		if (!sending && !busy)
			return 0;
		if (!sending && now - stopped > DRAIN_NS)
			return -ETIMEDOUT;
		f->again += sending && full;
		if (!sent && !posted)
			wait_for_call(f, rings, n, sending);
	}
}
