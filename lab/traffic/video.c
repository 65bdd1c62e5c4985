/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "video.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "rtp.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A frame that is under way when the phase ends has so long to arrive. */
#define TAIL_NS (500 * NSEC_PER_MSEC)
/* Sequence numbers as rtp_extend() counts them: those from before the first one are not below 0. */
#define FIRST (65536U + CLIP_FIRST_SEQ)

const struct video_result video_none = {
	.loss_pct = (double)NAN, .jitter_ms = (double)NAN, .jitter_max_ms = (double)NAN, .late_p50_ms = (double)NAN,
	.late_p99_ms = (double)NAN, .late_max_ms = (double)NAN, .ssim = (double)NAN, .ssim_stream = (double)NAN,
	.ssim_unloaded = (double)NAN,
};

static uint64_t frame_of(const struct clip *c, uint64_t number)
{
	return number / c->n_packets * c->n_frames + c->packets[number % c->n_packets].frame;
}

int video_record(struct video_recording *v, const struct clip *c, const void *datagram, size_t n,
		 uint64_t at_ns)
{
	const struct clip_packet *p;
	struct rtp_header h;
	size_t at, size;
	uint64_t number;

	if (!v->highest)
		v->highest = FIRST;
	if (rtp_parse(datagram, n, &h, &at, &size) < 0)
		goto foreign;
	number = rtp_extend(&v->highest, h.seq) - FIRST;
	if (number > INT64_MAX)
		goto foreign; /* before the first */
	p = &c->packets[number % c->n_packets];
	if (h.timestamp != (uint32_t)(CLIP_FIRST_TIMESTAMP + frame_of(c, number) * CLIP_TICKS) ||
	    size != p->size || memcmp((const char *)datagram + at, c->data + p->offset, size) != 0)
		goto foreign;
	if (array_reserve(&v->a, v->n, sizeof(*v->a)) < 0)
		return -ENOMEM;
	v->a[v->n++] = (struct video_arrival){ .at_ns = at_ns, .number = number, .timestamp = h.timestamp };
	return 0;
foreign:
	v->foreign++;
	return -EBADMSG;
}

void video_recording_free(struct video_recording *v)
{
	free(v->a);
	*v = (struct video_recording){};
}

/* When the player's first packet would have come, had it been as quick as the quickest. */
static uint64_t begin_ns(const struct video_recording *v, const struct clip *c)
{
	uint64_t best = UINT64_MAX;

	for (size_t i = 0; i < v->n; i++) {
		uint64_t since = frame_of(c, v->a[i].number) * CLIP_FRAME_NS;

		if (v->a[i].at_ns - since < best)
			best = v->a[i].at_ns - since;
	}
	return best;
}

static int choose(const struct clip *c, uint64_t begin, struct window steady, struct video_frames *out)
{
	uint64_t first, end;

	if (steady.to_ns < begin + TAIL_NS || steady.to_ns - TAIL_NS <= steady.from_ns)
		return -ENODATA;
	first = steady.from_ns <= begin ? 0 : (steady.from_ns - begin + CLIP_FRAME_NS - 1) / CLIP_FRAME_NS;
	end = (steady.to_ns - TAIL_NS - begin) / CLIP_FRAME_NS;
	if (end <= first)
		return -ENODATA;
	*out = (struct video_frames){ .first = first, .n = end - first };
	if (out->n > c->n_frames)
		out->n -= out->n % c->n_frames;
	return 0;
}

/* The number of the first packet of a frame. */
static uint64_t first_packet(const struct clip *c, uint64_t frame)
{
	uint64_t k = 0;

	while (c->packets[k].frame < frame % c->n_frames)
		k++;
	return frame / c->n_frames * c->n_packets + k;
}

struct range64 {
	uint64_t from, to;
};

/* Jitter and lateness, over arrivals of these packets. -ENODATA is not an error here: all are lost. */
static int measure_times(const struct video_recording *v, const struct clip *c, uint64_t begin,
			 struct range64 packets, struct video_result *out)
{
	_cleanup_free_ uint64_t *late = malloc((v->n + 1) * sizeof(*late));
	struct rtp_jitter jitter = {};
	double sum = 0, max = 0;
	size_t n = 0;

	if (!late)
		return -ENOMEM;
	for (size_t i = 0; i < v->n; i++) {
		const struct video_arrival *a = &v->a[i];
		double ms = rtp_jitter_add(&jitter, CLIP_CLOCK, a->at_ns, a->timestamp) * 1e3 / CLIP_CLOCK;

		if (a->number < packets.from || a->number >= packets.to)
			continue;
		sum += ms;
		max = fmax(max, ms);
		late[n++] = a->at_ns - begin - frame_of(c, a->number) * CLIP_FRAME_NS;
	}
	if (n == 0)
		return 0;
	measure_ascending(late, n);
	out->jitter_ms = sum / (double)n;
	out->jitter_max_ms = max;
	out->late_p50_ms = (double)measure_quantile(late, n, 0.5) / 1e6;
	out->late_p99_ms = (double)measure_quantile(late, n, 0.99) / 1e6;
	out->late_max_ms = (double)late[n - 1] / 1e6;
	return 0;
}

/* got[k]: packet k since the player's first came, k < n. The caller's to free. */
static bool *what_came(const struct video_recording *v, uint64_t n)
{
	bool *got = calloc(n + 1, sizeof(*got));

	for (size_t i = 0; got && i < v->n; i++)
		if (v->a[i].number < n)
			got[v->a[i].number] = true;
	return got;
}

