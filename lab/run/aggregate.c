/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "aggregate.h"

#include "base/cleanup.h"

#include <errno.h>

#define METRIC(field) { #field, offsetof(struct vm_result, field) }

const struct metric aggregate_metrics[] = {
	METRIC(mbps),	       METRIC(share_pct),  METRIC(error_pp),   METRIC(loss_pct),
	METRIC(entitlement_error_pp),
	METRIC(cpu_per_mbit),  METRIC(rtt_p50_ms), METRIC(rtt_p99_ms),
	{ "ipd_mean_ms", offsetof(struct vm_result, gaps.mean_ms) },
	{ "ipd_sd_ms", offsetof(struct vm_result, gaps.sd_ms) },
	{ "ipd_p50_ms", offsetof(struct vm_result, gaps.p50_ms) },
	{ "ipd_p99_ms", offsetof(struct vm_result, gaps.p99_ms) },
	{ "ipd_p999_ms", offsetof(struct vm_result, gaps.p999_ms) },
	{ "video_loss_pct", offsetof(struct vm_result, video.loss_pct) },
	{ "video_jitter_ms", offsetof(struct vm_result, video.jitter_ms) },
	{ "video_late_p99_ms", offsetof(struct vm_result, video.late_p99_ms) },
	{ "video_ssim", offsetof(struct vm_result, video.ssim) },
	{ "video_ssim_stream", offsetof(struct vm_result, video.ssim_stream) },
};
const size_t aggregate_n_metrics = ARRAY_SIZE(aggregate_metrics);

static double figure(const void *object, size_t offset)
{
	return *(const double *)(const void *)((const char *)object + offset);
}

static int over_repetitions(const struct result *r, size_t k, bool of_vm, size_t vm, size_t offset,
			    struct range *out)
{
	_cleanup_free_ double *v = malloc((r->n_phases + 1) * sizeof(*v));
	size_t n = 0;

	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < r->n_phases; i++) {
		const struct phase_result *p = &r->phases[i];

		if (p->phase == &r->scenario->phases[k])
			v[n++] = of_vm ? figure(&p->vm[vm], offset) : figure(p, offset);
	}
	*out = range_of(v, n);
	return 0;
}

int aggregate_vm(const struct result *r, size_t k, size_t vm, const struct metric *m, struct range *out)
{
	return over_repetitions(r, k, true, vm, m->offset, out);
}

int aggregate_phase(const struct result *r, size_t k, size_t offset, struct range *out)
{
	return over_repetitions(r, k, false, 0, offset, out);
}
