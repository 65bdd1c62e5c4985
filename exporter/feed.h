/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * divvyd's status, for all who ask the exporter: one question to divvyd serves those that come within FEED_FRESH_NS,
 * however many they are. Each reading goes to the history.
 */

#include "history.h"

#include "spec/error.h"

/* An answer that is not older is given again. */
#define FEED_FRESH_NS (500 * NSEC_PER_MSEC)
/* divvyd gets so long to answer; a scrape is given up after 10 s. */
#define FEED_PATIENCE_S 5

struct feed;

/* NULL: out of memory. */
struct feed *feed_open(void);
void feed_close(struct feed *f);

struct feed_reading {
	const json_t *status; /* borrowed until the next feed_read(); NULL: divvyd gave no answer, and why tells */
	double seconds;       /* that it took to answer */
	char why[sizeof(((struct spec_error *)NULL)->text)]; /* one line, where there is no answer */
};

/* As divvyd's status has them: all; what counts; what changes from second to second. */
enum feed_detail { FEED_WHOLE, FEED_COUNTERS, FEED_BRIEF, FEED_DETAILS };

/* Waits for divvyd, at most twice FEED_PATIENCE_S. */
void feed_read(struct feed *f, enum feed_detail detail, struct feed_reading *out);

const struct history *feed_history(const struct feed *f);
