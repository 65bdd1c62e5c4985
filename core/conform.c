// SPDX-License-Identifier: GPL-2.0-or-later

/*
 * Theory of Operation
 *
 * Readings come as often as the caller looks; windows are made of whole intervals between readings. A window begins with
 * a reading and ends with the first one that is as far away as the window is long, so it may be longer by one interval.
 * What is due in it is the sum over its intervals of what held at each one's beginning: an entitlement that changes in a
 * window counts for its part of it.
 *
 * 1. The reserve. Windows of max(100 ms, 64 of the largest packets at the reserve), in which all readings find the
 *    device backlogged. It is missed where fewer bytes were sent than the reserve is worth, less two packets. What is due
 *    is never more than the entitlement: a network whose only device with packets has a low limit cannot use its reserve.
 * 2. The entitlement. Windows of a second, in which all readings find it backlogged. It is below where what was sent is
 *    less than the entitlement by more than 2 % of the uplink.
 * 3. The error. Windows of a second, backlogged or not, one behind the other.
 * 4. Settled. After a change, windows of 50 ms, or of one interval where that is longer. The error of each is within 2 %
 *    of the uplink, and two packets: in so short a time a packet more or less can be more than that. Three in a row, and
 *    it had settled when the first of them began. A
 *    device that was idle at the change, or is since then, is not measured.
 *
 * Readings are rarer the more devices send (core/pace.h): seconds apart with 5,000. So what counts as a gap, in which
 * nothing was measured, depends on how far apart they are meant to be.
 *
 * The first window of 1 since the device woke up is left out, and the first 100 ms for 2: it takes a while until divvyd
 * sees that it sends again.
 */
#include "conform.h"

#define PACKET_DEFAULT 1514U

static uint64_t packet_of(const struct conform_reading *r)
{
	return r->packet ? r->packet : PACKET_DEFAULT;
}

static void begin(struct conform_window *w, const struct conform_reading *r)
{
	*w = (struct conform_window){ .start_ns = r->now_ns, .bytes = r->bytes };
}

static void end(struct conform_window *w)
{
	*w = (struct conform_window){ 0 };
}

static void add_due(struct conform_window *w, struct rate rate, uint64_t ns)
{
	if (w->start_ns)
		w->due += (unsigned __int128)rate.bytes_ps * ns;
}

/* In bytes x nanoseconds a second, as what is due. */
static unsigned __int128 sent_in(const struct conform_window *w, const struct conform_reading *r, uint64_t more)
{
	return ((unsigned __int128)(r->bytes - w->bytes) + more) * NSEC_PER_SEC;
}

static unsigned __int128 percent_of(const struct conform_window *w, const struct conform_reading *r, unsigned int percent)
{
	return (unsigned __int128)r->capacity.bytes_ps * (r->now_ns - w->start_ns) * percent / 100;
}

static uint64_t reserve_window_ns(const struct conform_reading *r)
{
	unsigned __int128 ns = (unsigned __int128)CONFORM_PACKETS * packet_of(r) * NSEC_PER_SEC / r->reserve.bytes_ps;

	return ns > UINT64_MAX / 2 ? UINT64_MAX / 2 : ns < CONFORM_RESERVE_NS ? CONFORM_RESERVE_NS : (uint64_t)ns;
}

static void violate(struct conform *c, const struct conform_window *w, const struct conform_reading *r)
{
	uint64_t ns = r->now_ns - w->start_ns;

	c->violated_ns = r->now_ns;
	c->violation.got.bytes_ps = (uint64_t)(sent_in(w, r, 0) / ns);
	c->violation.due.bytes_ps = (uint64_t)(w->due / ns);
	c->violation.over_ns = ns;
}

/* --- the four kinds of windows ------------------------------------------------------------------- */

static unsigned int look_reserve(struct conform *c, const struct conform_reading *r)
{
	struct conform_window *w = &c->reserve;
	bool missed;

	if (!r->backlogged || !r->reserve.bytes_ps) {
		end(w);
		return 0;
	}
	if (!w->start_ns) {
		begin(w, r);
		return 0;
	}
	if (r->now_ns - w->start_ns < reserve_window_ns(r))
		return 0;
	missed = !c->fresh && sent_in(w, r, 2 * packet_of(r)) < w->due;
	c->fresh = false;
	if (missed) {
		violate(c, w, r);
		c->reserve_missed++;
	}
	begin(w, r);
	return missed ? CONFORM_RESERVE_MISSED : 0;
}

