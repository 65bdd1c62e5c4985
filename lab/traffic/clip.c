/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The clip's streams and files, without its making (clip_make.c). */

#include "clip.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "rtp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SSRC 0x64767679U
#define PAYLOAD_TYPE 96 /* the first dynamic one (RFC 3551 6) */

/* nal_unit_type (ITU-T H.264 table 7-1) */
enum { NAL_SLICE = 1, NAL_IDR = 5, NAL_SEI = 6, NAL_SPS = 7, NAL_PPS = 8, NAL_DELIMITER = 9 };

/* --- cutting --- */

/* The next start code 00 00 01 from p on, or end. */
static const uint8_t *start_code(const uint8_t *p, const uint8_t *end)
{
	for (; end - p >= 3; p++)
		if (p[0] == 0 && p[1] == 0 && p[2] == 1)
			return p;
	return end;
}

static bool is_slice(uint8_t type)
{
	return type == NAL_SLICE || type == NAL_IDR;
}

/*
 * Whether this unit begins a frame after one with slices (H.264 7.4.1.2.3): a parameter set, SEI or
 * delimiter, or the slice of the first macroblock, whose first_mb_in_slice is 0: one bit 1, exp-Golomb coded.
 */
static bool begins_frame(const uint8_t *nal, size_t size)
{
	uint8_t type = nal[0] & 0x1f;

	return (type >= NAL_SEI && type <= NAL_DELIMITER) || (is_slice(type) && size > 1 && nal[1] & 0x80);
}

int clip_cut(struct clip *out, uint8_t *data, size_t size, struct errtext *e)
{
	_cleanup_(clip_free) struct clip c = {};
	const uint8_t *end = data + size, *p = start_code(data, end);
	bool slices = false;

	while (p < end) {
		const uint8_t *nal = p + 3, *next = start_code(nal, end), *stop = next;

		/* Zeros before a start code belong to it (annex B: trailing_zero_8bits, zero_byte). */
		while (stop > nal && stop[-1] == 0)
			stop--;
		if (stop == nal || stop - nal > CLIP_NAL_MAX)
			return errtext_set(e, -EBADMSG, "a NAL unit of %zu bytes, expected 1..%d",
					   (size_t)(stop - nal), CLIP_NAL_MAX);
		if (c.n_packets == 0 || (slices && begins_frame(nal, (size_t)(stop - nal)))) {
			if (c.n_packets)
				c.packets[c.n_packets - 1].last = true;
			c.n_frames++;
			slices = false;
		}
		slices |= is_slice(nal[0] & 0x1f);
		if (c.n_frames > UINT16_MAX)
			return errtext_set(e, -EBADMSG, "more than %d frames", UINT16_MAX);
		if (array_reserve(&c.packets, c.n_packets, sizeof(*c.packets)) < 0)
			return errtext_set(e, -ENOMEM, "out of memory");
		c.packets[c.n_packets++] = (struct clip_packet){
			.offset = (uint32_t)(nal - data),
			.size = (uint16_t)(stop - nal),
			.frame = (uint16_t)(c.n_frames - 1),
		};
		p = next;
	}
	if (!c.n_packets)
		return errtext_set(e, -EBADMSG, "no H.264 stream: it has no start code");
	c.packets[c.n_packets - 1].last = true;
	c.data = data;
	c.size = size;
	*out = c;
	c = (struct clip){};
	return 0;
}

void clip_free(struct clip *c)
{
	free(c->data);
	free(c->packets);
	*c = (struct clip){};
}

/* --- writing --- */

static void put_be(FILE *f, uint32_t v, int bytes)
{
	while (bytes-- > 0)
		fputc((int)(v >> (8 * bytes) & 0xff), f);
}

static void put_le(FILE *f, uint64_t v, int bytes)
{
	for (; bytes > 0; bytes--, v >>= 8)
		fputc((int)(v & 0xff), f);
}

static int closed(FILE *f)
{
	int r = ferror(f) ? -EIO : 0;

	return fclose(f) != 0 ? -errno : r;
}

/*
 * rtptools' rtpdump: a line, a header of 16 bytes, then each packet behind its length (with these 8 bytes),
 * its length as RTP, and milliseconds since the beginning.
 */
int clip_write_rtpdump(const struct clip *c, const char *path)
{
	FILE *f = fopen(path, "we");

	if (!f)
		return -errno;
	fputs("#!rtpplay1.0 0.0.0.0/0\n", f);
	for (int i = 0; i < 4; i++)
		put_be(f, 0, 4);
	for (size_t i = 0; i < c->n_packets; i++) {
		const struct clip_packet *p = &c->packets[i];
		const struct rtp_header h = {
			.type = PAYLOAD_TYPE,
			.marker = p->last,
			.seq = (uint16_t)(CLIP_FIRST_SEQ + i),
			.timestamp = CLIP_FIRST_TIMESTAMP + p->frame * (uint32_t)CLIP_TICKS,
			.ssrc = SSRC,
		};
		uint8_t header[RTP_HEADER];

		rtp_write(&h, header);
		put_be(f, 8U + RTP_HEADER + p->size, 2);
		put_be(f, RTP_HEADER + (uint32_t)p->size, 2);
		put_be(f, p->frame * 1000U / CLIP_RATE, 4);
		fwrite(header, 1, RTP_HEADER, f);
		fwrite(c->data + p->offset, 1, p->size, f);
	}
	return closed(f);
}

/* Packets of frame k that came: their bytes with start codes; written if f. */
static size_t frame_bytes(const struct clip *c, size_t first, size_t n, const bool *got, FILE *f)
{
	size_t sum = 0;

	for (size_t i = 0; i < n; i++) {
		const struct clip_packet *p = &c->packets[(first + i) % c->n_packets];

		if (got && !got[first + i])
			continue;
		sum += 4 + p->size;
		if (f) {
			put_be(f, 1, 4);
			fwrite(c->data + p->offset, 1, p->size, f);
		}
	}
	return sum;
}

/*
 * IVF: "DKIF", version, header size, fourcc, width, height, time base, frames; then each frame behind its
 * size and time. The first frame has a delimiter even if nothing of it came, since a reader takes the first
 * time that it sees for 0.
 */
int clip_write_ivf(const struct clip *c, size_t n_frames, const bool *got, const char *path)
{
	static const uint8_t delimiter[] = { 0, 0, 0, 1, NAL_DELIMITER, 0xf0 };
	FILE *f = fopen(path, "we");
	size_t first = 0;

	if (!f)
		return -errno;
	fwrite("DKIF\0\0\40\0H264", 1, 12, f);
	put_le(f, 640, 2);
	put_le(f, 360, 2);
	put_le(f, CLIP_RATE, 4);
	put_le(f, 1, 4);
	put_le(f, n_frames, 8);
	for (size_t k = 0; k < n_frames; k++) {
		size_t n = 0, bytes, extra = k == 0 ? sizeof(delimiter) : 0;

		while (!c->packets[(first + n++) % c->n_packets].last)
			;
		bytes = frame_bytes(c, first, n, got, NULL) + extra;
		if (bytes) {
			put_le(f, bytes, 4);
			put_le(f, k, 8);
			fwrite(delimiter, 1, extra, f);
			frame_bytes(c, first, n, got, f);
		}
		first += n;
	}
	return closed(f);
}
