/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Which HTB class belongs to which node, for as long as the node exists, also over restarts: a
 * class must not change its owner while packets wait in it. Keyed by "uplink/network/device", so a
 * device that moves to another network gets a new class.
 */

#include "core/model.h"

#include <jansson.h>

struct minors {
	json_t *by_name; /* {"eno1/tenant-a/web": 7} */
};

int minors_init(struct minors *t); /* 0 or -ENOMEM */
void minors_free(struct minors *t);

/*
 * A minor for each of the model's networks and devices: what is known, or else a free one. busy(minor,
 * uplink): whether a class of that minor is there although no node has it (it drains). Names that the model
 * no longer has are forgotten. out: n_nodes long, 0 for uplinks. 0, -ENOMEM, or -ENOSPC.
 */
int minors_assign(struct minors *t, const struct model *m,
		  bool (*busy)(const char *uplink, uint16_t minor, void *arg), void *arg, uint16_t *out);

/*
 * A change that may fail: keep the table as it is, and later either restore it or drop what was kept. What
 * minors_keep() returns is owned; NULL if the table is. minors_assign() makes a new table, so that what was
 * kept stays as it was.
 */
void *minors_keep(const struct minors *t);
void minors_restore(struct minors *t, void *kept);
void minors_drop(void *kept);
