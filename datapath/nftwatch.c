// SPDX-License-Identifier: GPL-2.0-or-later
#include "nftwatch.h"

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "hurdles.h"
#include "kernel/net/nft.h"

#include <errno.h>
#include <string.h>

#define SETTLE_US 50000 /* a script changes chain after chain */
/* Of a ruleset that changes all the time divvyd reads at most a tenth of the time, but once a second. */
#define SETTLE_FACTOR 10
#define SETTLE_MAX_US 1000000
#define ACCURACY_US 1000
#define DRAIN_MAX 4096 /* calls of nft_events_read(), of some dozens of events each */

struct nftwatch {
	const struct host *host;
	const struct hurdle_list *known;
	void (*changed)(void *arg);
	void *arg;
	int fd;
	uint64_t read_us; /* how long the latest look took */
	sd_event_source *events, *settle;
};

/* What has gathered while nothing was read says no more than the look that follows. */
static void drain(struct nftwatch *w)
{
	bool more = true;

	for (int i = 0; i < DRAIN_MAX && more; i++)
		if (nft_events_read(w->fd, &more) < 0)
			return;
}

static int on_settled(sd_event_source *s, uint64_t usec, void *arg)
{
	_cleanup_(hurdle_list_freep) struct hurdle_list now = { 0 };
	struct nftwatch *w = arg;
	uint64_t start = clock_now_ns();
	int err;

	(void)s, (void)usec;
	drain(w);
	sd_event_source_set_enabled(w->events, SD_EVENT_ON);
	err = hurdles_read(w->host, &now);
	w->read_us = (clock_now_ns() - start) / NSEC_PER_USEC;
	if (err < 0 || !hurdle_list_same(&now, w->known))
		w->changed(w->arg);
	return 0;
}

/* Until then no event is read: a ruleset that changes thousands of times a second costs nothing. */
static void settle(struct nftwatch *w)
{
	uint64_t us = w->read_us * SETTLE_FACTOR;

	us = us < SETTLE_US ? SETTLE_US : us > SETTLE_MAX_US ? SETTLE_MAX_US : us;
	sd_event_source_set_enabled(w->events, SD_EVENT_OFF);
	sd_event_source_set_time_relative(w->settle, us);
	sd_event_source_set_enabled(w->settle, SD_EVENT_ONESHOT);
}

static int on_events(sd_event_source *s, int fd, uint32_t revents, void *arg)
{
	struct nftwatch *w = arg;
	bool changed = false;
	int err = nft_events_read(fd, &changed);

	(void)s, (void)revents;
	if (err < 0) {
		log_error("changes of nft's ruleset are no longer heard: %s", strerror(-err));
		sd_event_source_set_enabled(w->events, SD_EVENT_OFF);
	} else if (changed) {
		settle(w);
	}
	return 0;
}

int nftwatch_open(struct nftwatch **ret, sd_event *event, const struct host *host,
		  const struct hurdle_list *known, void (*changed)(void *arg), void *arg)
{
	struct nftwatch *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;
	*w = (struct nftwatch){ .host = host, .known = known, .changed = changed, .arg = arg, .fd = -1 };
	r = nft_events_open(&w->fd);
	if (r < 0) {
		if (r != -EPROTONOSUPPORT)
			log_warning("cannot hear of changes of nft's ruleset (%s): hooks that appear later are not found",
				strerror(-r));
		nftwatch_close(w);
		return 0;
	}
	r = sd_event_add_io(event, &w->events, w->fd, EPOLLIN, on_events, w);
	if (r >= 0)
		r = sd_event_add_time_relative(event, &w->settle, CLOCK_MONOTONIC, 0, ACCURACY_US,
					       on_settled, w);
	if (r >= 0)
		r = sd_event_source_set_enabled(w->settle, SD_EVENT_OFF);
	if (r < 0) {
		nftwatch_close(w);
		return r;
	}
	*ret = w;
	return 0;
}

void nftwatch_close(struct nftwatch *w)
{
	if (!w)
		return;
	sd_event_source_disable_unref(w->events);
	sd_event_source_disable_unref(w->settle);
	closep(&w->fd);
	free(w);
}

bool nftwatch_answers_again(const struct host *host, const struct hurdle_list *known)
{
	_cleanup_(hurdle_list_freep) struct hurdle_list now = { 0 };

	return known->error < 0 && hurdles_read(host, &now) >= 0 && now.error >= 0;
}
