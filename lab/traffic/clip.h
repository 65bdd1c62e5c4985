/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The video that guests stream: made by ffmpeg from its test source, cut into RTP packets here, kept in the
 * lab's cache. 5 s of 640x360 at 25 frames a second, H.264 constrained baseline of 5 Mbit/s, an IDR frame
 * each second. The encoder cuts slices of at most one packet, so each NAL unit is one packet: single NAL unit
 * mode (RFC 6184 6.2), the one that every receiver knows. Played round and round, all copies are alike.
 */

#include "lab/proc/proc.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLIP_RATE 25          /* frames a second */
#define CLIP_FRAMES 125
#define CLIP_CLOCK 90000      /* RTP timestamp units a second (RFC 6184 8.2.1) */
#define CLIP_NAL_MAX 1400     /* bytes: with RTP, UDP and IP less than Ethernet's 1,500 */
#define CLIP_FRAME_NS (1000000000ULL / CLIP_RATE)
#define CLIP_TICKS (CLIP_CLOCK / CLIP_RATE)
/*
 * Its first packet's numbers: both wrap around within the first seconds, as they may at any time in real
 * streams.
 */
#define CLIP_FIRST_SEQ 65000U
#define CLIP_FIRST_TIMESTAMP 4294900000U

struct clip_packet { /* the payload: one NAL unit */
	uint32_t offset; /* into clip.data */
	uint16_t size;
	uint16_t frame;
	bool last;       /* of its frame: has the marker (RFC 6184 5.1) */
};

struct clip {
	uint8_t *data; /* Annex B */
	size_t size;
	struct clip_packet *packets;
	size_t n_packets, n_frames;
};

/*
 * Cut an H.264 stream in Annex B form into packets and frames. Takes data over on success. 0; -ENOMEM;
 * -EBADMSG with a text if it is none, or a NAL unit does not fit a packet.
 */
int clip_cut(struct clip *out, uint8_t *data, size_t size, struct errtext *e);
void clip_free(struct clip *c);

/* A clip in a directory of the lab's cache. */
struct clip_files {
	char dir[420];
	char source[440];  /* what the encoder was given, kept without loss */
	char packets[440]; /* for the player: rtpdump, the format of rtptools */
};
/*
 * Have it made, and read it. Both are the process's own, borrowed for its life. 0; -ENOENT with a text
 * without ffmpeg; another negative errno with a text.
 */
int clip_get(const struct clip **ret, const struct clip_files **files, struct errtext *e);
/* The same in a directory given, by the caller to be freed with clip_free(). */
int clip_make(const char *dir, struct clip *ret, struct clip_files *files, struct errtext *e);

/* Write the packets as rtpdump. 0 or negative errno. */
int clip_write_rtpdump(const struct clip *c, const char *path);
/*
 * Write frames 0..n_frames-1 of the clip played round and round as IVF, in Annex B, each at its own time, of
 * the packets that came: got[k] of packet k since the beginning, NULL: all. Frames of which nothing came are
 * not there. 0 or negative errno.
 */
int clip_write_ivf(const struct clip *c, size_t n_frames, const bool *got, const char *path);
