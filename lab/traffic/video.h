/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What became of a video on its way. The receiver knows the clip, so it keeps of each datagram which packet
 * it was and when it came, and not the packet.
 *
 *   frames judged   those that were sent in the steady part of a phase, less its last half second, in whole
 *                   rounds of the clip if there is time for one: then all phases are judged by the same
 *                   pictures
 *   lost            of the packets of these frames, those that never came (sequence numbers; a duplicate is
 *                   no packet)
 *   jitter          RFC 3550's estimate after each of these packets: mean, and maximum
 *   late            arrival less the moment the packet would have come had it been as quick as the quickest
 *                   of all, since the player sends each frame at its own time: p50, p99, maximum
 *   SSIM            of each frame against the encoder's input (ssim) and against the stream as sent, decoded
 *                   (ssim_stream, 1 if everything came): ffmpeg's filter `ssim`, "All", mean over frames. A
 *                   frame that did not come counts as the last one that did, as a viewer sees it; before the
 *                   first one, 0. Decoded is what came, whenever it came: how much too late for a viewer is
 *                   what `late` says.
 */

#include "clip.h"
#include "lab/measure/measure.h"

struct video_arrival {
	uint64_t at_ns;  /* the kernel took it in, CLOCK_MONOTONIC */
	/* of the packet since the player's first, from 0; the clip is played round and round */
	uint64_t number;
	uint32_t timestamp;
};

/* In the order of arrival. Zeroed to begin with. */
struct video_recording {
	struct video_arrival *a;
	size_t n;
	uint64_t highest; /* rtp_extend()'s */
	uint64_t foreign; /* datagrams that are no packets of the clip */
	/* Left to the receiver: */
	uint64_t ended_ns;
	char player[100]; /* its last words */
};

/* Keep a datagram. 0; -EBADMSG: it is none of the clip's, and was counted as such; -ENOMEM. */
int video_record(struct video_recording *v, const struct clip *c, const void *datagram, size_t n,
		 uint64_t at_ns);
void video_recording_free(struct video_recording *v);

struct video_result {
	bool there; /* false: the VM streamed none */
	uint64_t packets, lost;
	uint64_t frames, damaged; /* damaged: something of them is missing */
	double loss_pct, jitter_ms, jitter_max_ms;
	double late_p50_ms, late_p99_ms, late_max_ms;
	double ssim, ssim_stream; /* NAN: not computed */
	double ssim_unloaded;     /* of the phase in which no other VM sends; NAN: there is none */
	char player[100];
};

/* There is none: no figure anywhere. */
extern const struct video_result video_none;

/* Which frames of those since the player's first are judged. */
struct video_frames {
	uint64_t first;
	size_t n;
};

/*
 * Everything but SSIM, over a phase's steady part. 0; -ENODATA (outputs untouched) if nothing came, or there
 * is no time for a frame; -ENOMEM.
 */
int video_measure(const struct video_recording *v, const struct clip *c, struct window steady,
		  struct video_frames *frames, struct video_result *out);
/* SSIM of these frames, by ffmpeg; takes seconds. 0 or negative errno with a text. */
int video_quality(const struct video_recording *v, const struct clip *c, const struct clip_files *files,
		  struct video_frames frames, double *ssim, double *ssim_stream, struct errtext *e);
/*
 * The mean over n frames that begin with frame `first` of what ffmpeg's filter ssim wrote about `all` frames,
 * the last of which is its last line. Frames before its first line count as 0.
 */
double video_mean_ssim(const char *stats, size_t all, size_t first, size_t n);
