/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What became of video in each phase. */

#include "result.h"

#include <errno.h>
#include <math.h>

/* Received in one go, from a start of the traffic to its stop: the one that goes on until after the phase. */
static const struct video_recording *recorded(const struct heard *h, uint64_t until_ns)
{
	for (size_t i = 0; i < h->n_videos; i++)
		if (h->videos[i].ended_ns >= until_ns)
			return &h->videos[i];
	return NULL;
}

static int evaluate_one(const struct result *r, struct phase_result *p, size_t vm, struct errtext *e)
{
	const struct video_recording *v = recorded(&r->heard[vm], p->steady.to_ns);
	struct video_result *out = &p->vm[vm].video;
	const struct clip_files *files;
	struct video_frames frames;
	const struct clip *clip;
	int err;

	if (!v)
		return 0;
	err = clip_get(&clip, &files, e);
	if (err < 0)
		return err;
	err = video_measure(v, clip, p->steady, &frames, out);
	if (err == -ENODATA)
		return 0;
	if (err < 0)
		return errtext_set(e, err, "out of memory");
	p->vm[vm].loss_pct = out->loss_pct;
	return video_quality(v, clip, files, frames, &out->ssim, &out->ssim_stream, e);
}

static bool alone(const struct scenario *s, const struct phase_result *p, size_t vm)
{
	for (size_t i = 0; i < s->n_vms; i++)
		if (scenario_sends(s, p->phase, i) != (i == vm))
			return false;
	return !p->skipped[0];
}

/* Of the same repetition if there is one, else of any. */
static double unloaded(const struct result *r, size_t vm, unsigned repetition)
{
	double any = (double)NAN;

	for (size_t k = 0; k < r->n_phases; k++) {
		const struct phase_result *p = &r->phases[k];

		if (!p->vm[vm].video.there || !alone(r->scenario, p, vm))
			continue;
		if (p->repetition == repetition)
			return p->vm[vm].video.ssim;
		any = p->vm[vm].video.ssim;
	}
	return any;
}

int result_evaluate_video(struct result *r, struct errtext *e)
{
	for (size_t k = 0; k < r->n_phases; k++)
		for (size_t i = 0; i < r->scenario->n_vms; i++) {
			struct phase_result *p = &r->phases[k];
			int err;

			if (r->scenario->vms[i].traffic.kind != TRAFFIC_VIDEO || p->skipped[0] ||
			    !scenario_sends(r->scenario, p->phase, i))
				continue;
			err = evaluate_one(r, p, i, e);
			if (err < 0)
				return err;
		}
	for (size_t k = 0; k < r->n_phases; k++)
		for (size_t i = 0; i < r->scenario->n_vms; i++) {
			struct phase_result *p = &r->phases[k];

			if (p->vm[i].video.there)
				p->vm[i].video.ssim_unloaded = unloaded(r, i, p->repetition);
		}
	return 0;
}
