/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What makes divvyd act by itself: events of links and tc, and the second's timer. */

#include "daemon/state/daemon.h"

struct loop;

/*
 * Hear events from now on. The caller reads what the host has after this, so that no change is missed. 0 or
 * negative errno.
 */
int loop_open(struct loop **ret, struct daemon *d);
struct loop *loop_close(struct loop *l); /* NULL is fine; returns NULL */
