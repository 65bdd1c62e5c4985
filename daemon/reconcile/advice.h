/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What the operator should know though nothing fails: likely mistakes, and vNICs of VMs that nothing divides.
 * Told in verbs' answers and in `status` as long as it holds, and once in the log.
 */

#include "daemon/state/daemon.h"

#include <jansson.h>

/* The speed of the fastest port that an interface's packets leave by, bits per second; 0: none tells its speed. */
uint64_t advice_speed(const struct daemon *d, const char *interface);
/* Append what a plan says, and the speeds of its uplinks' ports. 0 or -ENOMEM. */
int advice_of_plan(const struct daemon *d, const struct plan *p, struct warning_list *out);
/* The same for what runs, what its ports have lost, and what divvyd may not look into, also if nothing runs. */
int advice_now(const struct daemon *d, struct warning_list *out);

/* A list of strings; a new reference. */
json_t *advice_json(const struct warning_list *l);
/* Only those that the log has not had yet, when `set` answers. */
json_t *advice_new_json(const struct daemon *d, const struct warning_list *l);

/* To be called now and then: read the ports' counters, log what is new. settled: no VM is just starting. */
void advice_log(struct daemon *d, bool settled);
