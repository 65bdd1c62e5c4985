// SPDX-License-Identifier: GPL-2.0-or-later
#include "undivided.h"

#include "base/byifindex.h"
#include "base/cleanup.h"

#include <assert.h>
#include <errno.h>

static_assert(UNDIVIDED_PERIOD_NS + UNDIVIDED_CONFIRM_NS < UNDIVIDED_WITHIN_NS, "and time for the readings");
/* A look that saw it, one that may have begun just before it ended, and those that have to be good behind the first. */
static_assert(2 * UNDIVIDED_AGAIN_NS + (UNDIVIDED_GOOD_LOOKS - 1) * UNDIVIDED_CONFIRM_NS < UNDIVIDED_WITHIN_NS,
	      "it has ended: and time for the readings");

#define LINK_HEADER 14U /* Ethernet's, which a qdisc at ingress does not count */

void undivided_free(struct undivided *u)
{
	free(u->list);
	*u = (struct undivided){ 0 };
}

struct undivided_vnic *undivided_of(const struct undivided *u, uint32_t key)
{
	return byifindex_find(u->list, u->n, sizeof(*u->list), key);
}

int undivided_follow(struct undivided *u, const struct undivided_id *ids, size_t n)
{
	struct undivided_vnic *list = calloc(n + 1, sizeof(*list));

	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const struct undivided_vnic *known = undivided_of(u, ids[i].key);

		if (known)
			list[i] = *known;
		list[i].key = ids[i].key;
		list[i].at = ids[i].at;
	}
	free(u->list);
	u->list = list;
	u->n = n;
	u->egress = false;
	for (size_t i = 0; i < n; i++)
		u->egress |= list[i].at == UNDIVIDED_EGRESS;
	undivided_over(u);
	return 0;
}

bool undivided_moved(const struct undivided_vnic *v, uint64_t packets)
{
	return !v->seen || v->rough.packets != packets;
}

/* --- what was kept ------------------------------------------------------------------------------ */

