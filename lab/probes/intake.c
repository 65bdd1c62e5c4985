/* SPDX-License-Identifier: GPL-2.0-or-later */

#include "intake.h"

#include "base/array.h"

#include <errno.h>
#include <stdlib.h>

int intake_look(struct intake *in, const struct topo *t, size_t n, struct errtext *e)
{
	struct observation now = {};
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = array_reserve(&in->s[i], in->n, sizeof(**in->s));
	if (r == 0)
		r = observe_devices(t, n, &now, e);
	if (r < 0)
		return r;
	now.at_ns = clock_now_ns();
	for (size_t i = 0; in->last.at_ns && i < n; i++)
		in->s[i][in->n] = (struct sample){ now.at_ns,
						   (uint32_t)(now.taken_bytes[i] - in->last.taken_bytes[i]) };
	in->n += in->last.at_ns > 0;
	in->last = now;
	return 0;
}

int intake_begin(struct intake *in, const struct topo *t, size_t n, struct errtext *e)
{
	in->last.at_ns = 0;
	return intake_look(in, t, n, e);
}

struct trace intake_trace(const struct intake *in, size_t vm)
{
	return (struct trace){ in->s[vm], in->n };
}

void intake_free(struct intake *in)
{
	for (size_t i = 0; i < TOPO_VMS_MAX; i++)
		free(in->s[i]);
	*in = (struct intake){};
}
