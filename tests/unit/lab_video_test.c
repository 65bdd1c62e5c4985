/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The clip and what is said of its arrival. Tests that need ffmpeg are skipped without it. */

#include "lab/traffic/clip.h"
#include "lab/traffic/rtp.h"
#include "lab/traffic/video.h"

#include "base/cleanup.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define MS NSEC_PER_MSEC
#define S NSEC_PER_SEC
#define BEGIN (100 * S) /* the player's first packet comes */

/* Frames of several slices; parameter sets before the first of them; the last NAL unit ends with the data. */
static const uint8_t annex_b[] = {
	0, 0, 0, 1, 0x67, 1, 2,    /* 0: SPS, frame 0 */
	0, 0, 0, 1, 0x68, 3,       /* 1: PPS */
	0, 0, 1,    0x65, 0x80, 4, /* 2: IDR slice, first macroblock */
	0, 0, 1,    0x65, 0x40, 5, /* 3: a further slice */
	0, 0, 0, 1, 0x61, 0x9a, 6, /* 4: frame 1 */
	0, 0, 1,    0x61, 0x20, 7, /* 5 */
	0, 0, 0, 1, 0x06, 8,       /* 6: SEI, frame 2 */
	0, 0, 1,    0x61, 0x9a, 9, /* 7 */
};

static void cut(struct clip *c, const uint8_t *data, size_t n)
{
	uint8_t *copy = malloc(n);

	memcpy(copy, data, n);
	assert_int_equal(clip_cut(c, copy, n, NULL), 0);
}

static void test_cut(void **state)
{
	(void)state;
	static const uint16_t sizes[] = { 3, 2, 3, 3, 3, 3, 2, 3 }, frames[] = { 0, 0, 0, 0, 1, 1, 2, 2 };
	_cleanup_(clip_free) struct clip c = {};
	uint8_t none[] = { 1, 2, 3, 0, 0 }, big[1500] = { 0, 0, 1, 0x61, 0x80 };

	cut(&c, annex_b, sizeof(annex_b));
	assert_int_equal(c.n_packets, 8);
	assert_int_equal(c.n_frames, 3);
	for (size_t i = 0; i < 8; i++) {
		assert_int_equal(c.packets[i].size, sizes[i]);
		assert_int_equal(c.packets[i].frame, frames[i]);
		assert_int_equal(c.packets[i].last, i == 3 || i == 5 || i == 7);
	}
	assert_int_equal(c.data[c.packets[7].offset + 2], 9);
	assert_int_equal(clip_cut(&c, none, sizeof(none), NULL), -EBADMSG);
	memset(big + 5, 1, sizeof(big) - 5);
	assert_int_equal(clip_cut(&c, big, sizeof(big), NULL), -EBADMSG);
}

static uint8_t *slurp(const char *path, size_t *n)
{
	FILE *f = fopen(path, "r");
	uint8_t *buf = malloc(1 << 20);

	assert_non_null(f);
	*n = fread(buf, 1, 1 << 20, f);
	fclose(f);
	return buf;
}

/* Two rounds without packets 4, 5 (frame 1) and, in the second round, 9 (part of frame 3). */
static void test_ivf(void **state)
{
	(void)state;
	_cleanup_(clip_free) struct clip c = {};
	bool got[16];
	static const struct {
		uint32_t size;
		uint64_t at;
	} want[] = {
		{ 6 + 4 * 4 + 11, 0 }, { 2 * 4 + 5, 2 }, { 3 * 4 + 9, 3 }, { 2 * 4 + 6, 4 }, { 2 * 4 + 5, 5 }
	};
	char path[] = "/tmp/lab_video_test-XXXXXX";
	size_t n, at = 32;
	uint8_t *f;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	close(fd);
	cut(&c, annex_b, sizeof(annex_b));
	memset(got, true, sizeof(got));
	got[4] = got[5] = got[9] = false;
	assert_int_equal(clip_write_ivf(&c, 6, got, path), 0);
	f = slurp(path, &n);
	assert_memory_equal(f, "DKIF\0\0\40\0H264", 12);
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		uint32_t size;
		uint64_t time;

		memcpy(&size, f + at, 4);
		memcpy(&time, f + at + 4, 8);
		assert_int_equal(size, want[i].size);
		assert_int_equal(time, want[i].at);
		assert_memory_equal(f + at + 12, "\0\0\0\1", 4);
		at += 12 + size;
	}
	assert_int_equal(at, n);
	free(f);
	unlink(path);
}

