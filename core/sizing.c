/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "sizing.h"

#define MTU_LEN 1514U
#define MTU_TRUESIZE 2304U
#define SMALL_LEN 64U
#define PROMPT_PART 16U
#define STANDING_MAX 4U
#define DROP_NS (50 * NSEC_PER_MSEC)
#define DROP_PACKETS 3U

const struct sizing_host sizing_host_default = {
	.gso_max = 65536,
	.gso_truesize = 69632,
	.small_truesize = 832,
	.wake_ns = 5 * NSEC_PER_MSEC,
	.timer_ns = 5 * NSEC_PER_MSEC,
};

static uint64_t min64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t max64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* Bytes at a rate in a time, rounded up. */
static uint64_t during(struct rate rate, uint64_t ns)
{
	unsigned __int128 b = ((unsigned __int128)rate.bytes_ps * ns + NSEC_PER_SEC - 1) / NSEC_PER_SEC;

	return b > UINT64_MAX / 64 ? UINT64_MAX / 64 : (uint64_t)b;
}

static uint64_t grown(uint64_t bytes)
{
	return bytes + bytes / 4;
}

static uint32_t send_buffer(const struct sizing_host *h, struct rate rate, struct rate ceil)
{
	uint64_t prompt_ns = h->wake_ns / PROMPT_PART;
	uint64_t late = 2 * during(rate, h->wake_ns);
	uint64_t small = 2 * during(rate, prompt_ns) * h->small_truesize / SMALL_LEN;
	uint64_t borrow = 2 * during(ceil, prompt_ns) * MTU_TRUESIZE / MTU_LEN;
	uint64_t bytes = 2 * MTU_TRUESIZE + 1;

	bytes = max64(bytes, late);
	bytes = max64(bytes, small);
	bytes = max64(bytes, min64(borrow, during(rate, STANDING_MAX * h->wake_ns)));
	return (uint32_t)min64(bytes, INT32_MAX - h->gso_truesize);
}

void sizing_class(const struct sizing_host *h, struct rate rate, struct rate ceil, uint32_t queues,
		  struct sizing *out)
{
	uint64_t late_ns = h->wake_ns + h->timer_ns;
	struct sizing s;

	s.sndbuf = send_buffer(h, rate, ceil);
	s.limit = min64(queues * grown((uint64_t)s.sndbuf + h->gso_max), UINT32_MAX);
	s.limit_drop = min64(max64(during(rate, DROP_NS), DROP_PACKETS * grown(h->gso_max)), UINT32_MAX);
	s.burst = max64(during(rate, late_ns), MTU_LEN);
	s.cburst = max64(during(ceil, late_ns), MTU_LEN);
	*out = s;
}

void sizing_quanta(const struct sizing_host *h, const struct share *share, size_t n, uint32_t *out)
{
	uint64_t least = UINT32_MAX, most = 1, top;

	for (size_t i = 0; i < n; i++) {
		least = min64(least, max64(share[i].weight, 1));
		most = max64(most, share[i].weight);
	}
	top = min64((uint64_t)h->gso_max * most / least, INT32_MAX);
	for (size_t i = 0; i < n; i++)
		out[i] = (uint32_t)max64(top * max64(share[i].weight, 1) / most, h->gso_max);
}
