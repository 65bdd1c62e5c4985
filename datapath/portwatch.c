// SPDX-License-Identifier: GPL-2.0-or-later
#include "portwatch.h"

#include "base/cleanup.h"
#include "base/nsec.h"
#include "kernel/net/port.h"
#include "kernel/net/qdisc.h"
#include "plan/ports.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/pkt_sched.h>
#include <stdio.h>
#include <string.h>

#define SPACING_NS NSEC_PER_SEC
/* A loss is told so long after it was seen. */
#define EPISODE_NS (60 * NSEC_PER_SEC)
/*
 * What waits at a port matters if the capacity takes longer than this to send it, at so many readings in a
 * row: HTB lets bursts through, and one of them may just be there.
 */
#define WAIT_NS (5 * NSEC_PER_MSEC)
#define WAIT_READINGS 3

void portwatch_free(struct portwatch *w)
{
	free(w->ports);
	*w = (struct portwatch){ 0 };
}

static struct watched_port *find(const struct portwatch *w, const char *uplink, uint32_t ifindex)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->ports[i].ifindex == ifindex && strcmp(w->ports[i].uplink, uplink) == 0)
			return &w->ports[i];
	return NULL;
}

/* Packets that left divvy for an uplink; 0: none, or it is not known. */
static uint64_t passed(const struct portwatch_input *in, const char *uplink)
{
	const struct tree_uplink *u = tree_uplink(in->have, uplink, DIRECTION_TX);
	struct port_counters c;

	return u && u->ifb && port_read(in->rtnl, u->ifb, &c) >= 0 ? c.tx_packets : 0;
}

/* Uplinks that divvy divides now. */
static const struct link *uplink_of(const struct portwatch_input *in, size_t node)
{
	const struct binding *b = &in->plan->bindings[node];

	if (in->plan->model.nodes[node].kind != NODE_UPLINK || !b->bound)
		return NULL;
	return host_link(in->host, b->ifindex);
}

static bool is_idle(const struct portwatch *w, const struct portwatch_input *in)
{
	for (size_t i = 0; i < in->plan->model.n_nodes; i++) {
		const struct link *l = uplink_of(in, i);
		const struct watched_port *known = l ? find(w, l->name, l->ifindex) : NULL;

		if (l && (!known || known->capacity.bytes_ps != in->plan->model.nodes[i].limit.bytes_ps ||
			  known->passed != passed(in, l->name)))
			return false;
	}
	return true;
}

/* --- one port --------------------------------------------------------------------------------------- */

static void read_port(const struct portwatch_input *in, struct watched_port *port)
{
	struct port_counters c = { 0 };
	struct qdisc root = { 0 };

	(void)port_read(in->rtnl, port->ifindex, &c);
	(void)qdisc_root(in->rtnl, port->ifindex, &root); /* none: zeros */
	port->dropped = c.tx_dropped + root.drops;
	port->backlog_bytes = root.backlog_bytes;
}

/*
 * Losses count where at least as many packets came from divvy: else the port is full of the host's own. A
 * qdisc that was replaced counts from 0.
 */
static void compare(struct watched_port *now, const struct watched_port *before)
{
	uint64_t sent = now->passed > before->passed ? now->passed - before->passed : 0;
	uint64_t lost = now->dropped > before->dropped ? now->dropped - before->dropped : 0;
	uint64_t much = (uint64_t)((unsigned __int128)now->capacity.bytes_ps * WAIT_NS / NSEC_PER_SEC);
	bool is_over = before->lost_ns && now->at_ns - before->lost_ns > EPISODE_NS;

	now->lost = is_over ? 0 : before->lost;
	now->lost_ns = is_over ? 0 : before->lost_ns;
	if (lost && sent >= lost) {
		now->lost += lost;
		now->lost_ns = now->at_ns;
	}
	now->n_waits = sent && now->backlog_bytes > much ? before->n_waits + 1 : 0;
}

/* --- all of them ------------------------------------------------------------------------------------ */

static size_t read_uplink(const struct portwatch *w, const struct portwatch_input *in, size_t node,
			  uint64_t now_ns, struct watched_port *out)
{
	const struct link *uplink = uplink_of(in, node), *ports[PORTS_MAX];
	size_t n = uplink ? ports_of(in->host, uplink, ports) : 0;
	uint64_t sent = uplink ? passed(in, uplink->name) : 0;

	for (size_t i = 0; i < n; i++) {
		const struct watched_port *before = find(w, uplink->name, ports[i]->ifindex);

		out[i] = (struct watched_port){ .ifindex = ports[i]->ifindex,
						.capacity = in->plan->model.nodes[node].limit,
						.at_ns = now_ns,
						.passed = sent };
		memcpy(out[i].uplink, uplink->name, sizeof(out[i].uplink));
		memcpy(out[i].name, ports[i]->name, sizeof(out[i].name));
		read_port(in, &out[i]);
		if (before && before->capacity.bytes_ps == out[i].capacity.bytes_ps)
			compare(&out[i], before);
	}
	return n;
}

static size_t count_uplinks(const struct plan *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->model.n_nodes; i++)
		n += p->model.nodes[i].kind == NODE_UPLINK;
	return n;
}

int portwatch_read(struct portwatch *w, const struct portwatch_input *in, uint64_t now_ns)
{
	struct portwatch now = { .latest_ns = now_ns };

	if ((w->latest_ns && now_ns - w->latest_ns < SPACING_NS) || is_idle(w, in))
		return 0;
	now.ports = calloc(count_uplinks(in->plan) * PORTS_MAX + 1, sizeof(*now.ports));
	if (!now.ports)
		return -ENOMEM;
	for (size_t i = 0; i < in->plan->model.n_nodes; i++)
		now.n += read_uplink(w, in, i, now_ns, now.ports + now.n);
	portwatch_free(w);
	*w = now;
	return 0;
}

/* Whether the plan's uplink still has the capacity that the reading was made with. */
static bool is_current(const struct watched_port *port, const struct plan *p)
{
	for (size_t i = 0; i < p->model.n_nodes; i++)
		if (p->model.nodes[i].kind == NODE_UPLINK &&
		    strcmp(p->model.nodes[i].name, port->uplink) == 0)
			return p->model.nodes[i].limit.bytes_ps == port->capacity.bytes_ps;
	return false;
}

static int warn(const struct watched_port *port, uint64_t now_ns, struct warning_list *out)
{
	double mbit = (double)rate_bits(port->capacity) / 1e6;

	if (port->lost_ns && now_ns - port->lost_ns <= EPISODE_NS)
		return warning_add(
			out, "port", port->name,
			"%s itself dropped %" PRIu64
			" packets that divvy let through: the capacity of %s, %.6g Mbit/s, is too high, or others send by it, too",
			port->name, port->lost, port->uplink, mbit);
	if (port->n_waits >= WAIT_READINGS)
		return warning_add(
			out, "port", port->name,
			"%" PRIu64
			" bytes wait at %s itself, behind divvy: the capacity of %s, %.6g Mbit/s, is too high, or others send by it, too",
			port->backlog_bytes, port->name, port->uplink, mbit);
	return 0;
}

int portwatch_warn(const struct portwatch *w, const struct plan *p, uint64_t now_ns, struct warning_list *out)
{
	for (size_t i = 0; i < w->n; i++) {
		int err = is_current(&w->ports[i], p) ? warn(&w->ports[i], now_ns, out) : 0;

		if (err < 0)
			return err;
	}
	return 0;
}
