// SPDX-License-Identifier: GPL-2.0-or-later
#include "apply.h"

#include "classes.h"
#include "classify.h"
#include "diff.h"

#include <stdio.h>

int apply(struct dataplane *p, const struct host *h, const struct tree *want, struct missed_list *missed,
	  char *errtext, size_t size)
{
	struct diff d = { 0 };
	int err;

	snprintf(errtext, size, "out of memory");
	err = diff_trees(&p->have, want, &d);
	if (err >= 0)
		err = classes_make_ifbs(p, want, &d, errtext, size);
	if (err >= 0)
		err = classes_apply(p, want, &d, errtext, size);
	if (err >= 0)
		err = classify_map(p, want, &d);
	if (err >= 0)
		err = classify_roots(p, want, &d, errtext, size);
	if (err >= 0)
		err = vnics_apply(p, h, want, &d, missed, errtext, size);
	rtnl_discard(p->rtnl);
	if (err < 0)
		p->stale = p->half_done = true;
	diff_free(&d);
	return err;
}
