/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What VMs took from their devices, look by look: the device's own counter, behind everything that divides. Its
 * trace has one arrival for each look, of all that came since the look before: good for rates, not for gaps.
 */

#include "lab/measure/measure.h"
#include "observe.h"

struct intake {
	struct sample *s[TOPO_VMS_MAX];
	size_t n; /* looks */
	struct observation last;
};

/* What came before from now on belongs to no look. As intake_look(). */
int intake_begin(struct intake *in, const struct topo *t, size_t n, struct errtext *e);
/* One look at the first n VMs. 0, -ENOMEM, or negative errno with a text. */
int intake_look(struct intake *in, const struct topo *t, size_t n, struct errtext *e);
/* Of one VM, up to the last look; borrowed until the next. */
struct trace intake_trace(const struct intake *in, size_t vm);
void intake_free(struct intake *in);
