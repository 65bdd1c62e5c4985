/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Who may be connected at the same time, and who has to leave for another: pure. Root's clients and those of other
 * users are counted apart, so that no user but root keeps root out. Among the others, a user with many clients makes
 * room for a user with few.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Of root's clients, and again of all others'. */
#define CROWD_MAX 64

struct crowd_member {
	uid_t uid;          /* 0: root */
	uint64_t active_ns; /* when it last asked something, or took some of an answer */
	bool waits;         /* for an answer that divvyd owes it */
};

/*
 * The index of the member that has to leave for a newcomer of user uid; -1: there is room for all. That is, of the
 * user with the most clients (of root itself, if the newcomer is root's), the one that has been inactive for
 * longest; one that waits for an answer only if all do.
 */
ssize_t crowd_leaves(const struct crowd_member *m, size_t n, uid_t uid);
/*
 * The same where no descriptor is left, however few members there are. Root's leave for root only, and last. -1: no
 * member may leave.
 */
ssize_t crowd_leaves_any(const struct crowd_member *m, size_t n, uid_t uid);
