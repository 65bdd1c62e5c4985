// SPDX-License-Identifier: GPL-2.0-or-later
#include "sentcount.h"

#include "base/byifindex.h"

uint64_t sentcount_estimate(const struct sent_reading *r)
{
	uint64_t waiting = 0, sent;

	/* Rounded up: a packet that waits was not sent. */
	if (r->offered_bytes)
		waiting = (uint64_t)(((unsigned __int128)r->waiting_bytes * r->offered_packets +
				      r->offered_bytes - 1) /
				     r->offered_bytes);
	sent = waiting + r->dropped_packets;
	sent = r->offered_packets > sent ? r->offered_packets - sent : 0;
	/* HTB's own count is the right one where it has more: from before divvyd was started, or of a later kernel. */
	return sent > r->class_packets ? sent : r->class_packets;
}

void sentcount_free(struct sentcount *c)
{
	free(c->list);
	*c = (struct sentcount){ 0 };
}

static int compare_told(const void *a, const void *b)
{
	const struct sent_told *x = a, *y = b;

	return (x->key > y->key) - (x->key < y->key);
}

int sentcount_update(struct sentcount *c, const struct sent_reading *reading, size_t n, uint64_t *packets)
{
	struct sent_told *now = calloc(n + 1, sizeof(*now));

	for (size_t i = 0; i < n; i++) {
		const struct sent_told *was = byifindex_find(c->list, c->n, sizeof(*was), reading[i].key);

		packets[i] = sentcount_estimate(&reading[i]);
		if (was && was->class_bytes <= reading[i].class_bytes && was->packets > packets[i])
			packets[i] = was->packets;
		if (now)
			now[i] = (struct sent_told){ .key = reading[i].key,
						     .class_bytes = reading[i].class_bytes,
						     .packets = packets[i] };
	}
	if (!now)
		return -ENOMEM;
	if (n)
		qsort(now, n, sizeof(*now), compare_told);
	free(c->list);
	c->list = now;
	c->n = n;
	return 0;
}
