// SPDX-License-Identifier: GPL-2.0-or-later
#include "speedwatch.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "kernel/net/speednews.h"
#include "plan/ports.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A bond takes its members in one by one, and works out its speed right after each event. */
#define DELAY_US 20000
#define TIMER_ACCURACY_US 1000

struct speedwatch {
	struct speedwatch_ends ends;
	int fd; /* of speednews.h; below 0: there is none */
	bool any; /* a capacity of what runs is a part of a speed */
	sd_event_source *source, *timer;
};

static void log_speeds(const struct speedwatch *w)
{
	for (size_t i = 0; i < w->ends.speeds->n; i++) {
		const struct uplink_speed *s = &w->ends.speeds->list[i];

		if (s->told)
			log_notice("uplink %s: its speed is %.6g Mbit/s", s->uplink, (double)s->bits_ps / 1e6);
	}
}

void speedwatch_read(struct speedwatch *w)
{
	if (!w || !w->any || portspeed_read(w->ends.speeds, &w->ends.running->written, w->ends.host) <= 0)
		return;
	log_speeds(w);
	w->ends.changed(w->ends.arg);
}

static void read_soon(struct speedwatch *w)
{
	int enabled = SD_EVENT_OFF;

	sd_event_source_get_enabled(w->timer, &enabled);
	if (enabled != SD_EVENT_OFF)
		return;
	sd_event_source_set_time_relative(w->timer, DELAY_US);
	sd_event_source_set_enabled(w->timer, SD_EVENT_ONESHOT);
}

void speedwatch_link(struct speedwatch *w, const struct link *l)
{
	const struct model *m;

	if (!w || !w->any)
		return;
	m = &w->ends.running->written;
	for (size_t i = 0; i < m->n_nodes; i = model_end(m, i))
		if (m->nodes[i].of_link.ppm && (port_has_speed(l) || strcmp(l->name, m->nodes[i].name) == 0))
			read_soon(w);
}

void speedwatch_follow(struct speedwatch *w)
{
	const struct model *m = w ? &w->ends.running->written : NULL;

	if (!w)
		return;
	w->any = false;
	for (size_t i = 0; i < m->n_nodes && !w->any; i = model_end(m, i))
		w->any = m->nodes[i].of_link.ppm;
}

static int on_news(sd_event_source *s, int fd, uint32_t revents, void *arg)
{
	struct speedwatch *w = arg;

	(void)s, (void)revents;
	if (speednews_read(fd) > 0 && w->any)
		read_soon(w);
	return 0;
}

static int on_timer(sd_event_source *s, uint64_t usec, void *arg)
{
	(void)s, (void)usec;
	speedwatch_read(arg);
	return 0;
}

int speedwatch_open(struct speedwatch **ret, sd_event *event, const struct speedwatch_ends *ends)
{
	struct speedwatch *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;
	*w = (struct speedwatch){ .ends = *ends, .fd = speednews_open() };
	speedwatch_follow(w);
	r = sd_event_add_time_relative(event, &w->timer, CLOCK_MONOTONIC, 0, TIMER_ACCURACY_US, on_timer, w);
	if (r >= 0)
		r = sd_event_source_set_enabled(w->timer, SD_EVENT_OFF);
	if (r >= 0 && w->fd >= 0)
		r = sd_event_add_io(event, &w->source, w->fd, EPOLLIN, on_news, w);
	if (r < 0) {
		speedwatch_close(w);
		return r;
	}
	*ret = w;
	return 0;
}

struct speedwatch *speedwatch_close(struct speedwatch *w)
{
	if (!w)
		return NULL;
	sd_event_source_disable_unref(w->source);
	sd_event_source_disable_unref(w->timer);
	if (w->fd >= 0)
		close(w->fd);
	free(w);
	return NULL;
}
