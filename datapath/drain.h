/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Classes that no packet goes to any more: they send what they hold at their rate, and are deleted when they
 * are empty. apply() marks them; this looks at them until they are gone, by a timer of its own, and then tells
 * those who wait.
 */

#include "dataplane.h"

#include <systemd/sd-event.h>

struct drain {
	struct dataplane *plane; /* borrowed */
	sd_event_source *timer;  /* owned */
	struct waiter *waiters;  /* owned */
};

/* 0 or negative errno. plane must outlive *d. */
int drain_open(struct drain *d, sd_event *event, struct dataplane *plane);
/* Tells those who still wait, with -ECANCELED. */
void drain_close(struct drain *d);

/* After apply(): look soon, and again until all that drains is gone. */
void drain_start(struct drain *d);
/* Whether nothing drains. */
bool drain_is_done(const struct drain *d);

/*
 * Call done once, when nothing drains any more (0), or at drain_close() (-ECANCELED); at once where nothing
 * drains now. 0, or -ENOMEM: done will not be called.
 */
int drain_wait(struct drain *d, void (*done)(int err, void *arg), void *arg);
