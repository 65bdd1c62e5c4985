/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Where things lie. */

/*
 * A program that was built or installed with the lab: beside it, or in $DIVVY_LAB_PROGRAMS. Borrowed until
 * the next call for another name; two names can be held at once.
 */
const char *program_path(const char *name);
/*
 * The directory of the scenarios' files: $DIVVY_LAB_SCENARIOS, else that of the source tree around the lab's
 * program, else lab/scenarios here. Borrowed.
 */
const char *program_scenarios(void);
/* The program that writes reports: $DIVVY_LAB_REPORT, else that of the same tree. Borrowed. */
const char *program_report(void);
/* The directory of gnuplot's scripts: $DIVVY_LAB_PLOTS, else that of the same tree. Borrowed. */
const char *program_plots(void);
