/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A result, for people on a terminal and in files. Writers return 0 or negative errno with a text. */

#include "lab/run/result.h"

#include <stdio.h>

/* All of what follows: for run_scenario(). */
int record(const struct result *r, const char *dir, struct errtext *e);

int summary_write(const struct result *r, const char *dir, struct errtext *e); /* summary.json */
/* bandwidth, phases, gaps, rtt, loss .csv */
int csv_write(const struct result *r, const char *dir, struct errtext *e);
/* bandwidth.svg, .png; and slots.csv, frames.csv, slots.svg, .png where there are slots */
int plot_write(const struct result *r, const char *dir, struct errtext *e);
/* Make DIR/NAME for writing; a file that is there is emptied. */
int report_open(FILE **ret, const char *dir, const char *name, struct errtext *e);
/* fclose() that notices what could not be written. */
int report_close(FILE *f, const char *dir, const char *name, struct errtext *e);
