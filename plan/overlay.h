/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What demand makes of a leaf of a wanted tree: another quantum and, for a time, another ceiling. */

#include "core/quanta.h"
#include "tree.h"

/* Give the leaf what core/follow.h says of its device. True: it had something else. */
bool overlay_set(struct tree_class *leaf, const struct sizing_host *h, const struct quanta_class *now);
/* Give the leaf its ceiling back, and the quantum that it has while nothing follows its demand. True: it had others. */
bool overlay_rest(struct tree_class *leaf);
/* Copy what overlay_*() may change. */
void overlay_copy(struct tree_class *to, const struct tree_class *from);
