// SPDX-License-Identifier: GPL-2.0-or-later
#include "columns.h"

/* Of the columns that are shown, blanks between them included. */
static size_t taken(const struct column *all, size_t n)
{
	size_t sum = 0;

	for (size_t i = 0; i < n; i++)
		if (all[i].width)
			sum += all[i].width + (sum ? 1 : 0);
	return sum;
}

/* The column that is left out next; NULL: none may be. */
static struct column *first_to_go(struct column *all, size_t n)
{
	struct column *first = NULL;

	for (size_t i = 0; i < n; i++)
		if (all[i].width && all[i].drop > 0 && (!first || all[i].drop > first->drop))
			first = &all[i];
	return first;
}

size_t columns_fit(struct column *all, size_t n, size_t terminal)
{
	size_t sum, given = 1;

	for (size_t i = 0; i < n; i++)
		all[i].width = all[i].least;
	while ((sum = taken(all, n)) > terminal) {
		struct column *c = first_to_go(all, n);

		if (!c)
			return sum;
		c->width = 0;
	}
	while (sum < terminal && given) {
		given = 0;
		for (size_t i = 0; i < n && sum < terminal; i++)
			if (all[i].width && all[i].width < all[i].most) {
				all[i].width++;
				sum++;
				given++;
			}
	}
	return sum;
}
