/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Causes found by people, to stand beside a result that is behind. A text file for people too
 * (doc/causes.md): each item of a list is one cause, and everything else is prose:
 *
 *	- WORKLOAD / PEER / MEASURE: why, in a sentence or two,
 *	  which may go on in indented lines
 *
 * WORKLOAD is a scenario's name, PEER the name of an item of `under`, MEASURE one of measure_kinds[].key; "*"
 * is any.
 */

#include "lab/proc/proc.h"

struct cause {
	char *workload, *peer, *measure, *text;
};

struct causes {
	struct cause *c;
	size_t n;
};

/*
 * A file that is not there is no cause at all, unless it was asked for. 0; -ENOENT; -EINVAL with "FILE:LINE:
 * ..."
 */
int causes_load(const char *path, bool asked, struct causes *out, struct errtext *e);
void causes_free(struct causes *c);
/* Borrowed; NULL: not yet known. The first that fits, in the file's order. */
const char *causes_find(const struct causes *c, const char *workload, const char *peer, const char *measure);
