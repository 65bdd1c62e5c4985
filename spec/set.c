/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One key of a schedule from the command line, by the table that serves the file, too. */
#include "schema.h"
#include "spec.h"

#include <errno.h>
#include <stdio.h>

bool spec_is_schedule_key(const char *key)
{
	return schema_find(&schema_schedule, key);
}

int spec_set_schedule(struct schedule *s, const char *key, const char *text, struct spec_error *err)
{
	const struct field *f = schema_find(&schema_schedule, key);
	struct schedule changed = *s;
	char why[UNITS_ERR_SIZE], keys[128];
	int r;

	*err = (struct spec_error){ 0 };
	if (!f || !f->parse) {
		const char *near = schema_suggest(&schema_schedule, key);

		if (near)
			snprintf(err->text, sizeof(err->text),
				 "unknown key \"schedule.%.60s\"; did you mean \"schedule.%s\"?", key, near);
		else
			snprintf(err->text, sizeof(err->text), "unknown key \"schedule.%.60s\"; expected %s",
				 key, schema_keys(&schema_schedule, keys, sizeof(keys)));
		return -EINVAL;
	}
	r = f->parse(f, text, &changed, why);
	if (r < 0) {
		snprintf(err->text, sizeof(err->text), "schedule.%s: %s", key, why);
		return r;
	}
	*s = changed;
	return 0;
}
