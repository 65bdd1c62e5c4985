/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A figure of the paper, redrawn from our run: a panel for each item of `under`, all with the same axes. */

#include "book_data.h"

#define PLOT_PANELS_MAX 4

/*
 * Draw NAME.svg (and NAME.gp, which makes it) into dir, which exists. gaps: inter-packet delay in place of
 * bandwidth; paper_ms: the paper's mean of it, drawn as a line, 0: none. 0; -ENODATA without a text if no
 * item has data; negative errno with a text.
 */
int book_plot(const struct book_scenario *s, const char *const *unders, size_t n_unders, bool gaps,
	      double paper_ms, const char *dir, const char *name, struct errtext *e);
