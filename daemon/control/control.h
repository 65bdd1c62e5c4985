/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The control socket: who may speak, framing, answers. What is said is verbs.h's business.
 * Peers are checked by SO_PEERCRED when they connect: root, divvyd's own user, and members of one group may use all
 * verbs; members of another group, those that change nothing.
 */

#include "daemon/state/daemon.h"

struct control;

/*
 * Bind and listen; replaces a stale socket (the caller holds the lock that says there is no other divvyd). 0,
 * or negative errno with errtext a line for a person, but for -ENOMEM.
 */
int control_open(struct daemon *d, struct control **ret, char *errtext, size_t size);
struct control *control_close(struct control *c); /* NULL is fine; returns NULL */
