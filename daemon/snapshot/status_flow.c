// SPDX-License-Identifier: GPL-2.0-or-later
#include "status_flow.h"

/* null: none. */
void status_flow_terms(struct jsontext *j, const struct snapshot_flow *f)
{
	jsontext_int(j, "share", f->share.weight);
	if (f->reserve.bytes_ps)
		jsontext_int(j, "reserve_bps", (int64_t)rate_bits(f->reserve));
	else
		jsontext_null(j, "reserve_bps");
	if (rate_is_unlimited(f->limit))
		jsontext_null(j, "limit_bps");
	else
		jsontext_int(j, "limit_bps", (int64_t)rate_bits(f->limit));
}

/* A device that is bound, or a network, of which there are no two readings yet. */
static bool is_unknown(const struct snapshot_flow *f)
{
	return f->bound && !f->sent.known;
}

/* What was measured over a window is null as long as there is no window. */
void status_flow_rates(struct jsontext *j, const struct snapshot_flow *f)
{
	jsontext_int(j, "entitled_bps", (int64_t)rate_bits(f->entitled));
	if (is_unknown(f))
		jsontext_null(j, "delivered_bps");
	else
		jsontext_int(j, "delivered_bps", (int64_t)rate_bits(f->sent.delivered));
}

void status_flow_error(struct jsontext *j, const struct snapshot_flow *f, bool cpu)
{
	if (is_unknown(f) || (cpu && f->bound))
		jsontext_null(j, "error_pp");
	else
		jsontext_real(j, "error_pp", f->error_pp);
}

static void put_ns(struct jsontext *j, const char *key, uint64_t ns)
{
	if (ns)
		jsontext_int(j, key, (int64_t)ns);
	else
		jsontext_null(j, key);
}

/* What was not measured is null. */
void status_flow_promise(struct jsontext *j, const struct snapshot_flow *f)
{
	const struct snapshot_promise *p = &f->promise;

	if (!p->known) {
		jsontext_null(j, "conformance");
		return;
	}
	jsontext_open(j, "conformance", '{');
	if (p->measured) {
		jsontext_int(j, "delivered_bps", (int64_t)rate_bits(p->delivered));
		jsontext_int(j, "entitled_bps", (int64_t)rate_bits(p->entitled));
		jsontext_real(j, "error_pp", p->error_pp);
	} else {
		jsontext_null(j, "delivered_bps");
		jsontext_null(j, "entitled_bps");
		jsontext_null(j, "error_pp");
	}
	put_ns(j, "measured_ns", p->measured_ns);
	jsontext_int(j, "reserve_missed", (int64_t)p->reserve_missed);
	jsontext_int(j, "below_entitlement", (int64_t)p->below);
	put_ns(j, "violated_ns", p->violated_ns);
	put_ns(j, "changed_ns", p->changed_ns);
	if (p->settled_ns)
		jsontext_int(j, "settled_after_ms", (int64_t)((p->settled_ns - p->changed_ns) / NSEC_PER_MSEC));
	else
		jsontext_null(j, "settled_after_ms");
	jsontext_close(j, '}');
}

void status_flow_drops(struct jsontext *j, const struct snapshot_flow *f)
{
	jsontext_int(j, "dropped_packets", (int64_t)f->dropped_packets);
	jsontext_int(j, "burst_dropped_packets", (int64_t)f->burst_dropped);
}

/* What counts since it began. */
void status_flow_counters(struct jsontext *j, const struct snapshot_flow *f)
{
	jsontext_int(j, "window_ms", (int64_t)(f->sent.window_ns / NSEC_PER_MSEC));
	jsontext_int(j, "sent_bytes", (int64_t)f->sent.bytes);
	jsontext_int(j, "sent_packets", (int64_t)f->sent.packets);
	jsontext_int(j, "sent_ns", (int64_t)f->sent.at_ns);
	jsontext_int(j, "offered_bytes", (int64_t)f->offered.bytes);
	jsontext_int(j, "offered_packets", (int64_t)f->offered.packets);
	jsontext_int(j, "offered_ns", (int64_t)f->offered_ns);
	jsontext_int(j, "dropped_ns", (int64_t)f->dropped_ns);
}

void status_undivided(struct jsontext *j, const struct snapshot_undivided *u)
{
	if (!u->is) {
		jsontext_null(j, "undivided");
		return;
	}
	jsontext_open(j, "undivided", '{');
	jsontext_bool(j, "known", u->known);
	jsontext_string(j, "by", u->by);
	jsontext_real(j, "percent", u->kept_permille / 10.0);
	jsontext_int(j, "since_ns", (int64_t)u->since_ns);
	jsontext_string(j, "text", u->text);
	jsontext_string(j, "hint", u->hint);
	jsontext_close(j, '}');
}

void status_flow_rx(struct jsontext *j, const struct snapshot_flow *f, const struct snapshot_device *d,
		    bool counters)
{
	if (!f->wanted) {
		jsontext_null(j, "rx");
		return;
	}
	jsontext_open(j, "rx", '{');
	if (d)
		jsontext_string(j, "state", f->bound ? "bound" : "waiting");
	status_flow_terms(j, f);
	status_flow_rates(j, f);
	if (d) {
		status_flow_error(j, f, false);
		status_flow_drops(j, f);
		if (counters)
			status_flow_counters(j, f);
		jsontext_string(j, "why", d->rx_why);
		status_undivided(j, &d->rx_undivided);
	}
	status_flow_promise(j, f);
	jsontext_close(j, '}');
}
