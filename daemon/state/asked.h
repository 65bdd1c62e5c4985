/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What clients asked to change, as events (base/event.h): what was done, and what was refused. */

#include "base/nsec.h"
#include "spec/error.h"

#include <stdint.h>

/*
 * So many refusals are told in ASKED_WINDOW_NS, and how many were not with the next one: a client that asks for nonsense
 * in a loop fills neither the log nor what watchers can read.
 */
#define ASKED_REFUSALS_MAX 20
#define ASKED_WINDOW_NS (10 * NSEC_PER_SEC)

/* Zeroed: none was refused. */
struct asked {
	uint64_t window_ns; /* when the window began, CLOCK_MONOTONIC */
	unsigned int told;  /* in it */
	uint64_t untold;    /* since the latest one that was told */
};

/*
 * verb: "set"; what: "web=40", or how many devices are bound now. name: full, of the device or network; uplink: what it
 * is under, or the uplink that was changed; each NULL: of none. direction: of
 * core/direction.h; NULL: both.
 */
void asked_done(const char *verb, const char *name, const char *uplink, const char *direction, const char *what);
void asked_refused(struct asked *a, const char *verb, const struct spec_error *err, uint64_t now_ns);
