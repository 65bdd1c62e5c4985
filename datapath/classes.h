/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Steps 1 and 2 of apply.h: IFBs with their roots, HTB classes and their queues. */

#include "dataplane.h"
#include "diff.h"

/* Make the IFBs and roots of the diff; each is in p->have then. 0, or negative errno with errtext filled. */
int classes_make_ifbs(struct dataplane *p, const struct tree *want, const struct diff *d, char *errtext,
		      size_t size);

/*
 * Make and change the classes of the diff, in one batch. p->have has them then, and marks those that drain. 0,
 * or negative errno; errtext is filled where there is more to say than the errno.
 */
int classes_apply(struct dataplane *p, const struct tree *want, const struct diff *d, char *errtext,
		  size_t size);