/* --- what a receiver gets ---------------------------------------------------------------------------- */

/* 125 frames, each of 3 packets. */
static void make_clip(struct clip *c)
{
	uint8_t data[CLIP_FRAMES * 3 * 8], *p = data;

	for (unsigned k = 0; k < CLIP_FRAMES * 3; k++) {
		const uint8_t nal[] = { 0, 0, 1, 0x61, (uint8_t)(k % 3 ? 0x20 : 0x80), (uint8_t)(k % 200 + 1),
					(uint8_t)(k / 200 + 1), 0x80 };

		memcpy(p, nal, sizeof(nal));
		p += sizeof(nal);
	}
	cut(c, data, sizeof(data));
	assert_int_equal(c->n_frames, CLIP_FRAMES);
	assert_int_equal(c->n_packets, CLIP_FRAMES * 3);
}

static size_t datagram(const struct clip *c, uint64_t number, uint8_t out[64])
{
	const struct clip_packet *p = &c->packets[number % c->n_packets];
	uint64_t frame = number / c->n_packets * c->n_frames + p->frame;
	struct rtp_header h = { 96, p->last, (uint16_t)(CLIP_FIRST_SEQ + number),
				(uint32_t)(CLIP_FIRST_TIMESTAMP + frame * CLIP_TICKS), 1 };

	rtp_write(&h, out);
	memcpy(out + RTP_HEADER, c->data + p->offset, p->size);
	return RTP_HEADER + p->size;
}

static int arrive(struct video_recording *v, const struct clip *c, uint64_t number, uint64_t late_ns)
{
	uint8_t buf[64];
	size_t n = datagram(c, number, buf);

	return video_record(v, c, buf, n, BEGIN + number / 3 * CLIP_FRAME_NS + number % 3 * 100000 + late_ns);
}

static void test_all_came(void **state)
{
	(void)state;
	_cleanup_(video_recording_free) struct video_recording v = {};
	_cleanup_(clip_free) struct clip c = {};
	struct video_frames f = {};
	struct video_result r = {};

	make_clip(&c);
	assert_int_equal(video_measure(&v, &c, (struct window){ 0, BEGIN }, &f, &r), -ENODATA);
	for (uint64_t k = 0; k < 20 * 25 * 3; k++)
		assert_int_equal(arrive(&v, &c, k, 0), 0);
	assert_int_equal(video_measure(&v, &c, (struct window){ BEGIN + 2 * S + 1, BEGIN + 18 * S }, &f, &r), 0);
	assert_int_equal(f.first, 51);
	assert_int_equal(f.n, 375); /* three rounds are whole in 15.5 s */
	assert_int_equal(r.packets, 375 * 3);
	assert_int_equal(r.lost, 0);
	assert_int_equal(r.damaged, 0);
	assert_true(r.jitter_ms > 0.05 && r.jitter_max_ms < 0.2); /* three in 0.2 ms with one timestamp */
	assert_true(r.late_max_ms < 0.21);
	/* No time for a round: what there is. */
	assert_int_equal(video_measure(&v, &c, (struct window){ BEGIN + 2 * S, BEGIN + 5 * S }, &f, &r), 0);
	assert_int_equal(f.n, 62);
	assert_int_equal(video_measure(&v, &c, (struct window){ BEGIN + 2 * S, BEGIN + 2 * S }, &f, &r),
			 -ENODATA);
}

