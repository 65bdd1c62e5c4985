/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What makes divvyd act by itself: link events, the second's timer, classes that drain. */

#include "daemon.h"

/* 0 or negative errno. */
int events_open(struct daemon *d);
void events_close(struct daemon *d);

/* Something may have become superfluous: look, again and again, until it has drained. */
void events_drain_soon(struct daemon *d);
/* Whether nothing drains any more. */
bool events_drained(const struct daemon *d);

/* Somebody looks at the status: have fresh rates for a while. */
void events_watched(struct daemon *d);
