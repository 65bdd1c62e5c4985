// SPDX-License-Identifier: GPL-2.0-or-later
#include "drafted.h"

#include "base/cleanup.h"
#include "base/printable.h"
#include "daemon/reconcile/advice.h"
#include "kernel/net/route.h"
#include "plan/draft.h"
#include "spec/spec.h"
#include "spec/units.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Where a port does not tell its speed. */
static const struct rate guess = { 1000000000 / 8 };
/* Of its speed, in permille: so packets wait where they are divided, and not at the port. */
#define CAPACITY_PERMILLE 995

/* Give each uplink a capacity, and say where it is from. */
static void set_capacities(const struct daemon *d, struct model *m, FILE *to)
{
	for (size_t i = 0; i < m->n_nodes; i++) {
		struct node *node = &m->nodes[i];
		char rate[UNITS_RATE_SIZE];
		uint64_t bits;

		if (node->kind != NODE_UPLINK || !rate_is_unlimited(node->limit))
			continue;
		bits = advice_speed(d, node->name);
		node->limit = bits ? (struct rate){ bits / 8 / 1000 * CAPACITY_PERMILLE } : guess;
		if (node->limit.bytes_ps > RATE_MAX_BYTES_PS)
			node->limit.bytes_ps = RATE_MAX_BYTES_PS;
		if (bits)
			fprintf(to, "# %s: 99.5 %% of its speed, %s, so that packets wait here and not in the port.\n",
				node->name, units_format_rate((struct rate){ bits / 8 }, rate));
		else
			fprintf(to, "# %s does not tell its speed: write what it carries, or a little less.\n", node->name);
	}
}

/* What is there and not in the draft, with the reason. */
static void tell_left_out(const struct daemon *d, FILE *to)
{
	for (size_t i = 0; i < d->host.n_links; i++) {
		const struct link *l = &d->host.links[i];
		const char *why = binding_is_shown(&d->host, l) ? binding_unschedulable(l) : NULL;
		char name[4 * IFNAMSIZ];

		if (why)
			fprintf(to, "# Not divided: %s: %s\n", printable(l->name, strlen(l->name), name, sizeof(name)), why);
	}
}

static char *as_text(const struct daemon *d, struct model *m)
{
	_cleanup_free_ char *spec = NULL, *text = NULL;
	char sight[SIGHT_TEXT_SIZE];
	size_t size = 0;
	bool failed;
	FILE *f = open_memstream(&text, &size);

	if (!f)
		return NULL;
	fputs("# By divvy discover --spec: what is here now, with equal shares. Change them, then: divvy apply FILE\n", f);
	set_capacities(d, m, f);
	tell_left_out(d, f);
	if (d->host.sight.limit)
		fprintf(f, "# VMs may be missing: %s\n", sight_text(&d->host.sight, sight));
	spec = spec_format(m);
	if (spec)
		fputs(spec, f);
	failed = ferror(f);
	/* fclose() completes the buffer. */
	if (fclose(f) != 0 || failed || !spec)
		return NULL;
	return TAKE_PTR(text);
}

char *drafted_text(const struct daemon *d, struct spec_error *err)
{
	struct draft_input in = { .host = &d->host, .running = &d->plan.model };
	_cleanup_(model_free) struct model m;
	char *text;
	int r;

	model_init(&m);
	*err = (struct spec_error){ 0 };
	(void)route_out(d->plane.rtnl, &in.route_out); /* without one bridges may tell all the same */
	r = draft_make(&in, &m);
	if (r == -ENODEV)
		spec_fail(err, r, "no vNIC of this host can be divided (divvy discover)");
	else if (r == -ENXIO)
		spec_fail(err, r, "no vNIC leads to a port: no bridge has one, and there is no default route");
	else if (r == -E2BIG)
		spec_fail(err, r, "there are more vNICs than a specification may have devices");
	if (r < 0 && r != -ENOMEM)
		return NULL;
	text = r < 0 ? NULL : as_text(d, &m);
	if (!text)
		spec_no_memory(err);
	return text;
}
