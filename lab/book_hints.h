/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the data themselves say about why device scheduling is behind a peer. */

#include "book_measure.h"

/* Add sentences to out, which holds a text; nothing where the data show nothing. */
void behind_hint(const struct book_scenario *s, const char *device, const char *peer, const char *step,
		 enum measure m, char *out, size_t size);
