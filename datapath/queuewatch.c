// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Theory of Operation
 *
 * A guest that uses more queues makes its VMM attach them one after the other. The first news starts a timer, and
 * until that fires nothing is read. Then all that has come is read, and each vNIC that was named is set once. The
 * timer's next round begins REST_FACTOR times as long after this one as this one took, as in mend.c: a guest that
 * attaches queues as fast as it can costs at most one part in REST_FACTOR of a core, and its queues have no limit for
 * at most REST_MAX_NS and DELAY_NS.
 */
#include "queuewatch.h"

#include "base/array.h"
#include "base/clock.h"
#include "kernel/net/queuenews.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define DELAY_NS (10 * NSEC_PER_MSEC)
#define REST_FACTOR 25
#define REST_MIN_NS (100 * NSEC_PER_MSEC)
#define REST_MAX_NS (800 * NSEC_PER_MSEC)
#define TIMER_ACCURACY_US 1000

struct name {
	char nic[IFNAMSIZ];
};

struct queuewatch {
	struct backpressure *held;
	const struct plan *running;
	int fd;
	sd_event_source *source, *timer;
	uint64_t rest_until_ns;
	struct name *named; /* in this round; owned */
	size_t n_named;
	bool all; /* not all names are known */
};

static void on_found(const char *nic, void *arg)
{
	struct queuewatch *q = arg;

	for (size_t i = 0; i < q->n_named; i++)
		if (strcmp(q->named[i].nic, nic) == 0)
			return;
	if (array_reserve(&q->named, q->n_named, sizeof(*q->named)) < 0)
		q->all = true;
	else
		snprintf(q->named[q->n_named++].nic, IFNAMSIZ, "%s", nic);
}

static int on_news(sd_event_source *s, int fd, uint32_t revents, void *arg)
{
	struct queuewatch *q = arg;
	uint64_t now = clock_now_ns(), at = now + DELAY_NS;

	(void)fd, (void)revents;
	at = at < q->rest_until_ns ? q->rest_until_ns : at;
	sd_event_source_set_enabled(s, SD_EVENT_OFF);
	sd_event_source_set_time_relative(q->timer, (at - now) / NSEC_PER_USEC);
	sd_event_source_set_enabled(q->timer, SD_EVENT_ONESHOT);
	return 0;
}

static int on_timer(sd_event_source *s, uint64_t usec, void *arg)
{
	struct queuewatch *q = arg;
	const struct plan *p = q->running;
	uint64_t start = clock_now_ns(), rest;

	(void)s, (void)usec;
	q->n_named = 0;
	q->all = false;
	q->all |= queuenews_read(q->fd, on_found, q) < 0;
	if (q->all)
		backpressure_queues(q->held, &p->tree, p->bindings, NULL);
	for (size_t i = 0; i < q->n_named && !q->all; i++)
		backpressure_queues(q->held, &p->tree, p->bindings, q->named[i].nic);
	rest = REST_FACTOR * (clock_now_ns() - start);
	rest = rest < REST_MIN_NS ? REST_MIN_NS : rest > REST_MAX_NS ? REST_MAX_NS : rest;
	q->rest_until_ns = clock_now_ns() + rest;
	sd_event_source_set_enabled(q->source, SD_EVENT_ON);
	return 0;
}

int queuewatch_open(struct queuewatch **ret, sd_event *event, struct backpressure *b, const struct plan *running)
{
	struct queuewatch *q = calloc(1, sizeof(*q));
	int r;

	if (!q)
		return -ENOMEM;
	*q = (struct queuewatch){ .held = b, .running = running };
	r = q->fd = queuenews_open();
	if (r >= 0)
		r = sd_event_add_io(event, &q->source, q->fd, EPOLLIN, on_news, q);
	if (r >= 0)
		r = sd_event_add_time_relative(event, &q->timer, CLOCK_MONOTONIC, 0, TIMER_ACCURACY_US, on_timer, q);
	if (r >= 0)
		r = sd_event_source_set_enabled(q->timer, SD_EVENT_OFF);
	if (r < 0) {
		queuewatch_close(q);
		return r;
	}
	*ret = q;
	return 0;
}

struct queuewatch *queuewatch_close(struct queuewatch *q)
{
	if (!q)
		return NULL;
	sd_event_source_disable_unref(q->source);
	sd_event_source_disable_unref(q->timer);
	if (q->fd >= 0)
		close(q->fd);
	free(q->named);
	free(q);
	return NULL;
}