/* Against a count of its own: loss, reordering, duplicates, strangers. */
static void test_brute(void **state)
{
	(void)state;
	_cleanup_(clip_free) struct clip c = {};

	make_clip(&c);
	srand(9);
	for (int turn = 0; turn < 50; turn++) {
		_cleanup_(video_recording_free) struct video_recording v = {};
		enum { N = 20 * 25 * 3 };
		unsigned loss = (unsigned)rand() % 100;
		uint64_t lost = 0, damaged = 0, foreign = 0;
		struct video_frames f = {};
		struct video_result r = {};
		bool came[N] = {};

		arrive(&v, &c, 0, 0);
		came[0] = true;
		for (uint64_t k = 1; k + 20 < N; k++) {
			uint64_t which = k + (uint64_t)rand() % 20;

			if ((unsigned)rand() % 100 >= loss &&
			    arrive(&v, &c, which, (uint64_t)rand() % MS) == 0)
				came[which] = true;
			if (rand() % 20 == 0)
				arrive(&v, &c, k - 1, 30 * MS) == 0 ? came[k - 1] = true : false;
			if (rand() % 100 == 0) {
				uint8_t buf[64];
				size_t n = datagram(&c, k, buf);

				buf[rand() % 2 ? n - 1 : 5] ^= 1; /* the payload, or the timestamp */
				assert_int_equal(video_record(&v, &c, buf, n, BEGIN), -EBADMSG);
				foreign++;
			}
		}
		assert_int_equal(video_measure(&v, &c, (struct window){ BEGIN + 2 * S, BEGIN + 18 * S }, &f, &r), 0);
		for (uint64_t k = f.first; k < f.first + f.n; k++) {
			unsigned there = came[3 * k] + came[3 * k + 1] + came[3 * k + 2];

			lost += 3 - there;
			damaged += there < 3;
		}
		assert_int_equal(r.lost, lost);
		assert_int_equal(r.damaged, damaged);
		assert_int_equal(v.foreign, foreign);
		assert_true(r.late_max_ms < 60 && r.late_p50_ms <= r.late_p99_ms);
	}
}

static void test_before_the_first(void **state)
{
	(void)state;
	_cleanup_(video_recording_free) struct video_recording v = {};
	_cleanup_(clip_free) struct clip c = {};

	make_clip(&c);
	assert_int_equal(arrive(&v, &c, (uint64_t)-1, 0), -EBADMSG);
	assert_int_equal(v.n, 0);
	/* The first ones are lost, over the wrap of the sequence number. */
	assert_int_equal(arrive(&v, &c, 700, 0), 0);
	assert_int_equal(v.a[0].number, 700);
	assert_int_equal(arrive(&v, &c, 0, 0), 0);
	assert_int_equal(v.a[1].number, 0);
}

static void test_mean_ssim(void **state)
{
	(void)state;
	const char *stats =
		"n:1 Y:0.1 U:0.2 V:0.3 All:0.5 (3.0)\nn:2 Y:1 U:1 V:1 All:1.0 (inf)\nn:3 Y:0 All:0.75 (6)\n";

	assert_true(fabs(video_mean_ssim(stats, 3, 0, 3) - 0.75) < 1e-12);
	assert_true(fabs(video_mean_ssim(stats, 3, 1, 2) - 0.875) < 1e-12);
	/* The first two frames have no line. */
	assert_true(fabs(video_mean_ssim(stats, 5, 1, 2) - 0.25) < 1e-12);
	assert_true(video_mean_ssim("", 5, 0, 5) == 0);
}

/* --- with ffmpeg ------------------------------------------------------------------------------------- */

#define WITH_FFMPEG 2 /* tests, at the end of the list */

struct made {
	char dir[40];
	struct clip c;
	struct clip_files files;
	bool there;
};

static bool has_ffmpeg(void)
{
	return proc_run(NULL, NULL, NULL, "ffmpeg -version") == 0;
}

static int set_up(void **state)
{
	static struct made m;
	struct errtext e;
	int r;

	*state = &m;
	if (!has_ffmpeg())
		return 0;
	strcpy(m.dir, "/tmp/lab_video_test-XXXXXX");
	if (!mkdtemp(m.dir))
		return -1;
	r = clip_make(m.dir, &m.c, &m.files, &e);
	if (r < 0)
		fprintf(stderr, "# %s\n", e.text);
	m.there = r == 0;
	return r;
}

static int tear_down(void **state)
{
	struct made *m = *state;

	clip_free(&m->c);
	if (m->there)
		proc_run(NULL, NULL, NULL, "rm -rf %s", m->dir);
	return 0;
}

