/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What a change of the host has changed for the devices of a specification, in the log: a line for each vNIC. */

#include "datapath/repairs.h"
#include "plan/plan.h"

/* Both plans are of one specification. */
void changes_log(const struct plan *was, const struct plan *now, const struct repairs *repairs);
