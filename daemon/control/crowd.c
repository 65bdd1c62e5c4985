// SPDX-License-Identifier: GPL-2.0-or-later
#include "crowd.h"

static size_t count(const struct crowd_member *m, size_t n, uid_t uid)
{
	size_t found = 0;

	for (size_t i = 0; i < n; i++)
		found += m[i].uid == uid;
	return found;
}

/* The user, not root, with the most clients; first is preferred where it has as many. */
static uid_t most(const struct crowd_member *m, size_t n, uid_t first)
{
	size_t most = count(m, n, first);
	uid_t uid = first;

	for (size_t i = 0; i < n; i++) {
		size_t has = m[i].uid ? count(m, n, m[i].uid) : 0;

		if (has > most) {
			most = has;
			uid = m[i].uid;
		}
	}
	return uid;
}

/* The idlest of a user. -1: it has none. */
static ssize_t idlest(const struct crowd_member *m, size_t n, uid_t uid)
{
	ssize_t best = -1;

	for (size_t i = 0; i < n; i++) {
		if (m[i].uid != uid)
			continue;
		if (best < 0 || m[i].waits < m[best].waits ||
		    (m[i].waits == m[best].waits && m[i].active_ns < m[best].active_ns))
			best = (ssize_t)i;
	}
	return best;
}

ssize_t crowd_leaves(const struct crowd_member *m, size_t n, uid_t uid)
{
	size_t root = count(m, n, 0);

	if (uid == 0)
		return root < CROWD_MAX ? -1 : idlest(m, n, 0);
	return n - root < CROWD_MAX ? -1 : idlest(m, n, most(m, n, uid));
}

ssize_t crowd_leaves_any(const struct crowd_member *m, size_t n, uid_t uid)
{
	uid_t other = 0;

	for (size_t i = 0; i < n && !other; i++)
		other = m[i].uid;
	if (other)
		return idlest(m, n, most(m, n, other));
	return uid ? -1 : idlest(m, n, 0);
}
