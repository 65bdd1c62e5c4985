// SPDX-License-Identifier: GPL-2.0-or-later
#include "setting.h"

#include "daemon/state/asked.h"
#include "plan/near.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

const char *setting_matched(const struct plan *running, const char *name)
{
	for (uint32_t i = 0; i < running->model.n_nodes; i++) {
		const struct node *node = &running->model.nodes[i];
		const struct node *written = &running->written.nodes[running->from[i]];
		char full[MODEL_FULL_NAME_SIZE];

		if ((node->instance || written->others) && node->kind == NODE_DEVICE &&
		    strcmp(model_full_name(&running->model, i, full), name) == 0)
			return written->name;
	}
	return NULL;
}

static int refuse_name(const struct plan *running, const struct model *m, const char *name, int64_t found,
		       struct spec_error *err)
{
	char full[MODEL_FULL_NAME_SIZE];
	const char *of = found == -ENOENT ? setting_matched(running, name) : NULL, *near = near_node(m, name, full);

	if (of)
		return spec_fail(err, -EINVAL,
				 "\"%.80s\" is one of what fits \"%.63s\": set %.63s changes all of them; list it as a device to give it terms of its own",
				 name, of, of);
	if (found == -ENOTUNIQ)
		return spec_fail(err, -EINVAL,
				 "\"%.80s\" is there several times: write network/name, or uplink/name", name);
	if (spec_is_schedule_key(name))
		return spec_fail(err, -EINVAL,
				 "no device or network \"%1$.80s\"; a key of schedule is written schedule.%1$.80s=VALUE",
				 name);
	if (near)
		return spec_fail(err, -EINVAL, "no device or network \"%.80s\"; did you mean \"%s\"?", name, near);
	return spec_fail(err, -EINVAL, "no device or network \"%.80s\" in the running specification (divvy status)",
			 name);
}

/* A device or network; or an uplink, where no device or network has that name. NULL: *err is filled. */
static struct node *find(const struct plan *running, struct model *m, const char *name, struct spec_error *err)
{
	int64_t i = model_find(m, name);

	if (i >= 0)
		return &m->nodes[i];
	for (size_t k = 0; i == -ENOENT && k < m->n_nodes; k = model_end(m, k))
		if (strcmp(m->nodes[k].name, name) == 0)
			return &m->nodes[k];
	refuse_name(running, m, name, i, err);
	return NULL;
}

static int set_share(struct node *node, const char *name, const json_t *value, struct spec_error *err)
{
	json_int_t weight = json_integer_value(value);

	if (node->kind == NODE_UPLINK)
		return spec_fail(err, -EINVAL, "\"%.80s\" is an uplink, which has no share; expected %.80s.capacity=RATE",
				 name, name);
	if (!json_is_integer(value) || weight < 1 || weight > SHARE_MAX)
		return spec_fail(err, -EINVAL, "%.80s: share out of range, expected a whole number from 1 to %u", name,
				 SHARE_MAX);
	node->share.weight = (uint32_t)weight;
	return 0;
}

static int set_keys(struct node *node, const char *name, json_t *keys, struct spec_error *err)
{
	const char *key;
	json_t *value;

	json_object_foreach(keys, key, value) {
		const char *text = json_string_value(value);
		struct spec_error why;

		if (spec_set_node(node, key, text ? text : "", &why) < 0)
			return spec_fail(err, -EINVAL, "%.80s: %.600s", name, why.text);
	}
	return 0;
}

static int set_nodes(const struct plan *running, const json_t *args, struct model *m, struct spec_error *err)
{
	json_t *shares = json_object_get(args, "shares"), *nodes = json_object_get(args, "nodes"), *value;
	const char *name;

	json_object_foreach(shares, name, value) {
		struct node *node = find(running, m, name, err);

		if (!node || set_share(node, name, value, err) < 0)
			return -EINVAL;
	}
	json_object_foreach(nodes, name, value) {
		struct node *node = find(running, m, name, err);

		if (!node || set_keys(node, name, value, err) < 0)
			return -EINVAL;
	}
	return 0;
}

int setting_change(const struct plan *running, const json_t *args, struct model *m, struct spec_error *err)
{
	json_t *schedule = json_object_get(args, "schedule"), *value;
	struct model_error merr = { 0 };
	const char *key;

	if (json_object_size(json_object_get(args, "shares")) + json_object_size(json_object_get(args, "nodes")) +
		    json_object_size(schedule) ==
	    0)
		return spec_fail(err, -EINVAL, "set: expected at least one NAME=SHARE");
	if (set_nodes(running, args, m, err) < 0)
		return -EINVAL;
	json_object_foreach(schedule, key, value) {
		const char *text = json_string_value(value);

		if (spec_set_schedule(&m->schedule, key, text ? text : "", err) < 0)
			return -EINVAL;
	}
	/* All of it is set: what a device may be depends on the schedule, too. */
	return model_validate(m, &merr) < 0 ? spec_fail(err, -EINVAL, "%s", merr.text) : 0;
}

static void tell(const struct plan *running, const char *name, const char *key, const char *value)
{
	const struct model *m = &running->written;
	int64_t i = model_find(m, name);
	/* "rx.share", "rx_capacity"; the others may be about both, for "rx: same". */
	const char *direction = strncmp(key, "rx", 2) == 0 ? direction_names[DIRECTION_RX] : NULL;
	char full[MODEL_FULL_NAME_SIZE], what[MODEL_FULL_NAME_SIZE + 160];

	snprintf(what, sizeof(what), "%s%s%s=%s", name, key[0] ? "." : "", key, value ? value : "");
	if (i >= 0)
		asked_done("set", model_full_name(m, (uint32_t)i, full), m->nodes[model_uplink_of(m, (uint32_t)i)].name,
			   direction, what);
	else
		asked_done("set", NULL, name, direction, what);
}

void setting_tell(const struct plan *running, const json_t *args)
{
	json_t *shares = json_object_get(args, "shares"), *nodes = json_object_get(args, "nodes"),
	       *schedule = json_object_get(args, "schedule"), *value, *keys;
	const char *name, *key;
	char weight[24], what[160];

	json_object_foreach(shares, name, value) {
		snprintf(weight, sizeof(weight), "%lld", (long long)json_integer_value(value));
		tell(running, name, "", weight);
	}
	json_object_foreach(nodes, name, keys)
		json_object_foreach(keys, key, value)
			tell(running, name, key, json_string_value(value));
	json_object_foreach(schedule, key, value) {
		snprintf(what, sizeof(what), "schedule.%s=%s", key, json_string_value(value));
		asked_done("set", NULL, NULL, NULL, what);
	}
}
