/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What report.c and summary.c say of video. */

#include "lab/run/result.h"

#include <jansson.h>

/* A line for each VM below a phase's table. */
void report_video_phase(const struct result *r, const struct phase_result *p);
/* For summary.json; null where there is none. The caller's. */
json_t *summary_video(const struct video_result *v);
