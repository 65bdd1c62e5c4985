// SPDX-License-Identifier: GPL-2.0-or-later
#include "bars.h"

#include "base/cleanup.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Eighths of a column. */
static const char *const widths[] = { " ", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█" };
static const char *const heights[] = { " ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
static const char *const heights_ascii[] = { " ", "_", "_", ".", "-", "-", "=", "*", "#" };

static size_t put(char *out, size_t at, const char *glyph)
{
	size_t len = strlen(glyph);

	memcpy(out + at, glyph, len + 1);
	return at + len;
}

/* v as a part of scale, in steps; 0 to all of them. */
static size_t steps(double v, double scale, size_t all)
{
	double part = scale > 0 && v > 0 ? v / scale : 0;

	return (size_t)(fmin(part, 1) * (double)all + 0.5);
}

void bars_bar(double delivered, double entitled, double scale, size_t columns, bool ascii, char out[BARS_SIZE])
{
	size_t full, shaded, dark, at = 0;

	if (columns > BARS_COLUMNS_MAX)
		columns = BARS_COLUMNS_MAX;
	/* A hundredth more than it is entitled to is no excess: windows do not end with packets. */
	full = steps(!isnan(entitled) && delivered > 1.01 * entitled ? entitled : delivered, scale, 8 * columns);
	dark = steps(delivered, scale, columns);
	shaded = steps(entitled, scale, columns);
	for (size_t i = 0; i < columns; i++) {
		bool whole = full >= 8 * (i + 1), part = !whole && full > 8 * i;

		if (ascii && (whole || (part && full - 8 * i >= 4)))
			at = put(out, at, "#");
		else if (whole || (part && !ascii))
			at = put(out, at, widths[whole ? 8 : full - 8 * i]);
		else if (i < dark && !part && !isnan(entitled) && delivered > 1.01 * entitled)
			at = put(out, at, ascii ? "+" : "▒");
		else
			at = put(out, at, i < shaded ? (ascii ? "." : "░") : " ");
	}
	out[at] = '\0';
}

/* The mean of those values that are known; NAN: none is. */
static double mean(const float *values, size_t n)
{
	double sum = 0;
	size_t known = 0;

	for (size_t i = 0; i < n; i++)
		if (!isnan(values[i])) {
			sum += (double)values[i];
			known++;
		}
	return known ? sum / (double)known : NAN;
}

void bars_spark(const float *values, size_t n, double scale, size_t columns, bool ascii, char out[BARS_SIZE])
{
	size_t at = 0;

	if (columns > BARS_COLUMNS_MAX)
		columns = BARS_COLUMNS_MAX;
	for (size_t i = 0; i < columns; i++) {
		size_t from = i * n / columns, end = (i + 1) * n / columns, high;
		double v = mean(values + from, end > from ? end - from : n > from);

		high = steps(v, scale, 8);
		if (v > 0 && high == 0)
			high = 1;
		at = put(out, at, (ascii ? heights_ascii : heights)[high]);
	}
	out[at] = '\0';
}

/* Three digits that count, and what they are multiples of. */
static const char *scaled(double v, char out[BARS_NUMBER_SIZE])
{
	static const char units[] = " kMGTPE";
	size_t unit = 0;

	while (v >= 999.5 && unit + 2 < sizeof(units)) {
		v /= 1000;
		unit++;
	}
	snprintf(out, BARS_NUMBER_SIZE, "%.*f%.1s", unit == 0 || v >= 99.95 ? 0 : v >= 9.995 ? 1 : 2, v,
		 unit ? &units[unit] : "");
	return out;
}

const char *bars_rate(double bps, char out[BARS_NUMBER_SIZE])
{
	if (isnan(bps))
		return strcpy(out, "-");
	return scaled(bps > 0 ? bps : 0, out);
}

const char *bars_count(double n, char out[BARS_NUMBER_SIZE])
{
	if (n < 1e6) {
		snprintf(out, BARS_NUMBER_SIZE, "%.0f", n);
		return out;
	}
	return scaled(n, out);
}
