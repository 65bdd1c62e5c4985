// SPDX-License-Identifier: GPL-2.0-or-later

/*
 * Theory of Operation
 *
 * A device's part is what it would be entitled to if its own demand were unlimited and those of the others were as they
 * are. A device is backlogged
 *
 *  - if it sends SATURATED_PERCENT of its part, or more;
 *  - if packets wait in its class at DEMAND_LOOKS looks in a row, or at each one since it woke up;
 *  - if they wait at one of these looks, and it sends WAITED_PERCENT of its part, or more. Under backpressure a queue of
 *    two packets is often empty when it is looked at. But a device that sends steadily, and less than its part, has a
 *    packet waiting now and then, too: what it was then thought to demand, and did not use, others were kept from. In a
 *    simulation taking it for backlogged cost up to 26 points of the uplink; not doing so, 0.8 at most (3,000 patterns).
 *
 * Any other device demands what it sends. One that sends steadily below its part is not idle: taking it for that costs up
 * to 3 points.
 *
 * The parts of all devices at once
 *
 * Let S be a set of devices whose demand is taken for unlimited, and E what all are entitled to then. For a device of S
 * E is its part, by the definition. So begin with an S that has all that may be backlogged, and take out those that
 * are not backlogged if E is their part; then the others' demands are smaller, and parts only grow;
 * do it again until all of S belong there. What was taken out sends too little of a part that has only grown since. So
 * each device is on the right side, and all of it takes as many divisions as there are rounds: two or three.
 *
 * S begins with devices that would be backlogged if their part were the rate that is guaranteed to them. That is what they
 * are entitled to while all others are backlogged, too, so it is no more than their part.
 *
 * Between two divisions
 *
 * A look says whether another division could have another result. A device that is backlogged has ceased to be; another
 * one has become it, by the part that it had (it is no less now, or there would have been a division since); or the
 * rate that a device demands has changed. Rates are measured over windows of 0.1 to 0.2 s, in which a packet more or
 * less is 0.1 points of a small uplink: so a rate counts as changed where its mean over some windows has moved by
 * STEADY_PERMILLE of the capacity, or where one window is off by JUMP_PERMILLE.
 */

#include "demand.h"

#include "base/cleanup.h"
#include "entitle.h"

#include <errno.h>
#include <stdlib.h>

#define SATURATED_PERCENT 98
#define WAITED_PERCENT 80
#define STEADY_PERMILLE 2
#define JUMP_PERMILLE 20
#define MEAN_LOOKS 16 /* what is older counts little */
#define ROUNDS_MAX 16 /* more were not seen; then some stay backlogged that are not quite */

typedef unsigned __int128 u128;

static void begin_windows(struct demand *d, uint64_t bytes, uint64_t now_ns)
{
	d->start[0].bytes = d->start[1].bytes = bytes;
	d->start[0].at_ns = d->start[1].at_ns = now_ns;
}

void demand_wake(struct demand *d, uint64_t now_ns)
{
	if (d->at_ns)
		begin_windows(d, d->bytes, now_ns);
	d->waited = d->looks = 0;
}

static uint64_t apart(struct rate a, struct rate b)
{
	return a.bytes_ps > b.bytes_ps ? a.bytes_ps - b.bytes_ps : b.bytes_ps - a.bytes_ps;
}

static bool sends(const struct demand *d, struct rate part, unsigned int percent)
{
	return d->sent.bytes_ps && (u128)d->sent.bytes_ps * 100 >= (u128)part.bytes_ps * percent;
}

/* If this is its part. */
static bool is_backlogged(const struct demand *d, struct rate part)
{
	bool always = d->waited && d->waited == (1U << d->looks) - 1;

	return always || sends(d, part, d->waited ? WAITED_PERCENT : SATURATED_PERCENT);
}

static void measure(struct demand *d, uint64_t now_ns)
{
	uint64_t sent = d->bytes - d->start[0].bytes;

	if (now_ns > d->start[0].at_ns)
		d->sent.bytes_ps = (uint64_t)((u128)sent * NSEC_PER_SEC / (now_ns - d->start[0].at_ns));
	if (now_ns - d->start[1].at_ns < DEMAND_WINDOW_NS)
		return;
	d->start[0] = d->start[1];
	d->start[1].bytes = d->bytes;
	d->start[1].at_ns = now_ns;
}

