/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The kinds of gates, a file each: gate_freeze.c, gate_quota.c. */

#include "gate_types.h"

extern const struct gate_ops gate_freeze;
extern const struct gate_ops gate_quota;
