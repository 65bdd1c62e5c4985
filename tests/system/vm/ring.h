/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * One queue of a virtio NIC as vhost-net drives it: a split TX ring (virtio 1.1, 2.6) in this process's memory, which
 * the kernel's vhost worker serves, and the tap behind it. Guest and VMM are one process here: the guest's addresses
 * are the process's own.
 */

#include "frame.h"

#include <stdbool.h>
#include <stdint.h>

#define RING_SIZE 256 /* descriptors, as QEMU's virtio-net has by default */

struct ring;

/* tap: borrowed while the ring is there. 0 or negative errno; *what, a literal, then says which step failed. */
int ring_open(struct ring **ret, int tap, const char **what);
/* The frame to be sent from now on; nothing may be posted. */
void ring_load(struct ring *r, const struct frame *f);
/* Free descriptors. */
unsigned int ring_room(const struct ring *r);
/* Hand one more frame to the device; there is room. Unseen before ring_kick(). */
void ring_post(struct ring *r, const struct tag *t);
/* Show what was posted, and wake the device if it wants that. */
void ring_kick(struct ring *r);
/* Take back what was sent; returns how many. */
unsigned int ring_reap(struct ring *r);
/*
 * Ask for a call when something was sent. True: something was sent meanwhile, so that there is no need to wait for
 * ring_call_fd() to become readable.
 */
bool ring_arm(struct ring *r);
void ring_disarm(struct ring *r);
int ring_call_fd(const struct ring *r);