static uint64_t count_damaged(const struct clip *c, const bool *got, struct range64 packets)
{
	uint64_t damaged = 0;
	bool whole = true;

	for (uint64_t k = packets.from; k < packets.to; k++) {
		whole &= got[k];
		if (!c->packets[k % c->n_packets].last)
			continue;
		damaged += !whole;
		whole = true;
	}
	return damaged;
}

int video_measure(const struct video_recording *v, const struct clip *c, struct window steady,
		  struct video_frames *frames, struct video_result *out)
{
	uint64_t begin = begin_ns(v, c);
	_cleanup_free_ bool *got = NULL;
	struct video_frames f;
	struct video_result r = video_none;
	struct range64 packets;
	int err;

	if (v->n == 0)
		return -ENODATA;
	err = choose(c, begin, steady, &f);
	if (err < 0)
		return err;
	packets = (struct range64){ first_packet(c, f.first), first_packet(c, f.first + f.n) };
	got = what_came(v, packets.to);
	if (!got)
		return -ENOMEM;
	err = measure_times(v, c, begin, packets, &r);
	if (err < 0)
		return err;
	r.there = true;
	r.packets = packets.to - packets.from;
	for (uint64_t k = packets.from; k < packets.to; k++)
		r.lost += !got[k];
	r.loss_pct = 100 * (double)r.lost / (double)r.packets;
	r.frames = f.n;
	r.damaged = count_damaged(c, got, packets);
	memcpy(r.player, v->player, sizeof(r.player));
	*frames = f;
	*out = r;
	return 0;
}

/* --- SSIM ------------------------------------------------------------------------------------------ */

double video_mean_ssim(const char *stats, size_t all, size_t first, size_t n)
{
	size_t lines = 0, frame;
	double sum = 0;

	for (const char *p = stats; (p = strchr(p, '\n')); p++)
		lines++;
	frame = all > lines ? all - lines : 0;
	for (const char *p = stats; p && *p; frame++) {
		const char *end = strchr(p, '\n'), *at = strstr(p, "All:");
		double v = 0;

		if (frame >= first && frame < first + n && at && (!end || at < end) &&
		    sscanf(at, "All:%lf", &v) == 1)
			sum += v;
		p = end ? end + 1 : NULL;
	}
	return n ? sum / (double)n : (double)NAN;
}

/*
 * Both comparisons in one go. The filter takes, for each frame of its first input, the latest of its second,
 * which is what a viewer sees.
 */
#define COMPARE "ffmpeg -nostdin -loglevel quiet -stream_loop %zu -threads 1 -i %s -threads 1 -i %s/sent.ivf -threads 1 " \
	"-i %s/came.ivf -lavfi [0:v]trim=end_frame=%zu[source];[2:v]split[a][b];" \
	"[source][a]ssim=stats_file=%s/ssim[x];[1:v][b]ssim=stats_file=%s/ssim_stream[y] " \
	"-map [x] -f null - -map [y] -f null -"

static int read_stats(const char *dir, const char *name, char **text, struct errtext *e)
{
	char path[100];
	int r;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	r = proc_read_ns(NULL, path, text);
	return r < 0 ? errtext_set(e, r, "ffmpeg wrote no %s: %s", name, strerror(-r)) : 0;
}

static int compare(const char *dir, const struct clip *c, const struct clip_files *files, const bool *got,
		   size_t skip, struct video_frames f, double *ssim, double *ssim_stream, struct errtext *e)
{
	_cleanup_free_ char *source = NULL, *stream = NULL;
	size_t all = f.first - skip + f.n;
	char sent[100], came[100];
	int r;

	snprintf(sent, sizeof(sent), "%s/sent.ivf", dir);
	snprintf(came, sizeof(came), "%s/came.ivf", dir);
	r = clip_write_ivf(c, all, NULL, sent);
	if (r == 0)
		r = clip_write_ivf(c, all, got + skip / c->n_frames * c->n_packets, came);
	if (r < 0)
		return errtext_set(e, r, "%s: %s", dir, strerror(-r));
	r = proc_run(NULL, NULL, e, COMPARE, all / c->n_frames, files->source, dir, dir, all, dir, dir);
	if (r == 0)
		r = read_stats(dir, "ssim", &source, e);
	if (r == 0)
		r = read_stats(dir, "ssim_stream", &stream, e);
	if (r != 0)
		return r;
	*ssim = video_mean_ssim(source, all, f.first - skip, f.n);
	*ssim_stream = video_mean_ssim(stream, all, f.first - skip, f.n);
	return 0;
}

int video_quality(const struct video_recording *v, const struct clip *c, const struct clip_files *files,
		  struct video_frames frames, double *ssim, double *ssim_stream, struct errtext *e)
{
	/*
	 * A round before, for what a frozen picture may be left from; the decoder begins with the IDR frame
	 * there.
	 */
	size_t rounds = frames.first / c->n_frames, skip = rounds ? (rounds - 1) * c->n_frames : 0;
	_cleanup_free_ bool *got = what_came(v, first_packet(c, frames.first + frames.n));
	char dir[] = "/tmp/divvy-lab-video-XXXXXX";
	bool any = false;
	int r;

	if (!got)
		return errtext_set(e, -ENOMEM, "out of memory");
	for (uint64_t k = first_packet(c, skip); k < first_packet(c, frames.first + frames.n); k++)
		any |= got[k];
	if (!any) {
		*ssim = *ssim_stream = 0;
		return 0;
	}
	if (!mkdtemp(dir))
		return errtext_set(e, -errno, "%s: %s", dir, strerror(errno));
	r = compare(dir, c, files, got, skip, frames, ssim, ssim_stream, e);
	proc_run(NULL, NULL, NULL, "rm -rf %s", dir);
	return r;
}
