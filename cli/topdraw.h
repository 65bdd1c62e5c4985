/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The lines of `divvy top`, for a terminal of any size. Nothing here knows the terminal. */

#include "columns.h"
#include "strip.h"
#include "topview.h"

#define TOPDRAW_CELLS 17

struct topdraw {
	const struct top_rows *rows;
	const struct topview *view;
	size_t columns; /* of the terminal */
	bool ascii;     /* it shows no other characters */
	bool directions[TOP_DIRECTIONS]; /* which are shown, of those that are divided */
	struct column layout[TOPDRAW_CELLS]; /* topdraw_layout()'s */
};

/* Before the others, when anything above it has changed. */
void topdraw_layout(struct topdraw *t);

/* Each function overwrites *out. */

/* "eno1: 58.9M of 100M, 3 devices, 1 waiting", the uplink of the selected row. notes: what stands at the right. */
void topdraw_title(const struct topdraw *t, const char *notes, struct strip *out);
void topdraw_headers(const struct topdraw *t, struct strip *out);
void topdraw_row(const struct topdraw *t, uint32_t row, bool selected, struct strip *out);
/* What is said of the selected row: its vNIC, its VM, and why it is as it is. */
void topdraw_detail(const struct topdraw *t, struct strip *out);
