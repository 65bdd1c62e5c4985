/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * When the classes of devices that send are read, so that quanta and ceilings follow demand. The Theory of Operation is
 * in demandloop.c.
 */

#include "dataplane.h"
#include "promises.h"

#include <systemd/sd-event.h>

struct demandloop;

/* What is followed; all of it is borrowed. */
struct demandloop_of {
	struct dataplane *plane;
	struct plan *running; /* its tree has what the loop gave the leaves */
	const struct sizing_host *sizing;
	struct promises *promises; /* is told of each reading */
};

/* 0 or negative errno; close with demandloop_close(). */
int demandloop_open(struct demandloop **ret, sd_event *event, const struct demandloop_of *of);
struct demandloop *demandloop_close(struct demandloop *l); /* NULL is fine; returns NULL */

/*
 * A plan was made, and may be applied next: its leaves are to have what the devices demand now. The running plan, and
 * what the loop knows of it, stay as they are until demandloop_switch(). 0 or -ENOMEM.
 */
int demandloop_prepare(struct demandloop *l, struct plan *p);
/* The plan that was prepared last is the running one now. */
void demandloop_switch(struct demandloop *l);

/* At the end: no leaf's ceiling stays below its limit. 0 or negative errno. */
int demandloop_rest(struct demandloop *l);
