/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* For tests of daemon/state/state.c: a divvyd that runs nothing yet, with a folder for its files. */

#include "daemon/state/state.h"
#include "daemon/state/systemfile.h"

#include "folder.h"

#include "base/cleanup.h"

#include <errno.h>

struct scratch {
	struct folder folder;
	char config[100], state[100];
	struct daemon d;
};

static inline int set_up(void **state)
{
	struct scratch *s = calloc(1, sizeof(*s));

	if (!s)
		return -1;
	folder_make(&s->folder);
	snprintf(s->config, sizeof(s->config), "%s/divvy.yaml", s->folder.path);
	snprintf(s->state, sizeof(s->state), "%s/state.json", s->folder.path);
	s->d.options = (struct daemon_options){ .config = s->config, .state = s->folder.path };
	model_init(&s->d.plan.written);
	*state = s;
	return 0;
}

static inline void daemon_free(struct daemon *d)
{
	plan_free(&d->plan);
	hooks_free(&d->plane.hooks);
	backpressure_free(&d->backpressure);
	host_free(&d->host);
}

static inline int tear_down(void **state)
{
	struct scratch *s = *state;

	daemon_free(&s->d);
	folder_remove(&s->folder);
	free(s);
	return 0;
}

/* Two specifications. */
static const char web[] = "uplinks:\n"
			  "  - name: eth0\n"
			  "    capacity: 100mbit\n"
			  "    devices:\n"
			  "      - {name: web, share: 60, nic: tap0}\n"
			  "      - {name: db, share: 40, nic: tap1}\n";
static const char other[] = "uplinks: [{name: eth1, capacity: 1gbit, devices: [{name: mail, vm: mail}]}]\n";

static inline void parse(const char *text, struct model *m)
{
	struct spec_error err;

	if (spec_parse(text, strlen(text), m, &err) < 0)
		fail_msg("%u: %s", err.line, err.text);
}

/* Run this text, as `divvy apply` does. */
static inline void run_applied(struct scratch *s, const char *text)
{
	model_free(&s->d.plan.written);
	parse(text, &s->d.plan.written);
	s->d.origin = ORIGIN_APPLIED;
	s->d.file_hash = systemfile_hash(s->config);
	s->d.file.valid = false;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
