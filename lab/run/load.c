/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TRAFFIC_TIMEOUT_MS 60000

static int append(void **array, size_t *n, const void *more, size_t n_more, size_t size)
{
	void *p;

	if (n_more == 0)
		return 0;
	p = realloc(*array, (*n + n_more) * size);
	if (!p)
		return -ENOMEM;
	memcpy((char *)p + *n * size, more, n_more * size);
	*array = p;
	*n += n_more;
	return 0;
}

/* Keep what a traffic said, and free it. */
static int hear(struct heard *h, struct traffic **t)
{
	struct video_recording video;
	struct traffic_result got;
	int r;

	if (!*t)
		return 0;
	traffic_get(*t, &got);
	r = append((void **)&h->intervals, &h->n_intervals, got.intervals, got.n_intervals,
		   sizeof(*got.intervals));
	if (r == 0)
		r = append((void **)&h->rtts, &h->n_rtts, got.rtts, got.n_rtts, sizeof(*got.rtts));
	h->rcvbuf_errors += got.rcvbuf_errors;
	if (r == 0 && traffic_take_video(*t, &video)) {
		r = append((void **)&h->videos, &h->n_videos, &video, 1, sizeof(video));
		if (r < 0)
			video_recording_free(&video);
	}
	*t = traffic_free(*t);
	return r;
}

/* Of those that are wanted to; NULL: all. */
static int stop(struct load *l, struct traffic **t, const bool *wanted, struct errtext *e)
{
	struct traffic *all[TOPO_VMS_MAX];
	size_t n = 0;
	int r;

	for (size_t i = 0; i < l->scenario->n_vms; i++)
		if (t[i] && (!wanted || wanted[i]))
			all[n++] = t[i];
	r = n ? traffic_stop_all(all, n, e) : 0;
	for (size_t i = 0; i < l->scenario->n_vms; i++) {
		int err = !wanted || wanted[i] ? hear(&l->heard[i], &t[i]) : 0;

		r = r < 0 ? r : err;
	}
	return r;
}

static int start(struct load *l, size_t i, struct traffic **t, const struct traffic_config *c,
		 struct errtext *e)
{
	const size_t of = l->scenario->vms[i].of;

	return traffic_start(t, &l->testbed->topo, (unsigned)of, l->testbed->vm[of], c, e);
}

int load_start_pings(struct load *l, struct errtext *e)
{
	const struct traffic_config ping = { .kind = TRAFFIC_PING };
	struct traffic *all[TOPO_VMS_MAX];
	size_t n = 0;

	for (size_t i = 0; i < l->scenario->n_vms; i++) {
		int r;

		if (!l->scenario->vms[i].ping)
			continue;
		r = start(l, i, &l->ping[i], &ping, e);
		if (r < 0)
			return r;
		all[n++] = l->ping[i];
	}
	return n ? traffic_wait_running(all, n, TRAFFIC_TIMEOUT_MS, e) : 0;
}

int load_enter(struct load *l, const struct scenario_phase *p, bool *started, struct errtext *e)
{
	struct traffic *all[TOPO_VMS_MAX];
	bool rests[TOPO_VMS_MAX] = {};
	size_t n = 0;
	int r;

	*started = false;
	for (size_t i = 0; i < l->scenario->n_vms; i++)
		rests[i] = !scenario_sends(l->scenario, p, i);
	r = stop(l, l->flood, rests, e);
	for (size_t i = 0; r == 0 && i < l->scenario->n_vms; i++) {
		if (rests[i] || l->flood[i])
			continue;
		r = start(l, i, &l->flood[i], &l->scenario->vms[i].traffic, e);
		if (r == 0)
			all[n++] = l->flood[i];
	}
	if (r < 0 || n == 0)
		return r;
	*started = true;
	return traffic_wait_running(all, n, TRAFFIC_TIMEOUT_MS, e);
}

int load_stop_floods(struct load *l, struct errtext *e)
{
	return stop(l, l->flood, NULL, e);
}

int load_stop(struct load *l, struct errtext *e)
{
	int r = stop(l, l->flood, NULL, e), err = stop(l, l->ping, NULL, r < 0 ? NULL : e);

	return r < 0 ? r : err;
}

bool load_running(const struct load *l, size_t vm, struct errtext *e)
{
	return !l->flood[vm] || traffic_running(l->flood[vm], e);
}

void load_free(struct load *l)
{
	for (size_t i = 0; i < TOPO_VMS_MAX; i++) {
		l->flood[i] = traffic_free(l->flood[i]);
		l->ping[i] = traffic_free(l->ping[i]);
	}
}
