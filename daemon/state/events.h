/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The latest events (base/event.h) as lines of the control protocol, and how far each watcher has come with them.
 *
 * The lines are kept once for all watchers, and only while there is one. A watcher that is overtaken, because it reads
 * slower than events come, has missed some: it is told how many, and its connection ends. So a watcher costs a number
 * here, whatever it does, and all of them together at most EVENTS_BYTES.
 */

#include "base/event.h"

#include <stddef.h>
#include <sys/types.h>

/* Whichever is reached first. An apply that binds 5,000 devices has as many events at once. */
#define EVENTS_KEPT 8192
#define EVENTS_BYTES (size_t)(4 * 1024 * 1024)

struct events;

/* heard: called for each event while there are watchers; arg is borrowed. NULL: out of memory. */
struct events *events_new(void (*heard)(void *arg), void *arg);
struct events *events_free(struct events *e); /* NULL is fine; returns NULL. The watchers have left. */

/* The listener of base/event.h, with a struct events as arg. */
event_listener events_add;

/* Whether there are watchers. */
bool events_watched(const struct events *e);

/* Zeroed: watches nothing. */
struct watcher {
	struct events *events; /* NULL: it watches nothing */
	int64_t id;            /* of the request that the lines answer */
	uint64_t next;         /* number of the next event that it has not taken */
};

/* Watch from the next event on. w leaves with events_leave(). 0; -ENOMEM: w watches nothing. */
int events_watch(struct events *e, int64_t id, struct watcher *w);
/* w may watch nothing. It watches nothing then. */
void events_leave(struct watcher *w);

/* Whether there are events that w has not taken. False for one that watches nothing. */
bool events_left(const struct watcher *w);
/* Whether some of these are not kept any more. Then only events_missed() and events_leave() may follow. */
bool events_overtaken(const struct watcher *w);

/* The longest line, with its newline and its NUL. */
#define EVENTS_LINE_MAX 8192
/*
 * Write the next whole lines that fit size (at least EVENTS_LINE_MAX) bytes to buf, NUL-terminated, and go behind
 * them. Returns their length; 0: there are none.
 */
size_t events_take(struct watcher *w, char *buf, size_t size);
/* Write the line that tells w how many events it has missed until now. Returns how many. */
uint64_t events_missed(const struct watcher *w, char buf[EVENTS_LINE_MAX]);
