/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "kinds.h"

#include "base/cleanup.h"

#include <assert.h>
#include <math.h>

#define SWING_NS (200 * NSEC_PER_MSEC)

/* The farthest that a window of 200 ms was from what the VM had on average, percent of that. */
static double swing_pct(struct trace t, struct window w)
{
	const double mean = (double)measure_bytes(t) * (double)SWING_NS / (double)(w.to_ns - w.from_ns);
	double farthest = 0;

	for (uint64_t at = w.from_ns; mean > 0 && at + SWING_NS <= w.to_ns; at += SWING_NS) {
		uint64_t bytes = measure_bytes(measure_slice(t, (struct window){ at, at + SWING_NS }));

		farthest = fmax(farthest, fabs((double)bytes - mean));
	}
	return mean > 0 ? 100 * farthest / mean : (double)NAN;
}

const struct measure_kind measure_kinds[] = {
	{ "swing_200ms_pct", "swing in 200 ms, %", 1, swing_pct },
	/* a new one goes above */
};
const size_t measure_n_kinds = ARRAY_SIZE(measure_kinds);
static_assert(ARRAY_SIZE(measure_kinds) <= MEASURE_KINDS_MAX, "a VM's result has room for each");
