// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Theory of Operation
 *
 * A VM that starts shows itself as a link event: its tap appears, or gets a carrier when the VMM opens it.
 * The VMM's command line is final only some time later (libvirt opens the tap and hands it on), so /proc is
 * read several times after the latest event, in growing distances, and not at all while nothing happens. A
 * further event puts off neither what is to be done nor the first two looks: a link that flaps must not hold
 * up the others. Events are lost when the socket overruns: then all is read again. What no event tells (a
 * filter or a send buffer undone by others, a vNIC that took no filter and would now) is found by an audit
 * every AUDIT_SECONDS; what failed as a whole is tried again every second.
 */
#include "loop.h"

#include "control.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "slots/slots.h"
#include "base/log.h"
#include "reconcile.h"

#include <errno.h>
#include <string.h>

#define RECONCILE_DELAY_US 5000 /* events come in bursts: a VM's start is three or four */
#define DRAIN_INTERVAL_US 10000
/*
 * Not a whole number of the rounds that people write: slots_audit() can tell only of a VM that has its turn,
 * and would find the same ones paused every time.
 */
#define SECOND_US 1017000
#define AUDIT_SECONDS 10
/* Counters are read every second while somebody looks, or else every few: a dump of 1,000 classes is 3 ms. */
#define UNWATCHED_SECONDS 5
#define WATCH_SECONDS 15
#define TIMER_ACCURACY_US 1000

/* After a link event, microseconds from one look at /proc to the next. */
static const uint64_t rescan_us[] = { 30000, 170000, 300000, 1000000, 3500000 };

static void arm(sd_event_source *timer, uint64_t us)
{
	sd_event_source_set_time_relative(timer, us);
	sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
}

static bool armed(sd_event_source *timer)
{
	int enabled = SD_EVENT_OFF;

	sd_event_source_get_enabled(timer, &enabled);
	return enabled != SD_EVENT_OFF;
}

static void arm_once(sd_event_source *timer, uint64_t us)
{
	if (!armed(timer))
		arm(timer, us);
}

static void look_soon(struct daemon *d)
{
	if (armed(d->rescan_timer) && d->rescan_stage <= 1) {
		d->look_again = true;
		return;
	}
	d->look_again = false;
	d->rescan_stage = 0;
	arm(d->rescan_timer, rescan_us[0]);
}

static int on_link(const struct nlmsghdr *nlh, void *arg)
{
	struct daemon *d = arg;
	struct link l;

	if (!nlh)
		return 0;
	switch (host_event(&d->host, nlh, &l)) {
	case HOST_SAME:
		break;
	case HOST_GONE:
		dataplane_forget(&d->plane, l.ifindex);
		backpressure_forget(&d->backpressure, l.ifindex);
		arm_once(d->reconcile_timer, RECONCILE_DELAY_US);
		break;
	case HOST_CHANGED:
		if (binding_unschedulable(&l))
			break;
		arm_once(d->reconcile_timer, RECONCILE_DELAY_US);
		look_soon(d);
		break;
	}
	return 0;
}

static int on_link_events(sd_event_source *s, int fd, uint32_t revents, void *arg)
{
	struct daemon *d = arg;
	int err = rtnl_events_read(d->link_events, on_link, d);

	(void)s, (void)fd, (void)revents;
	if (err == -ENOBUFS) {
		log_notice("link events were lost; reading everything again");
		host_read_links(&d->host, d->plane.rtnl);
		d->plane.stale = true;
		look_soon(d);
		arm_once(d->reconcile_timer, RECONCILE_DELAY_US);
	} else if (err < 0) {
		log_error("link events: %s", strerror(-err));
	}
	return 0;
}

static int on_reconcile(sd_event_source *s, uint64_t usec, void *arg)
{
	(void)s, (void)usec;
	reconcile_host(arg);
	return 0;
}

static int on_rescan(sd_event_source *s, uint64_t usec, void *arg)
{
	struct daemon *d = arg;
	bool changed = false;

	(void)s, (void)usec;
	if (host_read_vms(&d->host, &changed) >= 0 && changed)
		reconcile_host(d);
	if (++d->rescan_stage < ARRAY_SIZE(rescan_us))
		arm(d->rescan_timer, rescan_us[d->rescan_stage]);
	if (d->rescan_stage > 1 && d->look_again)
		look_soon(d);
	return 0;
}

void events_watched(struct daemon *d)
{
	/* The latest reading may be seconds old: the rates shall end now. */
	if (d->seconds >= d->watched_until)
		sampler_read(&d->sampler, &d->plane, clock_now_ns());
	d->watched_until = d->seconds + WATCH_SECONDS;
}

bool events_drained(const struct daemon *d)
{
	for (size_t i = 0; i < d->plane.have.n_uplinks; i++) {
		const struct tree_uplink *have = &d->plane.have.uplinks[i];
		const struct tree_uplink *want = tree_uplink_named(&d->want, have->name);

		if (!want || want->n_classes < have->n_classes)
			return false;
	}
	return true;
}

static int on_drain(sd_event_source *s, uint64_t usec, void *arg)
{
	struct daemon *d = arg;
	int left = dataplane_drain(&d->plane, &d->want);

	(void)s, (void)usec;
	if (left < 0 || !events_drained(d))
		arm(d->drain_timer, DRAIN_INTERVAL_US);
	else
		control_drained(d->control);
	return 0;
}

void events_drain_soon(struct daemon *d)
{
	if (d->drain_timer && !events_drained(d) && !armed(d->drain_timer))
		arm(d->drain_timer, DRAIN_INTERVAL_US);
}

static int on_second(sd_event_source *s, uint64_t usec, void *arg)
{
	struct daemon *d = arg;

	(void)s, (void)usec;
	d->seconds++;
	if (d->seconds < d->watched_until || d->seconds % UNWATCHED_SECONDS == 0)
		sampler_read(&d->sampler, &d->plane, clock_now_ns());
	if (d->cpu)
		slots_audit(d->cpu, d->seconds % AUDIT_SECONDS == 0);
	if (d->unreconciled)
		reconcile_host(d);
	if (d->seconds % AUDIT_SECONDS == 0)
		reconcile_audit(d);
	arm(d->second_timer, SECOND_US);
	return 0;
}

static int add_timer(struct daemon *d, sd_event_source **s, sd_event_time_handler_t handler)
{
	int r = sd_event_add_time_relative(d->event, s, CLOCK_MONOTONIC, 0, TIMER_ACCURACY_US, handler, d);

	return r < 0 ? r : sd_event_source_set_enabled(*s, SD_EVENT_OFF);
}

int events_open(struct daemon *d)
{
	int r = rtnl_events_open(&d->link_events, false);

	if (r >= 0)
		r = sd_event_add_io(d->event, NULL, rtnl_fd(d->link_events), EPOLLIN, on_link_events, d);
	if (r >= 0)
		r = add_timer(d, &d->reconcile_timer, on_reconcile);
	if (r >= 0)
		r = add_timer(d, &d->rescan_timer, on_rescan);
	if (r >= 0)
		r = add_timer(d, &d->drain_timer, on_drain);
	if (r >= 0)
		r = add_timer(d, &d->second_timer, on_second);
	if (r >= 0)
		arm(d->second_timer, SECOND_US);
	return r;
}

void events_close(struct daemon *d)
{
	sd_event_source_unref(d->reconcile_timer);
	sd_event_source_unref(d->rescan_timer);
	sd_event_source_unref(d->drain_timer);
	sd_event_source_unref(d->second_timer);
	d->link_events = rtnl_close(d->link_events);
}
