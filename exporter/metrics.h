/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * divvyd's status as metrics: Prometheus' text format 0.0.4, or OpenMetrics 1.0. Names and meaning: divvy-exporter(8).
 * What was not measured has no sample.
 */

#include "text.h"

#include <jansson.h>

struct metrics_source {
	const json_t *status;   /* divvyd's answer; NULL: it gave none */
	double seconds;         /* that the answer took */
	const char *version;    /* of the exporter */
};

/* Appends all metrics. */
void metrics_write(const struct metrics_source *from, bool openmetrics, struct text *to);

/* Whether an Accept: header asks for OpenMetrics 1.0 and does not prefer the text format; NULL: there is none. */
bool metrics_wants_openmetrics(const char *accept);

#define METRICS_TEXT_TYPE "text/plain; version=0.0.4; charset=utf-8"
#define METRICS_OPEN_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"
