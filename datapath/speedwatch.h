/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * When the speeds of uplinks are read again: after a link event of a port, after ethtool(8) has set one, and when the
 * caller asks. A bond tells of its members by link events. Costs nothing where no capacity is a part of a speed.
 */

#include "plan/plan.h"
#include "portspeed.h"

#include <systemd/sd-event.h>

struct speedwatch;

/* All of it is borrowed. changed is called when a speed is another one, and may replace what runs. */
struct speedwatch_ends {
	struct portspeed *speeds;
	const struct plan *running;
	const struct host *host;
	void (*changed)(void *arg);
	void *arg;
};

/* 0, or negative errno. Where the kernel tells nothing of ethtool, the other two remain. */
int speedwatch_open(struct speedwatch **ret, sd_event *event, const struct speedwatch_ends *ends);
/* NULL is fine; returns NULL. */
struct speedwatch *speedwatch_close(struct speedwatch *w);
/* Another plan runs. */
void speedwatch_follow(struct speedwatch *w);
/* There was a link event of it. */
void speedwatch_link(struct speedwatch *w, const struct link *l);
/* Read them now. */
void speedwatch_read(struct speedwatch *w);
