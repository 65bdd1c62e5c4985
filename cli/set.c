// SPDX-License-Identifier: GPL-2.0-or-later
/* divvy set [--dry-run [--json]] NAME=SHARE... NAME.KEY=VALUE... schedule.KEY=VALUE... */

#include "cli.h"
#include "ask.h"
#include "complain.h"
#include "dryrun.h"

#include "spec/spec.h"
#include "spec/units.h"

#include <stdio.h>
#include <string.h>

#define SCHEDULE_PREFIX "schedule."
/* "uplink/network/device.key" */
#define NAME_SIZE (MODEL_FULL_NAME_SIZE + MODEL_NAME_SIZE)

static int refuse_twice(const char *name)
{
	complain("%s is set twice", name);
	return -1;
}

/* Adds value, which is taken. name: as written. 0; -1: after a complaint. */
static int put(json_t *to, const char *key, json_t *value, const char *name)
{
	if (json_object_get(to, key)) {
		json_decref(value);
		return refuse_twice(name);
	}
	if (json_object_set_new(to, key, value) < 0) {
		complain("\"%.80s\": not UTF-8", name);
		return -1;
	}
	return 0;
}

/* What the command line asks for. */
struct request {
	json_t *shares, *nodes, *schedule;
};

/* The dot in front of the key, which may be "rx.limit". NULL: there is none, or no name in front of it. */
static const char *dot_of(const char *name_key)
{
	static const char rx[] = "." SPEC_RX_PREFIX;
	const char *dot = strrchr(name_key, '.');
	size_t before = dot ? (size_t)(dot + 1 - name_key) : 0;

	if (before > strlen(rx) && strncmp(dot + 1 - strlen(rx), rx, strlen(rx)) == 0)
		dot -= strlen(rx) - 1;
	return dot == name_key ? NULL : dot;
}

/* "web.reserve=50mbit". name_key: as written; it has a dot in front of the key. */
static int add_key(struct request *r, const char *name_key, const char *value)
{
	const char *dot = dot_of(name_key);
	char name[NAME_SIZE];
	json_t *keys;

	snprintf(name, sizeof(name), "%.*s", (int)(dot - name_key), name_key);
	/* A share is said in two ways, and once. */
	if (strcmp(dot + 1, "share") == 0 && json_object_get(r->shares, name))
		return refuse_twice(name);
	keys = json_object_get(r->nodes, name);
	if (!keys) {
		keys = json_object();
		if (put(r->nodes, name, keys, name) < 0)
			return -1;
	}
	return put(keys, dot + 1, json_string(value), name_key);
}

static int add_share(struct request *r, const char *name, const char *value)
{
	char err[UNITS_ERR_SIZE];
	struct share share;

	if (units_parse_share(value, &share, err) < 0) {
		complain(spec_is_schedule_key(name) ?
				 "%1$s: %2$s; a key of schedule is written schedule.%1$s=VALUE" :
				 "%s: %s",
			 name, err);
		return -1;
	}
	if (json_object_get(json_object_get(r->nodes, name), "share"))
		return refuse_twice(name);
	return put(r->shares, name, json_integer(share.weight), name);
}

/*
 * Whether NAME=VALUE is NAME.KEY=VALUE. A name may have dots itself: what follows the last one is a key that can be set,
 * or, where the value is no share, a slip for one or a key of the file: divvyd says which can be set.
 */
static bool names_key(const char *name, const char *value)
{
	const char *dot = dot_of(name), *key = dot ? spec_node_key(dot + 1) : NULL;
	char err[UNITS_ERR_SIZE];
	struct share share;

	if (key && strcmp(key, dot + 1) == 0)
		return true;
	return (key || (dot && spec_is_node_key(dot + 1))) && units_parse_share(value, &share, err) < 0;
}

static int add(struct request *r, const char *arg)
{
	char name[NAME_SIZE];
	const char *eq = strrchr(arg, '=');

	if (!eq || eq == arg || (size_t)(eq - arg) >= sizeof(name)) {
		complain("\"%.80s\": expected NAME=SHARE, such as web=60, NAME.KEY=VALUE, such as web.limit=50mbit, or schedule.KEY=VALUE",
			 arg);
		return -1;
	}
	memcpy(name, arg, (size_t)(eq - arg));
	name[eq - arg] = '\0';
	if (strncmp(name, SCHEDULE_PREFIX, strlen(SCHEDULE_PREFIX)) == 0)
		return put(r->schedule, name + strlen(SCHEDULE_PREFIX), json_string(eq + 1), name);
	return names_key(name, eq + 1) ? add_key(r, name, eq + 1) : add_share(r, name, eq + 1);
}

int verb_set(int argc, char **argv)
{
	json_auto_t *args = json_pack("{s:{},s:{},s:{}}", "shares", "nodes", "schedule");
	struct request r = { json_object_get(args, "shares"), json_object_get(args, "nodes"),
			     json_object_get(args, "schedule") };
	json_auto_t *result = NULL;
	struct dryrun o = { 0 };

	if (dryrun_options(&argc, argv, &o) < 0)
		return EXIT_FAILURE;
	if (argc < 2)
		return complain("expected at least one NAME=SHARE, such as web=60, NAME.KEY=VALUE, such as web.limit=50mbit, or schedule.KEY=VALUE");
	for (int i = 1; i < argc; i++)
		if (add(&r, argv[i]) < 0)
			return EXIT_FAILURE;
	if (json_object_size(r.nodes) == 0)
		json_object_del(args, "nodes");
	if (o.wanted)
		json_object_set_new(args, "dry_run", json_true());
	if (ask("set", json_incref(args), &result) < 0)
		return EXIT_FAILURE;
	ask_warn(result);
	return o.wanted ? dryrun_print(&o, stdout, result) : EXIT_SUCCESS;
}
