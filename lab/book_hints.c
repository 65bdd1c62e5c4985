/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "book_hints.h"

#include "book_parts.h"

#include <math.h>

#define FINE_PP 0.05       /* both errors below: the difference is told in bytes */
#define WARMUP_S 2         /* of a phase, not counted: measure_steady() */
#define EMPTY_PCT 5        /* of looks: a queue that ran empty that often was not kept busy */
#define LATE_MS 500        /* the lab itself was held up */
#define STANDING 0.5       /* part of the round trip that a queue must explain */
#define SMALL_PCT 10       /* as ranges narrow, "behind" can be a small difference */

static double worst(const json_t *phase, const char *path)
{
	double v = (double)NAN;
	json_t *vm;
	size_t i;

	json_array_foreach(json_object_get(phase, "vms"), i, vm)
		v = fmax(v, book_number(vm, path));
	return v;
}

static double vm_worst(const json_t *phase, const void *path)
{
	return worst(phase, path);
}

static double of_phase(const json_t *phase, const void *path)
{
	return book_number(phase, path);
}

static struct spread path_spread(const struct book_scenario *s, const char *under, const char *step,
				 const char *path)
{
	return book_spread(s, under, step, of_phase, path);
}

static struct spread worst_spread(const struct book_scenario *s, const char *under, const char *step,
				  const char *path)
{
	return book_spread(s, under, step, vm_worst, path);
}

/* That were delivered in what is counted of a phase. */
static double megabytes(const json_t *phase, const void *data)
{
	(void)data;
	return book_number(phase, "total_mbps") / 8 * (book_number(phase, "seconds") - WARMUP_S);
}

static void error_hint(const struct book_scenario *s, const char *device, const char *step,
		       struct spread ours, struct spread theirs, char *out, size_t size)
{
	struct spread empty = worst_spread(s, device, step, "queue_empty_pct");
	struct spread mb = book_spread(s, device, step, megabytes, NULL);

	if (ours.r.max < FINE_PP && theirs.r.max < FINE_PP && mb.n)
		append_text(out, size,
			    "both are below %g points; the difference is %.1f kB of the %.0f MB of a phase. ",
			    FINE_PP, 10 * mb.r.median * (ours.r.median - theirs.r.median), mb.r.median);
	else if (empty.n && empty.r.median > EMPTY_PCT)
		append_text(out, size,
			    "a VM's own queue was found empty at %.0f %% of looks: its VMM or guest did not "
			    "keep up with what it was entitled to, and what it left was lent out. ",
			    empty.r.median);
}

static void loss_hint(const struct book_scenario *s, const char *device, const char *step, char *out,
		      size_t size)
{
	struct spread queues = path_spread(s, device, step, "queue_drops"),
		      wire = path_spread(s, device, step, "wire_drops");

	if (queues.n && queues.r.max == 0 && wire.n && wire.r.max == 0)
		append_text(out, size,
			    "no queue of the host and not the wire dropped a packet: what is missing was lost "
			    "in the guest or at the receiver's socket. ");
	else if (wire.n && wire.r.median > 0 && queues.n && queues.r.median == 0)
		append_text(out, size,
			    "all drops are in the wire's own queue (%.0f packets), after the division. ",
			    wire.r.median);
}

static void cpu_hint(const struct book_scenario *s, const char *device, const char *peer, const char *step,
		     char *out, size_t size)
{
	struct spread ours = measure_spread(s, device, step, MEASURE_TOTAL);
	struct spread theirs = measure_spread(s, peer, step, MEASURE_TOTAL);

	if (ours.n && theirs.n && theirs.r.median > 1.05 * ours.r.median)
		append_text(out, size,
			    "%s delivered %.1f Mbit/s, device scheduling %.1f: the VMMs' fixed costs are "
			    "spread over more. ",
			    peer, theirs.r.median, ours.r.median);
}

static void rtt_hint(const struct book_scenario *s, const char *device, const char *peer, const char *step,
		     struct spread ours, char *out, size_t size)
{
	struct spread bound = worst_spread(s, device, step, "sndbuf_bound_ms");
	struct spread drops = path_spread(s, peer, step, "queue_drops"),
		      wire = path_spread(s, peer, step, "wire_drops");
	struct spread use = measure_spread(s, peer, step, MEASURE_UTILISATION);

	if (bound.n && bound.r.median > STANDING * ours.r.median)
		append_text(out, size,
			    "the send buffer may hold %.1f ms at the VM's rate, of the round trip of %.1f ms: "
			    "packets wait for their share rather than being dropped. ",
			    bound.r.median, ours.r.median);
	if ((drops.n && drops.r.median > 0) || (wire.n && wire.r.median > 0))
		append_text(
			out, size,
			"%s drops instead of letting packets wait (%.0f packets in its queues, %.0f at the wire). ",
			peer, drops.n ? drops.r.median : 0, wire.n ? wire.r.median : 0);
	if (use.n && use.r.median < 90)
		append_text(out, size,
			    "%s leaves the wire idle (utilisation %.0f %%), so that no queue stands. ", peer,
			    use.r.median);
}

void behind_hint(const struct book_scenario *s, const char *device, const char *peer, const char *step,
		 enum measure m, char *out, size_t size)
{
	struct spread ours = measure_spread(s, device, step, m), theirs = measure_spread(s, peer, step, m);
	struct spread late = path_spread(s, device, step, "late_ms");

	if (m == MEASURE_ERROR)
		error_hint(s, device, step, ours, theirs, out, size);
	else if (m == MEASURE_LOSS)
		loss_hint(s, device, step, out, size);
	else if (m == MEASURE_CPU)
		cpu_hint(s, device, peer, step, out, size);
	else if (m == MEASURE_RTT_P50)
		rtt_hint(s, device, peer, step, ours, out, size);
	if (m != MEASURE_ERROR && theirs.r.median > 0 &&
	    100 * (ours.r.median / theirs.r.median - 1) < SMALL_PCT)
		append_text(out, size, "the difference is %.1f %%. ",
			    100 * (ours.r.median / theirs.r.median - 1));
	if (late.n && late.r.max > LATE_MS)
		append_text(out, size, "the lab itself was held up for %.1f s in a repetition. ",
			    late.r.max / 1e3);
}
