/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The evaluation's report: DIR/report.html, which stands alone, and DIR/report.md with DIR/plots/NAME.svg,
 * from what "divvy-lab figures" left in DIR. Every sentence in it is computed from the data.
 */

#include "lab/proc/proc.h"

struct book_options {
	const char *doc;    /* write the Markdown there too, its plots into a folder of its name; NULL: no */
	const char *causes; /* see book_causes.h; NULL: doc/causes.md of the source tree, if there is one */
};

/* 0, or negative errno with a line of text. */
int book_write(const char *dir, const struct book_options *o, struct errtext *e);

/* "divvy-lab report DIR [--doc FILE] [--causes FILE]": the exit status. */
int book_verb(int argc, char **argv);
