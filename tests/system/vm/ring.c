// SPDX-License-Identifier: GPL-2.0-or-later
#include "ring.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/vhost.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define TX 1 /* vhost-net's number of the queue that the guest sends from (drivers/vhost/net.c) */
#define HDR sizeof(struct virtio_net_hdr_v1)
#define SLOT (68 * 1024U) /* of a buffer: header and the largest frame */
#define ALIGNED 4096U

struct ring {
	int vhost, kick, call;
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
	uint8_t *slots; /* of the descriptor of the same number */
	size_t tag_at;  /* in a slot */
	uint16_t free[RING_SIZE], n_free;
	uint16_t avail_idx, used_idx; /* as far as this side is */
};

/* The rings and the buffers, in one piece, which is all memory that the guest has. */
static int make_memory(struct ring *r)
{
	size_t size = (size_t)3 * 2 * ALIGNED + (size_t)RING_SIZE * SLOT;
	uint8_t *m = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct vhost_memory *all;
	int err;

	if (m == MAP_FAILED)
		return -errno;
	r->desc = (void *)m;
	r->avail = (void *)(m + 2 * ALIGNED);
	r->used = (void *)(m + 4 * ALIGNED);
	r->slots = m + 6 * ALIGNED;
	all = calloc(1, sizeof(*all) + sizeof(all->regions[0]));
	if (!all)
		return -ENOMEM;
	all->nregions = 1;
	all->regions[0] = (struct vhost_memory_region){ .guest_phys_addr = (uintptr_t)m,
							.memory_size = size,
							.userspace_addr = (uintptr_t)m };
	err = ioctl(r->vhost, VHOST_SET_MEM_TABLE, all) < 0 ? -errno : 0;
	free(all);
	return err;
}

/* Both ends know virtio 1: its header has twelve bytes. */
static int agree(const struct ring *r, int tap)
{
	uint64_t features = 1ULL << VIRTIO_F_VERSION_1 | 1ULL << VIRTIO_NET_F_MRG_RXBUF, have;
	int header = HDR;

	if (ioctl(r->vhost, VHOST_GET_FEATURES, &have) < 0)
		return -errno;
	features &= have;
	if (ioctl(r->vhost, VHOST_SET_FEATURES, &features) < 0 || ioctl(tap, TUNSETVNETHDRSZ, &header) < 0)
		return -errno;
	return 0;
}

static int set_vring(struct ring *r)
{
	struct vhost_vring_state num = { .index = TX, .num = RING_SIZE }, base = { .index = TX };
	struct vhost_vring_addr addr = { .index = TX,
					 .desc_user_addr = (uintptr_t)r->desc,
					 .avail_user_addr = (uintptr_t)r->avail,
					 .used_user_addr = (uintptr_t)r->used };
	struct vhost_vring_file kick = { .index = TX }, call = { .index = TX };

	kick.fd = r->kick = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	call.fd = r->call = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (r->kick < 0 || r->call < 0 || ioctl(r->vhost, VHOST_SET_VRING_NUM, &num) < 0 ||
	    ioctl(r->vhost, VHOST_SET_VRING_BASE, &base) < 0 || ioctl(r->vhost, VHOST_SET_VRING_ADDR, &addr) < 0 ||
	    ioctl(r->vhost, VHOST_SET_VRING_KICK, &kick) < 0 || ioctl(r->vhost, VHOST_SET_VRING_CALL, &call) < 0)
		return -errno;
	return 0;
}

int ring_open(struct ring **ret, int tap, const char **what)
{
	struct vhost_vring_file backend = { .index = TX, .fd = tap };
	struct ring *r = calloc(1, sizeof(*r));
	int err = 0;

	if (!r)
		return -ENOMEM;
	*what = "/dev/vhost-net";
	r->vhost = open("/dev/vhost-net", O_RDWR | O_CLOEXEC);
	if (r->vhost < 0 || ioctl(r->vhost, VHOST_SET_OWNER) < 0)
		err = -errno;
	if (err == 0 && (*what = "features", err = agree(r, tap)) == 0 &&
	    (*what = "memory", err = make_memory(r)) == 0 && (*what = "ring", err = set_vring(r)) == 0) {
		*what = "backend";
		err = ioctl(r->vhost, VHOST_NET_SET_BACKEND, &backend) < 0 ? -errno : 0;
	}
	if (err < 0) {
		if (r->vhost >= 0)
			close(r->vhost);
		free(r);
		return err;
	}
	for (uint16_t i = 0; i < RING_SIZE; i++)
		r->free[r->n_free++] = i;
	ring_disarm(r);
	*ret = r;
	return 0;
}

void ring_load(struct ring *r, const struct frame *f)
{
	r->tag_at = HDR + f->tag_at;
	for (unsigned int i = 0; i < RING_SIZE; i++) {
		uint8_t *slot = r->slots + (size_t)i * SLOT;

		memcpy(slot, &f->vnet, HDR);
		memcpy(slot + HDR, f->bytes, f->size);
		r->desc[i] = (struct vring_desc){ .addr = (uintptr_t)slot, .len = (uint32_t)(HDR + f->size) };
	}
}

unsigned int ring_room(const struct ring *r)
{
	return r->n_free;
}

void ring_post(struct ring *r, const struct tag *t)
{
	uint16_t d = r->free[--r->n_free];

	frame_set_tag(r->slots + (size_t)d * SLOT + HDR, r->tag_at - HDR, t);
	r->avail->ring[r->avail_idx++ % RING_SIZE] = d;
}

void ring_kick(struct ring *r)
{
	if (r->avail->idx == r->avail_idx)
		return;
	__atomic_store_n(&r->avail->idx, r->avail_idx, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!(__atomic_load_n(&r->used->flags, __ATOMIC_RELAXED) & VRING_USED_F_NO_NOTIFY))
		eventfd_write(r->kick, 1);
}

unsigned int ring_reap(struct ring *r)
{
	uint16_t idx = __atomic_load_n(&r->used->idx, __ATOMIC_ACQUIRE);
	unsigned int n = 0;

	for (; r->used_idx != idx; r->used_idx++, n++)
		r->free[r->n_free++] = (uint16_t)r->used->ring[r->used_idx % RING_SIZE].id;
	return n;
}

bool ring_arm(struct ring *r)
{
	__atomic_store_n(&r->avail->flags, 0, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return __atomic_load_n(&r->used->idx, __ATOMIC_ACQUIRE) != r->used_idx;
}

void ring_disarm(struct ring *r)
{
	eventfd_t n;

	__atomic_store_n(&r->avail->flags, VRING_AVAIL_F_NO_INTERRUPT, __ATOMIC_RELAXED);
	(void)eventfd_read(r->call, &n);
}

int ring_call_fd(const struct ring *r)
{
	return r->call;
}