static void test_made(void **state)
{
	const struct made *m = *state;
	_cleanup_(clip_free) struct clip again = {};
	struct stat before, after;
	struct clip_files files;
	double mbps = (double)m->c.size * 8e-6 / (CLIP_FRAMES / CLIP_RATE);

	assert_int_equal(m->c.n_frames, CLIP_FRAMES);
	assert_true(mbps > 4 && mbps < 6);
	assert_true(m->c.n_packets > CLIP_FRAMES);
	assert_int_equal(stat(m->files.source, &before), 0);
	assert_int_equal(clip_make(m->dir, &again, &files, NULL), 0);
	assert_int_equal(stat(m->files.source, &after), 0);
	assert_true(before.st_mtim.tv_sec == after.st_mtim.tv_sec &&
		    before.st_mtim.tv_nsec == after.st_mtim.tv_nsec);
	assert_int_equal(again.n_packets, m->c.n_packets);
}

/* All packets up to `frames` frames but those for which lose(k) is true. */
static void record(const struct clip *c, struct video_recording *v, uint64_t frames, bool (*lose)(uint64_t k))
{
	uint64_t n = frames / c->n_frames * c->n_packets;

	for (uint64_t k = 0; k < n; k++) {
		uint64_t frame = k / c->n_packets * c->n_frames + c->packets[k % c->n_packets].frame;
		struct video_arrival *a;

		if (lose(k))
			continue;
		a = realloc(v->a, (v->n + 1) * sizeof(*a));
		assert_non_null(a);
		v->a = a;
		a[v->n++] = (struct video_arrival){ BEGIN + frame * CLIP_FRAME_NS, k,
						    (uint32_t)(frame * CLIP_TICKS) };
	}
}

static bool none(uint64_t k)
{
	(void)k;
	return false;
}

static bool one_percent(uint64_t k)
{
	return k % 100 == 37;
}

static bool second_half(uint64_t k)
{
	return k > 4000;
}

static bool the_first(uint64_t k)
{
	return k < 1000;
}

static void quality(const struct made *m, bool (*lose)(uint64_t k), struct video_frames f, double *ssim,
		    double *stream)
{
	_cleanup_(video_recording_free) struct video_recording v = {};
	struct errtext e = { "" };

	record(&m->c, &v, 375, lose);
	if (video_quality(&v, &m->c, &m->files, f, ssim, stream, &e) < 0)
		fail_msg("%s", e.text);
}

static void test_quality(void **state)
{
	const struct made *m = *state;
	double whole, whole_stream, ssim, stream;

	/* Everything came: the stream is what was sent, the picture what the encoder left of it. */
	quality(m, none, (struct video_frames){ 0, 375 }, &whole, &whole_stream);
	assert_true(whole_stream == 1);
	assert_true(whole > 0.95 && whole < 0.999);
	/* Whole rounds of the clip are the same pictures, wherever they begin. */
	quality(m, none, (struct video_frames){ 131, 125 }, &ssim, &stream);
	assert_true(stream == 1 && fabs(ssim - whole) < 1e-6);
	/* One packet in a hundred lost is seen. */
	quality(m, one_percent, (struct video_frames){ 131, 125 }, &ssim, &stream);
	assert_true(stream < 0.99 && ssim < whole - 0.01 && ssim > 0.3);
	/* Nothing more comes: the picture stays as it is. */
	quality(m, second_half, (struct video_frames){ 300, 75 }, &ssim, &stream);
	assert_true(stream > 0.05 && stream < 0.9);
	/* The beginning is missing: 0 until the first IDR frame, then right in time. */
	quality(m, the_first, (struct video_frames){ 0, 125 }, &ssim, &stream);
	assert_true(stream < 0.7);
	quality(m, the_first, (struct video_frames){ 100, 125 }, &ssim, &stream);
	assert_true(stream > 0.99);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_ivf),
		cmocka_unit_test(test_all_came),
		cmocka_unit_test(test_brute),
		cmocka_unit_test(test_before_the_first),
		cmocka_unit_test(test_mean_ssim),
		/* with ffmpeg, the last WITH_FFMPEG: it is not among what "make check" installs */
		cmocka_unit_test(test_made),
		cmocka_unit_test(test_quality),
	};
	size_t n = sizeof(tests) / sizeof(tests[0]);

	cmocka_set_message_output(CM_OUTPUT_TAP);
	if (!has_ffmpeg()) {
		n -= WITH_FFMPEG;
		printf("# no ffmpeg: the tests of the clip's pictures are left out\n");
	}
	return _cmocka_run_group_tests("video", tests, n, set_up, tear_down);
}