static uint64_t above(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint32_t permille(uint64_t part, uint64_t whole)
{
	return whole ? (uint32_t)(1000 * part / whole) : 0;
}

/* What happened from one reading to another one. False: a counter began anew. */
static bool between(const struct undivided_reading *a, const struct undivided_reading *b,
		    struct undivided_reading *out)
{
	if (b->packets < a->packets || b->bytes < a->bytes || b->drops < a->drops ||
	    b->counted.skbs < a->counted.skbs || b->reached < a->reached)
		return false;
	*out = (struct undivided_reading){ .packets = b->packets - a->packets,
					   .bytes = b->bytes - a->bytes,
					   .reached = b->reached - a->reached,
					   .drops = b->drops - a->drops };
	out->counted.skbs = b->counted.skbs - a->counted.skbs;
	out->counted.skb_bytes = b->counted.skb_bytes - a->counted.skb_bytes;
	out->counted.bytes = b->counted.bytes - a->counted.bytes;
	return true;
}

/* Of the packets that the classifier did not see, those dropped are taken for as long as the others. */
static uint32_t kept_exact(const struct undivided_reading *d)
{
	uint64_t missing = above(d->packets, d->counted.skbs);
	uint64_t bytes = above(d->bytes, d->counted.skb_bytes);
	uint64_t dropped = least(d->drops, missing);
	uint64_t dropped_bytes = missing ? (uint64_t)((unsigned __int128)bytes * dropped / missing) : bytes;
	uint32_t packets = permille(missing - dropped, d->packets - dropped);
	uint32_t of_bytes = permille(bytes - dropped_bytes, d->bytes - dropped_bytes);

	return packets > of_bytes ? packets : of_bytes;
}

/*
 * Where the vNIC counts packets that the kernel merges before tc: bytes with the headers of all segments
 * are what the vNIC counted, or more.
 */
static uint32_t kept_merged(const struct undivided_reading *d)
{
	uint64_t bytes = above(d->bytes, d->counted.bytes);
	uint64_t length = d->packets ? d->bytes / d->packets : 0;
	uint64_t dropped = least(d->drops * length, bytes);

	return permille(bytes - dropped, d->bytes - dropped);
}

/*
 * At egress, where so many packets may have waited at the window's start. In bytes alone: what the vNIC segments, it
 * counts in more packets.
 */
static uint32_t kept_egress(const struct undivided_reading *d, uint64_t waited)
{
	uint64_t length = d->packets ? d->bytes / d->packets : 0;

	return permille(above(above(d->bytes, d->counted.skb_bytes), waited * length), d->bytes);
}

/* What was kept at least. */
static uint32_t kept(const struct undivided_vnic *v, const struct undivided_reading *d, uint64_t waited)
{
	switch (v->at) {
	case UNDIVIDED_MERGED:
		return kept_merged(d);
	case UNDIVIDED_EGRESS:
		return kept_egress(d, waited);
	case UNDIVIDED_INGRESS:
		break;
	}
	return kept_exact(d);
}

/* Whether more than half of what is missing did not come to tc's qdisc. */
static bool lost_before_tc(const struct undivided_reading *d)
{
	uint64_t missing = above(d->bytes, d->counted.skb_bytes);
	uint64_t bare = above(d->bytes, LINK_HEADER * d->packets);

	return above(bare, d->reached) > missing / 2;
}

/* --- looks -------------------------------------------------------------------------------------- */

/* So much of what happened was kept. */
static void blame(struct undivided_vnic *v, const struct undivided_reading *d, uint32_t part)
{
	v->kept_permille = part;
	v->before_tc = v->at != UNDIVIDED_EGRESS && lost_before_tc(d);
}

/* A vNIC that is new or suspected: a window as long as it takes. */
static enum undivided_change look_exactly(struct undivided_vnic *v, const struct undivided_reading *r, uint64_t now_ns)
{
	struct undivided_reading d;
	uint32_t part;

	v->wants_start = true;
	if (!between(&v->from, r, &d))
		return UNDIVIDED_SAME;
	v->wants_start = v->watched = false;
	if (d.packets < UNDIVIDED_PACKETS_MIN)
		return UNDIVIDED_SAME;
	part = kept(v, &d, v->from.waiting);
	if (part <= UNDIVIDED_KEPT_PERMILLE) {
		v->watched = kept(v, &d, 0) > UNDIVIDED_KEPT_PERMILLE && now_ns - v->from_ns < UNDIVIDED_OPEN_NS;
		return UNDIVIDED_SAME;
	}
	blame(v, &d, part);
	v->undivided = v->missing = v->watched = v->wants_start = true;
	v->since_ns = v->missed_ns = now_ns;
	v->good = 0;
	v->good_packets = 0;
	return UNDIVIDED_BEGAN;
}

/*
 * One that is undivided: each look has a window of its own. What was kept before it ended is in one window then, and what
 * may have waited holds none open.
 */
static enum undivided_change look_again(struct undivided_vnic *v, const struct undivided_reading *r, uint64_t now_ns)
{
	struct undivided_reading d;

	v->wants_start = true;
	if (!between(&v->from, r, &d) || d.packets == 0)
		return UNDIVIDED_SAME;
	v->missing = kept(v, &d, 0) > UNDIVIDED_KEPT_PERMILLE;
	if (v->missing) {
		uint32_t part = kept(v, &d, v->from.waiting);

		v->missed_ns = now_ns;
		v->good = 0;
		v->good_packets = 0;
		if (d.packets >= UNDIVIDED_PACKETS_MIN && part > UNDIVIDED_KEPT_PERMILLE)
			blame(v, &d, part);
		return UNDIVIDED_SAME;
	}
	v->good++;
	v->good_packets += d.packets;
	if (v->good < UNDIVIDED_GOOD_LOOKS || v->good_packets < (uint64_t)UNDIVIDED_GOOD_LOOKS * UNDIVIDED_PACKETS_MIN)
		return UNDIVIDED_SAME;
	v->undivided = v->watched = v->wants_start = false;
	return UNDIVIDED_ENDED;
}

enum undivided_change undivided_look(struct undivided_vnic *v, const struct undivided_reading *r,
				     uint64_t now_ns)
{
	enum undivided_change change = UNDIVIDED_SAME;
	struct undivided_reading d;

	if (v->undivided)
		change = look_again(v, r, now_ns);
	else if (v->watched)
		change = look_exactly(v, r, now_ns);
	else if (!v->seen)
		v->wants_start = true;
	else
		v->wants_start = between(&v->rough, r, &d) && d.packets >= UNDIVIDED_PACKETS_MIN &&
				 kept(v, &d, 0) > UNDIVIDED_KEPT_PERMILLE;
	v->seen = true;
	v->quiet = false;
	v->rough = *r;
	v->rough.drops = v->rough.reached = 0;
	return change;
}

void undivided_rest(struct undivided_vnic *v)
{
	v->watched = v->undivided;
	v->quiet = true;
}

void undivided_start(struct undivided_vnic *v, const struct undivided_reading *r, uint64_t now_ns)
{
	v->from = *r;
	v->from_ns = now_ns;
	v->watched = true;
	v->wants_start = false;
}

/* --- whether to look ---------------------------------------------------------------------------- */

void undivided_over(struct undivided *u)
{
	u->pending = false;
	u->pace = UNDIVIDED_IN_GENERAL;
	for (size_t i = 0; i < u->n; i++) {
		const struct undivided_vnic *v = &u->list[i];
		bool waits = v->watched && !v->quiet;

		u->pending |= waits || !v->seen;
		if (waits && (!v->undivided || !v->missing))
			u->pace = UNDIVIDED_CONFIRM;
		else if (waits && u->pace == UNDIVIDED_IN_GENERAL)
			u->pace = UNDIVIDED_AGAIN;
	}
}

/* Packets of the whole host that make a reading worth its cost. */
static size_t worth_reading(const struct undivided *u)
{
	size_t n = u->n / UNDIVIDED_VNICS_A_PACKET;

	return n > UNDIVIDED_PACKETS_MIN ? n : UNDIVIDED_PACKETS_MIN;
}

bool undivided_skips(struct undivided *u, uint32_t received, bool xdp)
{
	uint32_t packets = received - u->received;
	bool silent = packets < UNDIVIDED_PACKETS_MIN && !u->egress && !xdp;
	bool skip = !u->pending && packets < worth_reading(u) &&
		    u->skipped < (silent ? UNDIVIDED_SKIPS_SILENT : UNDIVIDED_SKIPS);

	u->skipped = skip ? u->skipped + 1 : 0;
	if (!skip)
		u->received = received;
	return skip;
}

/* Grown where there are so many more vNICs. */
static uint64_t grown(const struct undivided *u, uint64_t ns, size_t vnics)
{
	return u->n <= vnics ? ns : ns / vnics * u->n;
}

uint64_t undivided_period(const struct undivided *u)
{
	uint64_t general = grown(u, UNDIVIDED_PERIOD_NS, UNDIVIDED_VNICS_AT_PERIOD);

	switch (u->pace) {
	case UNDIVIDED_CONFIRM:
		return UNDIVIDED_CONFIRM_NS;
	case UNDIVIDED_AGAIN:
		return least(general, grown(u, UNDIVIDED_AGAIN_NS, UNDIVIDED_VNICS_AT_AGAIN));
	case UNDIVIDED_IN_GENERAL:
		break;
	}
	return general;
}

bool undivided_known(const struct undivided *u, const struct undivided_vnic *v, uint64_t now_ns)
{
	return v->missing && now_ns - v->missed_ns <= grown(u, UNDIVIDED_WITHIN_NS, UNDIVIDED_VNICS_AT_AGAIN);
}
