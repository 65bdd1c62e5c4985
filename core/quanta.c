// SPDX-License-Identifier: GPL-2.0-or-later

/*
 * Theory of Operation
 *
 * HTB (net/sched/sch_htb.c) serves a leaf at its own rate first. What is left of the uplink goes to the leaves that
 * have more to send, by deficit round robin over the whole uplink: rate plus a part of the rest. The specification
 * means another thing, the greater of reserve and share. Both agree if the part of the rest is right:
 *
 *	need_i = max(0, entitled_i - rate_i)		the leaf's part of the rest, bytes per second
 *	quantum_i = need_i * T				T: the time of one round
 *
 * Round robin alone does not keep to this. Three things disturb it, and the remedy for all is a ceiling at what the
 * leaf is entitled to, for as long as its entitlement stays:
 *
 * 1. HTB does not look at the deficit before it dequeues, so a quantum must be one packet at least. A leaf whose need
 *    is worth less in a round, or that has packets waiting without a need, would take too much.
 * 2. A leaf's turn ends when its own rate has tokens for a packet again: HTB then takes it out of the round, and the
 *    next leaf's turn begins (htb_deactivate_prios()). A leaf with a quantum of many packets loses the more of them,
 *    the higher its own rate is. So no quantum may be much more than a packet: T is the time that the leaf with the
 *    greatest need takes for TURN_PERCENT of its packet, and the leaves whose packets do not fit into T fall under 1.
 * 3. A network that is near its limit blocks all its leaves, and the leaf that comes first when it opens sends.
 *    Which one that is has little to do with quanta: without a ceiling of their own some of its leaves starve.
 *
 * The leaves with the greatest need keep their ceilings: they take what the others leave until the next division. Leaves
 * that are not backlogged keep theirs, too: they take what they demand, and one that wakes up, or sends more, is not
 * held down. Under 1 the ceilings stay as they
 * are where all leaves together would take no more than TOO_MUCH_PERMILLE of the uplink.
 *
 * In a simulation of HTB (tests/unit/htb_sim.h), 3,000 random trees of up to 63 nodes on 48 Mbit/s, the worst leaf's
 * error by TURN_PERCENT was 0.12 points of the uplink (110), 0.69 (150), 2.1 (200), 1.7 (400, of 300 trees), 16.8 with
 * rounds of up to 40 ms and no bound on a turn. With 150 all leaves of equal need share what others leave, and those
 * down to two thirds of it.
 */

#include "quanta.h"

#define ROUND_MAX_NS (40 * NSEC_PER_MSEC)
#define TURN_PERCENT 150
#define ROUND_NS NSEC_PER_MSEC /* where no leaf has a need */
#define TOO_MUCH_PERMILLE 1
#define DEBT_MAX_NS (100 * NSEC_PER_MSEC) /* of a full frame */
#define NEGLIGIBLE 2000                   /* that part of the capacity is no error to speak of */

typedef unsigned __int128 u128;

static uint32_t packet_of(const struct quanta_leaf *l)
{
	return l->packet < QUANTA_PACKET_MIN ? QUANTA_PACKET_MIN : l->packet;
}

static uint64_t need_of(const struct quanta_leaf *l)
{
	return l->entitled.bytes_ps > l->rate.bytes_ps ? l->entitled.bytes_ps - l->rate.bytes_ps : 0;
}

/* Nanoseconds that a leaf takes for one packet at its need; UINT64_MAX: it has no need. */
static uint64_t packet_ns(const struct quanta_leaf *l)
{
	uint64_t need = need_of(l);

	return need ? (packet_of(l) * NSEC_PER_SEC + need - 1) / need : UINT64_MAX; /* 32 and 30 bits: no overflow */
}

static uint64_t round_ns(const struct quanta_leaf *leaf, size_t n)
{
	uint64_t shortest = UINT64_MAX, longest = 0, most;

	for (size_t i = 0; i < n; i++)
		if (packet_ns(&leaf[i]) < shortest)
			shortest = packet_ns(&leaf[i]);
	if (shortest == UINT64_MAX)
		return ROUND_NS;
	most = shortest < ROUND_MAX_NS ? shortest * TURN_PERCENT / 100 : ROUND_MAX_NS;
	for (size_t i = 0; i < n; i++)
		if (packet_ns(&leaf[i]) <= most && packet_ns(&leaf[i]) > longest)
			longest = packet_ns(&leaf[i]);
	return longest ? longest : most;
}

static uint64_t wanted(const struct quanta_leaf *l, uint64_t round)
{
	return (uint64_t)((u128)need_of(l) * round / NSEC_PER_SEC);
}

/* What it would take beyond its need in a round, bytes: it sends all that it is let, and its packet is too long. */
static uint64_t too_much(const struct quanta_leaf *l, uint64_t round)
{
	uint64_t want = wanted(l, round);

	return l->backlogged && want < packet_of(l) ? packet_of(l) - want : 0;
}

/*
 * HTB takes no ceiling below the rate, and the rate is the guarantee. A packet that was sent by a very low ceiling is
 * paid for in time: raising the ceiling later does not shorten it, and the leaf would stand still.
 */
static struct rate lowered(const struct quanta_leaf *l, struct rate capacity)
{
	uint64_t least = QUANTA_PACKET_MIN * NSEC_PER_SEC / DEBT_MAX_NS, negligible = capacity.bytes_ps / NEGLIGIBLE;
	struct rate r = l->entitled;

	if (least > negligible)
		least = negligible;
	if (r.bytes_ps < least)
		r.bytes_ps = least;
	if (r.bytes_ps < l->rate.bytes_ps)
		r = l->rate;
	return rate_min(r, l->limit);
}

void quanta_divide(const struct quanta_leaf *leaf, size_t n, struct rate capacity, struct quanta_class *out)
{
	uint64_t round = round_ns(leaf, n);
	u128 sum = 0;
	bool cap;

	for (size_t i = 0; i < n; i++)
		sum += too_much(&leaf[i], round);
	cap = sum * NSEC_PER_SEC * 1000 > (u128)capacity.bytes_ps * round * TOO_MUCH_PERMILLE;
	for (size_t i = 0; i < n; i++) {
		uint64_t want = wanted(&leaf[i], round);

		if (want < packet_of(&leaf[i]))
			want = packet_of(&leaf[i]);
		out[i].quantum = want > INT32_MAX ? INT32_MAX : (uint32_t)want;
		out[i].ceil = leaf[i].limit;
		if (leaf[i].backlogged && (leaf[i].bounded || (cap && too_much(&leaf[i], round))))
			out[i].ceil = lowered(&leaf[i], capacity);
	}
}