/* Whether the rate that it demands is another one now. */
static bool settle(struct demand *d, struct rate capacity)
{
	uint64_t least = capacity.bytes_ps / 1000 * STEADY_PERMILLE;

	if (apart(d->sent, d->mean) > capacity.bytes_ps / 1000 * JUMP_PERMILLE || !d->sent.bytes_ps)
		d->mean = d->sent;
	else
		d->mean.bytes_ps = (d->mean.bytes_ps * (MEAN_LOOKS - 1) + d->sent.bytes_ps) / MEAN_LOOKS;
	if (apart(d->mean, d->steady) <= least && !d->mean.bytes_ps == !d->steady.bytes_ps)
		return false;
	d->steady = d->mean;
	return true;
}

bool demand_look(struct demand *d, uint64_t bytes, bool waits, struct rate capacity, uint64_t now_ns)
{
	bool changed;

	if (!d->at_ns || bytes < d->bytes) { /* the first look, or a class that was made anew */
		begin_windows(d, bytes, now_ns);
		d->sent = RATE_ZERO;
	}
	d->bytes = bytes;
	d->at_ns = now_ns;
	d->waited = (uint8_t)((d->waited << 1 | waits) & ((1U << DEMAND_LOOKS) - 1));
	d->looks = d->looks < DEMAND_LOOKS ? d->looks + 1 : DEMAND_LOOKS;
	measure(d, now_ns);
	changed = settle(d, capacity);
	return d->backlogged ? !is_backlogged(d, d->entitled) : changed || is_backlogged(d, d->part);
}

bool demand_is_idle(const struct demand *d)
{
	return !d->waited && !d->sent.bytes_ps && d->at_ns - d->start[0].at_ns >= DEMAND_WINDOW_NS;
}

/* What all demand if those of S, by backlogged[], demand all. */
static void fill_demands(const struct model *m, size_t first, size_t n, const struct demand *d, const bool *backlogged,
			 struct rate *demand)
{
	for (size_t i = 0; i < n; i++)
		if (m->nodes[first + i].kind == NODE_DEVICE)
			demand[i] = backlogged[i] ? RATE_UNLIMITED : d[i].steady;
}

/*
 * S: the devices in backlogged[]. Those that do not send enough leave it. part[]: what each was entitled to in S.
 * True: no device has left.
 */
static bool all_belong(const struct model *m, size_t first, size_t n, const struct demand *d,
		       const struct rate *entitled, bool *backlogged, struct rate *part)
{
	bool all = true;

	for (size_t i = 0; i < n; i++) {
		if (m->nodes[first + i].kind != NODE_DEVICE || !backlogged[i])
			continue;
		part[i] = entitled[i];
		if (is_backlogged(&d[i], entitled[i]))
			continue;
		backlogged[i] = false;
		all = false;
	}
	return all;
}

int demand_entitle(const struct model *m, size_t first, size_t end, struct demand *d, struct rate *entitled)
{
	size_t n = end - first;
	_cleanup_free_ struct rate *demand = calloc(n + 1, sizeof(*demand));
	_cleanup_free_ struct rate *part = calloc(n + 1, sizeof(*part));
	_cleanup_free_ struct rate *got = calloc(n + 1, sizeof(*got));
	_cleanup_free_ bool *backlogged = calloc(n + 1, sizeof(*backlogged));
	bool done = false;

	if (!demand || !part || !got || !backlogged)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		part[i] = d[i].guaranteed;
		backlogged[i] = m->nodes[first + i].kind == NODE_DEVICE && is_backlogged(&d[i], d[i].guaranteed);
	}
	for (int round = 0; !done; round++) {
		int err;

		fill_demands(m, first, n, d, backlogged, demand);
		err = entitle_uplinks(m, first, end, demand, got);
		if (err < 0)
			return err;
		done = round == ROUNDS_MAX || all_belong(m, first, n, d, got, backlogged, part);
	}
	for (size_t i = 0; i < n; i++) {
		entitled[i] = d[i].entitled = got[i];
		d[i].part = part[i];
		d[i].backlogged = backlogged[i];
	}
	return 0;
}
