/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Which of the rows of `divvy top` are shown, in which order, and which of them is selected. */

#include "toprows.h"

#define TOPVIEW_FILTER_SIZE 64

enum topview_sort {
	TOPVIEW_AS_WRITTEN, /* as the specification has them */
	TOPVIEW_BY_DELIVERED,
	TOPVIEW_BY_ENTITLED,
	TOPVIEW_BY_DROPS,
	TOPVIEW_BY_VIOLATIONS,
	TOPVIEW_BY_STATE,   /* the worst first */
	TOPVIEW_BY_SHARE,
	TOPVIEW_BY_NAME,
	TOPVIEW_SORTS,
};

/* Zeroed: all rows as they are written, the first one selected. */
struct topview {
	enum topview_sort sort;            /* among those that the same row holds: the tree stays one */
	char filter[TOPVIEW_FILTER_SIZE];  /* "": none */
	uint32_t *order; /* owned: rows that are shown, from top to bottom */
	size_t n;
	size_t selected; /* index in order; 0 where nothing is shown */
	size_t first;    /* index in order of the first row on the screen */
};

extern const char *const topview_sort_names[TOPVIEW_SORTS];

void topview_free(struct topview *v);

/*
 * Makes the order anew. keep: the row that shall be selected, TOP_NONE or one that is not shown: what stands where
 * the selection was. 0; -ENOMEM: *v is unchanged.
 *
 * A filter shows a row if its name, vNIC or VM has that text in it, whether capital or small letters, or a row that
 * holds it has; and with it the rows that hold it, also where they are folded.
 */
int topview_arrange(struct topview *v, const struct top_rows *r, uint32_t keep);

/* The selected row; TOP_NONE: nothing is shown. */
uint32_t topview_selected(const struct topview *v);

/* Selects the row so many further down (or up), and scrolls so that it is among height rows on the screen. */
void topview_move(struct topview *v, long by, size_t height);
