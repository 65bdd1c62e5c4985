/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * What a change has changed for the devices, as events (base/event.h): which vNICs are bound or have gone, and what
 * devices wait for.
 */

#include "datapath/repairs.h"
#include "plan/plan.h"

/*
 * The host has changed. Both plans are of one specification. The log has a line for each vNIC. A vNIC that lost its filter
 * to another program counts as bound until the filter is back, for look.c has said so; repairs forgets those that have it
 * back, or are gone.
 */
void changes_log(const struct plan *was, const struct plan *now, struct repairs *repairs);
/*
 * The specification has changed. The log does not have these: it may be thousands, and has the change itself. was
 * without bindings: nothing ran. O(n log n).
 */
void changes_tell(const struct plan *was, const struct plan *now);
