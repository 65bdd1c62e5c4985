// SPDX-License-Identifier: GPL-2.0-or-later
/* divvy set [--dry-run [--json]] NAME=SHARE... schedule.KEY=VALUE... */

#include "cli.h"
#include "ask.h"
#include "complain.h"
#include "dryrun.h"

#include "spec/spec.h"
#include "spec/units.h"

#include <string.h>

#define SCHEDULE_PREFIX "schedule."

/* Adds value, which is taken. name: as written. 0; -1: after a complaint. */
static int put(json_t *to, const char *key, json_t *value, const char *name)
{
	if (json_object_get(to, key)) {
		json_decref(value);
		complain("%s is set twice", name);
		return -1;
	}
	if (json_object_set_new(to, key, value) < 0) {
		complain("\"%.80s\": not UTF-8", name);
		return -1;
	}
	return 0;
}

static int add_share(json_t *shares, json_t *schedule, const char *arg)
{
	char name[3 * MODEL_NAME_SIZE], err[UNITS_ERR_SIZE];
	const char *eq = strrchr(arg, '=');
	struct share share;

	if (!eq || eq == arg || (size_t)(eq - arg) >= sizeof(name)) {
		complain("\"%.80s\": expected NAME=SHARE, such as web=60, or schedule.KEY=VALUE", arg);
		return -1;
	}
	memcpy(name, arg, (size_t)(eq - arg));
	name[eq - arg] = '\0';
	if (strncmp(name, SCHEDULE_PREFIX, strlen(SCHEDULE_PREFIX)) == 0)
		return put(schedule, name + strlen(SCHEDULE_PREFIX), json_string(eq + 1), name);
	if (units_parse_share(eq + 1, &share, err) < 0) {
		complain(spec_is_schedule_key(name) ?
				 "%1$s: %2$s; a key of schedule is written schedule.%1$s=VALUE" :
				 "%s: %s",
			 name, err);
		return -1;
	}
	return put(shares, name, json_integer(share.weight), name);
}

int verb_set(int argc, char **argv)
{
	json_auto_t *args = json_pack("{s:{},s:{}}", "shares", "schedule");
	json_t *shares = json_object_get(args, "shares"), *schedule = json_object_get(args, "schedule");
	json_auto_t *result = NULL;
	struct dryrun o = { 0 };

	if (dryrun_options(&argc, argv, &o) < 0)
		return EXIT_FAILURE;
	if (argc < 2)
		return complain("expected at least one NAME=SHARE, such as web=60, or schedule.KEY=VALUE");
	for (int i = 1; i < argc; i++)
		if (add_share(shares, schedule, argv[i]) < 0)
			return EXIT_FAILURE;
	if (o.wanted)
		json_object_set_new(args, "dry_run", json_true());
	if (ask("set", json_incref(args), &result) < 0)
		return EXIT_FAILURE;
	ask_warn(result);
	return o.wanted ? dryrun_print(&o, stdout, result) : EXIT_SUCCESS;
}
