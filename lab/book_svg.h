/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "lab/proc/proc.h"

/*
 * Take out of an SVG by gnuplot what is not drawn: empty groups, symbols that nothing refers to, attributes
 * that every group repeats. That is a third of a plot with several panels. 0 or negative errno with a text;
 * the file is as it was then.
 */
int svg_slim(const char *path, struct errtext *e);
/* The same for a text, in place. */
void svg_slim_text(char *svg);
