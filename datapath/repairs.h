/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What other programs did to divvy's kernel objects, and divvyd put right: how often, and what of it the log is
 * to say. Pure: time is an argument.
 */

#include "core/direction.h"

#include <stdbool.h>

enum repair {
	REPAIR_FILTER_REMOVED, /* of a device */
	REPAIR_FILTER_CHANGED,
	REPAIR_PROGRAM_REMOVED,
	REPAIR_CLASS_REMOVED, /* of a device or an uplink; a network's counts as the uplink's */
	REPAIR_CLASS_CHANGED,
	REPAIR_QUEUE,      /* a class's leaf */
	REPAIR_CLASSIFIER, /* of an uplink, from here on */
	REPAIR_ROOT,
	REPAIR_IFB_REMOVED,
	REPAIR_IFB_CHANGED,
};

#define REPAIRS_WINDOW_S 60
#define REPAIRS_TEXT_SIZE 200

struct repairs_entry {
	char name[MODEL_FULL_NAME_SIZE]; /* of the device or uplink */
	enum repair what;
	enum direction direction;
	uint64_t total;
	uint64_t second;                      /* of the latest one: CLOCK_MONOTONIC, whole seconds */
	uint16_t in_second[REPAIRS_WINDOW_S]; /* by second, modulo the window */
	uint64_t logged_ns;
	uint32_t since; /* the latest line, that one's own not counted */
};

/* Zeroed: none. */
struct repairs {
	struct repairs_entry *list; /* sorted by name, what and direction; owned */
	size_t n;
	uint32_t *removed; /* vNICs whose filter was removed and is not back yet, by ifindex, ascending; owned */
	size_t n_removed;
};

void repairs_free(struct repairs *r);

/*
 * One more. The number of those that a line in the log should tell now: the first one at once, then at most a
 * line a minute for each name, what and direction. 0: nothing now. -ENOMEM. now_ns: CLOCK_MONOTONIC, never going back.
 */
int repairs_note(struct repairs *r, const char *name, enum repair what, enum direction direction, uint64_t now_ns);

/*
 * A vNIC's filter was removed, which repairs_note() counts: it comes back after a pause (settle.h), unless the vNIC goes.
 * What the log says of the vNIC meanwhile depends on that. 0 or -ENOMEM.
 */
int repairs_removed(struct repairs *r, uint32_t ifindex);
bool repairs_is_removed(const struct repairs *r, uint32_t ifindex);
/* Keep only those for which still() is true. */
void repairs_keep_removed(struct repairs *r, bool (*still)(uint32_t ifindex, const void *arg), const void *arg);

struct repairs_sum {
	uint32_t last_minute;
	uint64_t total;
	char text[REPAIRS_TEXT_SIZE]; /* of the last minute: "filter removed 38 times, class changed once"; or "" */
};

void repairs_sum(const struct repairs *r, const char *name, uint64_t now_ns, struct repairs_sum *out);

/* "filter removed", say. */
const char *repair_text(enum repair what);
