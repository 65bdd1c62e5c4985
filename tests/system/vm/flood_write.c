// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * EAGAIN is waited out as QEMU's net/tap.c does: no further write before poll() says POLLOUT, which the kernel does once
 * less than half of the send buffer is charged (tun_chr_poll, sock_writeable).
 */
#include "flood.h"

#include <errno.h>
#include <poll.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/*
 * Frames that QEMU's virtio-net sends from one queue before it looks at the others (hw/net/virtio-net.c,
 * TX_BURST).
 */
#define TX_BURST 256

/* One queue's turn: until it is full, its burst is sent, or an error. */
static int send_burst(struct flood *f, int tap, unsigned int queue)
{
	struct iovec iov[] = { { &f->frame.vnet, sizeof(struct virtio_net_hdr) },
			       { f->frame.bytes, f->frame.size } };
	uint64_t burst = flood_due(f, f->written, TX_BURST);

	while (burst-- > 0) {
		struct tag t = { .magic = TAG_MAGIC, .flood = f->id, .queue = queue, .seq = f->seq[queue] };

		frame_set_tag(f->frame.bytes, f->frame.tag_at, &t);
		if (writev(tap, iov, 2) >= 0) {
			f->written++;
			f->seq[queue]++;
		} else if (errno == EAGAIN) {
			f->again++;
			return 0;
		} else if (errno != EINTR) {
			return -errno;
		}
	}
	return 0;
}

int flood_write(struct flood *f, const int *taps, unsigned int n)
{
	struct pollfd queue[QUEUES_MAX + 1], *told = &queue[n];

	for (unsigned int i = 0; i < n; i++)
		queue[i] = (struct pollfd){ .fd = taps[i], .events = POLLOUT };
	*told = (struct pollfd){ .fd = STDIN_FILENO, .events = POLLIN };
	while (flood_now_ns(CLOCK_MONOTONIC) < f->end_ns && !told->revents) {
		bool due = flood_due(f, f->written, 1) > 0;

		/* Until something is due, only standard input counts: a tap with room would make it spin. */
		if (poll(due ? queue : told, due ? n + 1 : 1, flood_pause_ms(f)) < 0) {
			if (errno != EINTR)
				return -errno;
			continue;
		}
		for (unsigned int i = 0; due && i < n; i++) {
			int r = queue[i].revents & POLLOUT ? send_burst(f, taps[i], i) : 0;

			if (r < 0)
				return r;
		}
	}
	return 0;
}
