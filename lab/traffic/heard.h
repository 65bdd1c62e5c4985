/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "traffic_types.h"
#include "video.h"

/* What programs in the guests and servers said. Owned. */
struct heard {
	struct traffic_interval *intervals;
	size_t n_intervals;
	struct traffic_rtt *rtts;
	size_t n_rtts;
	struct video_recording *videos; /* one after the other */
	size_t n_videos;
	uint64_t rcvbuf_errors;
};

void heard_free(struct heard *h);
