/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What report.c and summary.c say of CPU slots, and of video. */

#include "lab/run/result.h"

#include <jansson.h>

/* Lines below a phase's table; nothing for a phase that has to do with no slots. */
void report_cpu_phase(const struct result *r, const struct phase_result *p);
/* Throughput of two lanes by that of one, where the scenario has both. */
void report_compare(const struct result *r);

/* For summary.json; null where there is nothing, or no finite number. The caller's. */
json_t *summary_number(double v);
json_t *summary_cpu_vm(const struct cpu_vm *v);
json_t *summary_cpu_phase(const struct cpu_phase *c);
json_t *summary_compare(const struct result *r);

/* A line for each VM below a phase's table; and for summary.json. */
void report_video_phase(const struct result *r, const struct phase_result *p);
json_t *summary_video(const struct video_result *v);
