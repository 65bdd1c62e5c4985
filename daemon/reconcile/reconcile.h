/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Desired against observed: from a model to kernel objects and send buffers. */

#include "daemon/state/daemon.h"
#include "spec/spec.h"

/*
 * What this model would be on this host, without touching anything. 0, and *out is the caller's to free with
 * plan_free(); or negative errno with *err saying why, with the line of the node where there is one.
 */
int reconcile_try(struct daemon *d, const struct model *m, struct plan *out, struct spec_error *err);

/*
 * Make this model the running one: plan it, apply it. On failure everything is as it was, the former model
 * runs, and *err says why, as for reconcile_try().
 */
int reconcile_switch(struct daemon *d, const struct model *m, struct spec_error *err);

/*
 * At the start: run this model on what an earlier divvyd left in the kernel, also where an uplink is not
 * there yet. classids: the numbers that the earlier divvyd gave. 0, or negative errno; it logs.
 */
int reconcile_start(struct daemon *d, const struct model *m, const struct classids *classids);

/* The host changed: bind again and apply. It logs; after a failure d->unreconciled asks for another call. */
void reconcile_host(struct daemon *d);

/* Read VMs and containers again; fresh: as for records_apply(). True: what matters to divvy differs from before. */
bool reconcile_look(struct daemon *d, bool fresh);

/*
 * Some vNICs were held because their managers set them up. The host was read again: bind those that are set
 * up. host_changed: what was read differs.
 */
void reconcile_held(struct daemon *d, bool host_changed);

/*
 * The slow check that what divvy made is still there: filters, classes, send buffers. True: something was not in order, or
 * waits to be done, so that the next audit is due soon.
 */
bool reconcile_audit(struct daemon *d);