static unsigned int look_entitlement(struct conform *c, const struct conform_reading *r)
{
	struct conform_window *w = &c->entitlement;
	bool below;

	if (!r->backlogged) {
		end(w);
		return 0;
	}
	if (!c->fresh_ns)
		c->fresh_ns = r->now_ns;
	if (r->now_ns - c->fresh_ns < CONFORM_RESERVE_NS)
		return 0;
	if (!w->start_ns) {
		begin(w, r);
		return 0;
	}
	if (r->now_ns - w->start_ns < CONFORM_SPAN_NS)
		return 0;
	below = sent_in(w, r, 0) + percent_of(w, r, CONFORM_BELOW_PERCENT) < w->due;
	if (below) {
		violate(c, w, r);
		c->below++;
	}
	begin(w, r);
	return below ? CONFORM_BELOW : 0;
}

static void look_span(struct conform *c, const struct conform_reading *r)
{
	struct conform_window *w = &c->span;
	uint64_t ns = r->now_ns - w->start_ns;

	if (ns < CONFORM_SPAN_NS)
		return;
	c->measured_ns = r->now_ns;
	c->delivered.bytes_ps = (uint64_t)(sent_in(w, r, 0) / ns);
	c->entitled.bytes_ps = (uint64_t)(w->due / ns);
	begin(w, r);
}

static unsigned int look_settle(struct conform *c, const struct conform_reading *r)
{
	struct conform_window *w = &c->settle;
	unsigned __int128 sent, off, may;

	if (!c->settling)
		return 0;
	if (!w->start_ns) {
		begin(w, r);
		return 0;
	}
	if (r->now_ns - w->start_ns < CONFORM_SETTLE_NS)
		return 0;
	sent = sent_in(w, r, 0);
	off = sent > w->due ? sent - w->due : w->due - sent;
	may = percent_of(w, r, CONFORM_SETTLE_PERCENT) + (unsigned __int128)2 * packet_of(r) * NSEC_PER_SEC;
	if (off > may)
		c->good = 0;
	else if (++c->good == 1)
		c->good_ns = w->start_ns;
	begin(w, r);
	if (c->good < CONFORM_SETTLE_WINDOWS)
		return 0;
	c->settled_ns = c->good_ns;
	c->settling = false;
	return CONFORM_SETTLED;
}

/* --- readings ------------------------------------------------------------------------------------ */

static uint64_t gap_of(const struct conform_reading *r)
{
	return r->apart_ns > CONFORM_GAP_NS / 2 ? 2 * r->apart_ns : CONFORM_GAP_NS;
}

static void take(struct conform *c, const struct conform_reading *r)
{
	struct rate entitled = rate_min(r->entitled, r->capacity);

	c->at_ns = r->now_ns;
	c->gap_ns = gap_of(r);
	c->bytes = r->bytes;
	c->now = entitled;
	c->floor = rate_min(r->reserve, entitled);
}

void conform_sleep(struct conform *c)
{
	c->at_ns = 0;
	c->settling = false;
	c->good = 0;
	end(&c->reserve);
	end(&c->entitlement);
	end(&c->span);
	end(&c->settle);
}

unsigned int conform_read(struct conform *c, const struct conform_reading *r)
{
	uint64_t ns = r->now_ns - c->at_ns;
	unsigned int news = 0;

	if (c->at_ns && ns == 0)
		return 0;
	/* Fewer bytes: its class was made anew. */
	if (c->at_ns && (ns > gap_of(r) || r->bytes < c->bytes))
		conform_sleep(c);
	if (!c->at_ns) {
		c->fresh = true;
		c->fresh_ns = 0;
		begin(&c->span, r);
	}
	add_due(&c->reserve, c->floor, ns);
	add_due(&c->entitlement, c->now, ns);
	add_due(&c->span, c->now, c->at_ns ? ns : 0);
	add_due(&c->settle, c->now, ns);
	news |= look_reserve(c, r);
	news |= look_entitlement(c, r);
	look_span(c, r);
	news |= look_settle(c, r);
	take(c, r);
	return news;
}

void conform_change(struct conform *c, uint64_t now_ns)
{
	c->changed_ns = now_ns;
	c->settled_ns = 0;
	c->settling = c->at_ns;
	c->good = 0;
	end(&c->settle);
}

bool conform_is_recent(const struct conform *c, uint64_t now_ns)
{
	return c->measured_ns && now_ns - c->measured_ns <= 2 * CONFORM_SPAN_NS + c->gap_ns;
}

double conform_error_pp(const struct conform *c, struct rate capacity)
{
	return 100.0 * ((double)c->delivered.bytes_ps - (double)c->entitled.bytes_ps) / (double)capacity.bytes_ps;
}
