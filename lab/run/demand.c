/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "demand.h"

#include "lab/probes/meter.h"
#include "lab/proc/loop.h"
#include "load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DEMAND_NS (6 * NSEC_PER_SEC) /* without its warm-up, it is as long as a short phase */
#define TRACE_ROOM 4000000U

static int send_for_a_while(struct load *l, struct window *w, struct errtext *e)
{
	const struct scenario_phase all = { .scheduler = SCHEDULER_NONE };
	bool started;
	int r = load_enter(l, &all, &started, e);

	if (r < 0)
		return r;
	w->from_ns = clock_now_ns();
	w->to_ns = w->from_ns + DEMAND_NS;
	r = loop_until(w->to_ns);
	return r < 0 ? r : load_stop_floods(l, e);
}

static int count(struct meter *m, struct window w, uint64_t *bytes)
{
	int r = meter_poll(m, NULL);

	if (r < 0)
		return r;
	*bytes += measure_bytes(measure_slice(meter_trace(m), w));
	return 0;
}

int demand_measure(const struct testbed *t, const struct scenario *s, uint64_t *bytes_ps, struct errtext *e)
{
	struct heard heard[TOPO_VMS_MAX] = {};
	struct load load = { .scenario = s, .testbed = t, .heard = heard };
	struct meter *meter[TOPO_VMS_MAX] = {};
	struct window w = {};
	uint64_t bytes = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < s->n_vms; i++)
		r = meter_open(t->topo.sw, t->topo.meter_if, t->topo.vm[i].server_mac, TRACE_ROOM, &meter[i]);
	if (r < 0)
		errtext_set(e, r, "the wire's meter: %s", strerror(-r));
	else
		r = send_for_a_while(&load, &w, e);
	w = measure_steady(w);
	for (size_t i = 0; r == 0 && i < s->n_vms; i++)
		r = count(meter[i], w, &bytes);
	load_free(&load);
	for (size_t i = 0; i < s->n_vms; i++) {
		meter_close(meter[i]);
		heard_free(&heard[i]);
	}
	if (r < 0)
		return r;
	if (bytes == 0)
		return errtext_set(e, -ENODATA, "the guests sent nothing while their demand was measured");
	*bytes_ps = bytes * NSEC_PER_SEC / (w.to_ns - w.from_ns);
	return 0;
}
