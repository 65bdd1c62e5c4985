/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Numbers as a terminal's characters. Each function fills out with UTF-8 of exactly so many columns, NUL-terminated. */

#include <stdbool.h>
#include <stddef.h>

#define BARS_COLUMNS_MAX 60
#define BARS_SIZE (3 * BARS_COLUMNS_MAX + 1) /* bytes: room for as many */

/*
 * A bar: filled up to delivered, shaded from there to entitled; what was delivered beyond entitled is shaded darker.
 * scale: the number that fills all columns. NAN: not known, drawn as nothing. ascii: '#', '.', '+'.
 */
void bars_bar(double delivered, double entitled, double scale, size_t columns, bool ascii, char out[BARS_SIZE]);

/*
 * A line of the n latest values, the newest at the right, each column as high as the mean of its values; "" where none
 * of them is known (NAN). A value that is not 0 is seen. scale: the number that is highest.
 */
void bars_spark(const float *values, size_t n, double scale, size_t columns, bool ascii, char out[BARS_SIZE]);

#define BARS_NUMBER_SIZE 16
/* "999k", "12.3M", "1.25G": at most six columns; "-": NAN. Returns out. */
const char *bars_rate(double bps, char out[BARS_NUMBER_SIZE]);
/* The same for a count: "999999" is as it is. Returns out. */
const char *bars_count(double n, char out[BARS_NUMBER_SIZE]);
