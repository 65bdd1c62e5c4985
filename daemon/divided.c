// SPDX-License-Identifier: GPL-2.0-or-later
#include "divided.h"

#include "base/clock.h"
#include "base/log.h"
#include "datapath/lookout.h"

#include <string.h>

/* A vNIC that changes all the time has two lines a minute in the log. */
#define TELL_AGAIN_NS (60 * NSEC_PER_SEC)

static void tell_begin(const struct daemon *d, const struct undivided_vnic *v, const char *name,
		       const char *nic)
{
	char first[OTHERS_TEXT_SIZE], text[LOOKOUT_TEXT_SIZE];
	const char *hint;

	lookout_first(v, &d->host, &d->others, first);
	hint = lookout_hint(v, first, tree_vnic(&d->plane.have, v->ifindex)->place);
	log_warning("%s: %s of %s%s%s", name, lookout_text(v, first, text), nic, hint[0] ? "; " : "", hint);
}

static void on_change(struct undivided_vnic *v, enum undivided_change change, void *arg)
{
	const struct daemon *d = arg;
	const struct tree_vnic *there = tree_vnic(&d->plane.have, v->ifindex);
	char name[MODEL_FULL_NAME_SIZE];
	uint64_t now = clock_now_ns();
	const char *nic;

	if (!there || there->node >= d->plan.model.n_nodes)
		return;
	model_full_name(&d->plan.model, there->node, name);
	nic = d->plan.bindings[there->node].nic;
	if (change == UNDIVIDED_BEGAN && (!v->told_ns || now - v->told_ns >= TELL_AGAIN_NS)) {
		tell_begin(d, v, name, nic);
		v->told = true;
		v->told_ns = now;
	} else if (change == UNDIVIDED_ENDED && v->told) {
		log_notice("%s: the packets of %s are divided again", name, nic);
		v->told = false;
	}
}

uint64_t divided_look(struct daemon *d)
{
	const struct lookout_input in = { .plane = &d->plane, .host = &d->host };

	/* What fails is tried again at the next look. */
	(void)lookout_look(&d->undivided, &in, clock_now_ns(), on_change, d);
	return undivided_period(&d->undivided);
}
