/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Weights: what the VMs' parts are worth, and with which weights the fluid clock serves the ready VMs. */

#include <stdint.h>

struct rounds;

/*
 * Put changed parts and membership into effect: weights, #TimeSlots, buckets, the fluid clock's rate, and
 * what the policy makes of them. No VM is running. O(n), with `spread` O(n * lanes).
 */
void weights_apply(struct rounds *r);

/* The fluid clock serves the VM from now on. O(log n). */
void weights_add(struct rounds *r, uint32_t id);
/* The fluid clock no longer serves the VM. O(log n). */
void weights_remove(struct rounds *r, uint32_t id);
