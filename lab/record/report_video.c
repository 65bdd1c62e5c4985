/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "report_video.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

void report_video_phase(const struct result *r, const struct phase_result *p)
{
	for (size_t i = 0; i < r->scenario->n_vms; i++) {
		const struct video_result *v = &p->vm[i].video;

		if (!v->there)
			continue;
		printf("  %s: video of %" PRIu64 " packets, %" PRIu64 " lost (%.2f %%), %" PRIu64 " of %" PRIu64
		       " frames damaged; jitter %.2f ms, at most %.2f; late p50 %.1f, p99 %.1f, at most %.1f ms\n",
		       r->scenario->vms[i].name, v->packets, v->lost, v->loss_pct, v->damaged, v->frames, v->jitter_ms,
		       v->jitter_max_ms, v->late_p50_ms, v->late_p99_ms, v->late_max_ms);
		printf("  %s: SSIM %.4f", r->scenario->vms[i].name, v->ssim);
		if (!isnan(v->ssim_unloaded))
			printf(" (%.4f unloaded)", v->ssim_unloaded);
		printf(", against the stream as sent %.4f; the player: %s\n", v->ssim_stream, v->player);
	}
}

json_t *summary_video(const struct video_result *v)
{
	const struct {
		const char *name;
		double v;
	} numbers[] = {
		{ "loss_pct", v->loss_pct },	   { "jitter_ms", v->jitter_ms },     { "jitter_max_ms", v->jitter_max_ms },
		{ "late_p50_ms", v->late_p50_ms }, { "late_p99_ms", v->late_p99_ms }, { "late_max_ms", v->late_max_ms },
		{ "ssim", v->ssim },		   { "ssim_stream", v->ssim_stream }, { "ssim_unloaded", v->ssim_unloaded },
	};
	json_t *o;

	if (!v->there)
		return json_null();
	o = json_pack("{s:I,s:I,s:I,s:I,s:s}", "packets", (json_int_t)v->packets, "lost", (json_int_t)v->lost,
		      "frames", (json_int_t)v->frames, "damaged", (json_int_t)v->damaged, "player",
		      v->player);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		json_object_set_new(o, numbers[i].name,
				    isfinite(numbers[i].v) ? json_real(numbers[i].v) : json_null());
	return o;
}
