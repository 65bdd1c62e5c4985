/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What divvyd says of CPU slots. Where it says nothing, outputs stay as they are. */

#include "cpu.h"
#include "slots.h"
#include "lab/schedulers/scheduler.h"

/* From its status, which may be NULL. */
void observe_cpu(const struct scenario *s, const char *status, struct cpu_reading *out);
/*
 * The turns of a window, which go when another resource is scheduled. *out is to be freed with slots_free().
 */
void observe_slots(struct scheduling *s, struct vm *const *vm, struct window w, struct slots *out);
