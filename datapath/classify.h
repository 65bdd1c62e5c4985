/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Step 3 of apply.h: which class a vNIC's packets go to, and the classifier at the HTB's root. */

#include "dataplane.h"
#include "diff.h"

/* Tell the classifier the class of every vNIC of the diff that is new or moved. 0 or negative errno. */
int classify_map(struct dataplane *p, const struct tree *want, const struct diff *d);

/*
 * Set the classifier at the roots of the diff's uplinks, and remove what others have put before it. 0, or negative errno;
 * errtext is filled where there is more to say than the errno.
 */
int classify_roots(struct dataplane *p, const struct tree *want, const struct diff *d, char *errtext,
		   size_t size);
