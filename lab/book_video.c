/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A real video beside a flood. */

#include "book_measure.h"
#include "book_parts.h"

#include "base/cleanup.h"

#include <math.h>

/* SSIM to the third digit: decoders and scalers round, frames are compared one by one. */
#define SSIM_EQUAL 0.001

static const struct column {
	const char *head, *path;
	int digits;
} columns[] = {
	{ "packets lost, %", "video.loss_pct", 3 },
	{ "jitter (RFC 3550), ms", "video.jitter_ms", 3 },
	{ "largest jitter, ms", "video.jitter_max_ms", 3 },
	{ "late (p99), ms", "video.late_p99_ms", 1 },
	{ "SSIM", "video.ssim", 4 },
	{ "SSIM of the unloaded run", "video.ssim_unloaded", 4 },
	{ "SSIM against what was sent", "video.ssim_stream", 4 },
};

/* The VM that streams; book_n_vms(): none. */
static size_t streams(const struct book_scenario *s)
{
	size_t n = book_n_vms(s);
	json_t *phase;
	size_t k;

	json_array_foreach(json_object_get(s->summary, "phases"), k, phase)
		for (size_t i = 0; i < n; i++)
			if (json_is_object(json_object_get(json_array_get(json_object_get(phase, "vms"), i),
							   "video")))
				return i;
	return n;
}

static const char *why_not(const struct book_scenario *s, const char *under, const char *step)
{
	return phase_skipped(book_phase(s, under, step, 0));
}

static void step_table(struct doc *d, const struct book_scenario *s, const char *step, size_t vm)
{
	const char *heads[ARRAY_SIZE(columns) + 4] = { "" };
	char text[100];

	for (size_t c = 0; c < ARRAY_SIZE(columns); c++)
		heads[1 + c] = columns[c].head;
	heads[1 + ARRAY_SIZE(columns)] = "its bandwidth, Mbit/s";
	heads[2 + ARRAY_SIZE(columns)] = "all, Mbit/s";
	doc_table_begin(d, heads);
	for (size_t i = 0; i < s->n_under; i++) {
		const char *under = s->under[i];

		if (!book_phase(s, under, step, 0))
			continue;
		doc_row_begin(d);
		doc_cell(d, MARK_HEAD, "%s", under);
		for (size_t c = 0; c < ARRAY_SIZE(columns); c++) {
			struct spread v = book_spread_path(s, under, step, (int)vm, columns[c].path);

			doc_cell(d, MARK_NONE, "%s", spread_text(v, columns[c].digits, text, sizeof(text)));
		}
		doc_cell(d, MARK_NONE, "%s",
			 spread_text(book_spread_path(s, under, step, (int)vm, "mbps"), 2, text,
				     sizeof(text)));
		doc_cell(d, why_not(s, under, step) ? MARK_WEAK : MARK_NONE, "%s%s",
			 why_not(s, under, step) ? "left out: " : "",
			 why_not(s, under, step) ?:
				 spread_text(measure_spread(s, under, step, MEASURE_TOTAL), 2, text,
					     sizeof(text)));
		doc_row_end(d);
	}
	doc_table_end(d);
}

void book_video(struct doc *d, const struct book *b)
{
	const struct book_scenario *s = book_next(b, "video", NULL);

	doc_heading(d, 2, "video", "Real video under a flood");
	if (!s) {
		doc_verdict(d, MARK_WEAK,
			    "Not measured in this run: no scenario of the section \"video\" has a result.");
		return;
	}
	doc_para(d, "A guest streams H.264 in real time (RTP over UDP) while another floods the wire. Jitter"
		    " is RFC 3550's estimate at the receiver. SSIM compares the decoded frames with what the"
		    " encoder was given; 1 is identical, and what the encoder itself lost is in it, so the "
		    "unloaded run is the mark; against the stream as sent, 1 says that all came. A frame "
		    "that is missing counts as the last one that came. Late: behind the quickest packet; a "
		    "player needs a buffer of that length.");
	for (; s; s = book_next(b, "video", s)) {
		size_t vm = streams(s);

		book_scenario_head(d, b, s);
		if (vm == book_n_vms(s)) {
			doc_verdict(d, MARK_WEAK, "No VM of this run received a video.");
			continue;
		}
		for (size_t k = 0; k < s->n_steps; k++) {
			if (s->n_steps > 1)
				doc_para(d, "Step \"%s\", %u repetitions:", s->step[k], book_repetitions(s));
			step_table(d, s, s->step[k], vm);
		}
	}
}

struct lack {
	size_t vm;
};

/* How much of the picture is missing that an unloaded wire delivered. */
static double ssim_lack(const json_t *phase, const void *data)
{
	const json_t *vm = json_array_get(json_object_get(phase, "vms"), ((const struct lack *)data)->vm);

	return book_number(vm, "video.ssim_unloaded") - book_number(vm, "video.ssim");
}

static void targets_of(const struct book_scenario *s, const char *device, struct targets *t)
{
	const struct lack lack = { streams(s) };
	struct spread loss = book_spread_path(s, device, NULL, (int)lack.vm, "video.loss_pct");
	struct spread ssim = book_spread_path(s, device, NULL, (int)lack.vm, "video.ssim");
	struct spread unloaded = book_spread_path(s, device, NULL, (int)lack.vm, "video.ssim_unloaded");
	struct spread missing = book_spread(s, device, NULL, ssim_lack, &lack);
	char what[120], text[2][80];
	struct target *one;

	snprintf(what, sizeof(what), "Video (%.40s, %.40s): loss", s->name, device);
	one = targets_add(t, "video", what, "loss", "0");
	target_judge(one, loss, 0, false, 3, "%");
	snprintf(what, sizeof(what), "Video (%.40s, %.40s): SSIM", s->name, device);
	one = targets_add(t, "video", what, "SSIM", "as unloaded, to 0.001");
	target_judge(one, missing, SSIM_EQUAL, false, 4, "");
	if (ssim.n && unloaded.n)
		snprintf(one->ours, sizeof(one->ours), "%s, unloaded %s",
			 spread_text(ssim, 4, text[0], sizeof(text[0])),
			 spread_text(unloaded, 4, text[1], sizeof(text[1])));
}

void targets_video(const struct book *b, struct targets *t)
{
	const struct book_scenario *s = NULL;
	bool any = false;

	while ((s = book_next(b, "video", s)))
		for (size_t i = 0; i < s->n_under; i++) {
			const char *under = s->under[i];

			if (book_under_kind(s, under) != UNDER_DEVICE || streams(s) == book_n_vms(s))
				continue;
			targets_of(s, under, t);
			any = true;
		}
	if (!any)
		target_unknown(targets_add(t, "video", "Video under flood: loss, SSIM", "video",
					   "0; as unloaded"),
			       "not run");
}
