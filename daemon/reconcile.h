/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Desired against observed: from a model to kernel objects and send buffers. */

#include "daemon.h"

/*
 * Make this model the running one: bind, build, apply. On failure everything is as it was, the former model
 * runs, and err says why, with the line of the node where there is one. The model is taken over on success
 * (left empty).
 */
int reconcile_switch(struct daemon *d, struct model *m, struct spec_error *err);

/*
 * At start: run this model (taken over) on what an earlier divvyd left in the kernel, also where an uplink is
 * not there yet.
 */
int reconcile_start(struct daemon *d, struct model *m);

/* The host changed: bind again and apply. Logs; after a failure d->unreconciled asks to be called again. */
void reconcile_host(struct daemon *d);

/* The slow check that nobody undid what divvy did: filters, classes, send buffers. */
void reconcile_audit(struct daemon *d);

void reconcile_free(struct daemon *d);
