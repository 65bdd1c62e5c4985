// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Theory of Operation
 *
 * An event marks a link; a moment later all marked links are looked at. At a vNIC the moment is long enough for
 * a script that makes several changes in a row. At an IFB scripts have no business, and a packet that meets an
 * IFB that is down is lost. The look reads what is marked and nothing else, so that one filter of a thousand
 * costs little. What differs is applied in the usual way (differs()), which costs more. So the next look
 * waits REST_FACTOR times as long as this one took: a program that removes a filter as fast as it can costs a few
 * percent of a core, and finds the filter back less than a second later each time.
 */
#include "mend.h"

#include "base/array.h"
#include "base/clock.h"
#include "kernel/net/filter.h"
#include "ifb.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#define VNIC_DELAY_NS (20 * NSEC_PER_MSEC)
#define IFB_DELAY_NS (2 * NSEC_PER_MSEC)
#define REST_FACTOR 25
#define REST_MIN_NS (200 * NSEC_PER_MSEC)
#define REST_MAX_NS (800 * NSEC_PER_MSEC)
#define TOUCHED_MAX 1000
#define TIMER_ACCURACY_US 1000

struct mend {
	const struct look *what;
	void (*differs)(void *arg);
	void *arg;
	sd_event_source *timer;
	uint32_t *touched; /* links that events named, in any order; owned */
	size_t n_touched;
	bool all;        /* look at everything */
	uint64_t due_ns; /* when the timer is to fire */
	uint64_t rest_until_ns;
};

static void look_soon(struct mend *m, uint64_t delay_ns)
{
	uint64_t now = clock_now_ns(), at = now + delay_ns;
	int enabled = SD_EVENT_OFF;

	if (at < m->rest_until_ns)
		at = m->rest_until_ns;
	sd_event_source_get_enabled(m->timer, &enabled);
	if (enabled != SD_EVENT_OFF && m->due_ns <= at)
		return;
	m->due_ns = at;
	sd_event_source_set_time_relative(m->timer, (at - now) / NSEC_PER_USEC);
	sd_event_source_set_enabled(m->timer, SD_EVENT_ONESHOT);
}

static bool is_ifb(const struct tree *have, uint32_t ifindex, const struct tree_uplink **u)
{
	for (size_t i = 0; i < have->n_uplinks; i++) {
		*u = &have->uplinks[i];
		if (have->uplinks[i].ifb == ifindex)
			return true;
	}
	return false;
}

static void touch(struct mend *m, uint32_t ifindex, uint64_t delay_ns)
{
	bool known = m->all;

	for (size_t i = 0; i < m->n_touched && !known; i++)
		known = m->touched[i] == ifindex;
	if (m->n_touched == TOUCHED_MAX)
		m->all = true;
	else if (!known && array_reserve(&m->touched, m->n_touched, sizeof(*m->touched)) == 0)
		m->touched[m->n_touched++] = ifindex;
	look_soon(m, delay_ns);
}

void mend_tc(struct mend *m, uint32_t ifindex)
{
	const struct tree *have = &m->what->plane->have;
	const struct tree_uplink *u;

	if (tree_has_vnic(have, ifindex))
		touch(m, ifindex, VNIC_DELAY_NS);
	else if (is_ifb(have, ifindex, &u))
		touch(m, ifindex, IFB_DELAY_NS);
}

void mend_action(struct mend *m, const struct nlmsghdr *nlh)
{
	if (!m->what->plane->have.n_vnics || !filter_event_redirects(nlh))
		return;
	m->all = true;
	look_soon(m, VNIC_DELAY_NS);
}

void mend_link(struct mend *m, const struct nlmsghdr *nlh)
{
	const struct tree_uplink *u;
	struct ifinfomsg ifi;
	struct link l;

	if (nlh->nlmsg_len < NLMSG_LENGTH(sizeof(ifi)))
		return;
	memcpy(&ifi, NLMSG_DATA(nlh), sizeof(ifi));
	if (!is_ifb(&m->what->plane->have, (uint32_t)ifi.ifi_index, &u))
		return;
	if (nlh->nlmsg_type == RTM_DELLINK) {
		m->all = true; /* with it go the ends of filters */
		look_soon(m, IFB_DELAY_NS);
	} else if (link_parse(nlh, &l) >= 0 && ifb_differs(&l, u)) {
		touch(m, l.ifindex, IFB_DELAY_NS);
	}
}

static int compare_ifindex(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static int on_timer(sd_event_source *s, uint64_t usec, void *arg)
{
	struct mend *m = arg;
	uint64_t start = clock_now_ns(), end, rest;
	int r;

	(void)s, (void)usec;
	if (m->n_touched)
		qsort(m->touched, m->n_touched, sizeof(*m->touched), compare_ifindex);
	r = look(m->what, m->all || m->what->plane->stale ? NULL : m->touched, m->n_touched);
	m->all = false;
	m->n_touched = 0;
	if (r < 0)
		m->what->plane->stale = true; /* the second's timer tries again */
	if (r > 0)
		m->differs(m->arg);
	end = clock_now_ns();
	rest = REST_FACTOR * (end - start);
	rest = rest < REST_MIN_NS ? REST_MIN_NS : rest > REST_MAX_NS ? REST_MAX_NS : rest;
	m->rest_until_ns = end + rest;
	return 0;
}

int mend_open(struct mend **ret, sd_event *event, const struct look *what, void (*differs)(void *arg),
	      void *arg)
{
	struct mend *m = calloc(1, sizeof(*m));
	int r;

	if (!m)
		return -ENOMEM;
	*m = (struct mend){ .what = what, .differs = differs, .arg = arg };
	r = sd_event_add_time_relative(event, &m->timer, CLOCK_MONOTONIC, 0, TIMER_ACCURACY_US, on_timer,
				       m);
	if (r >= 0)
		r = sd_event_source_set_enabled(m->timer, SD_EVENT_OFF);
	if (r < 0) {
		mend_close(m);
		return r;
	}
	*ret = m;
	return 0;
}

struct mend *mend_close(struct mend *m)
{
	if (!m)
		return NULL;
	sd_event_source_disable_unref(m->timer);
	free(m->touched);
	free(m);
	return NULL;
}
