/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * From a model and its bindings to the VMs that take part in CPU scheduling, and the scheduler's start and
 * stop.
 */

#include "slots.h"
#include "daemon/daemon.h"

/*
 * Before a model with this schedule is taken over: have a scheduler that can carry it out. 0, or negative
 * errno with why; nothing has changed for the VMs then.
 */
int cpumembers_prepare(struct daemon *d, const struct schedule *s, char why[CPU_WHY_SIZE]);

/* Bring the scheduler to d->model and d->bindings; ends it where the model does not schedule CPUs. */
void cpumembers_apply(struct daemon *d);
