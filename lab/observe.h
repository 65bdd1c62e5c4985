/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Read the counters that a phase is judged by, from the kernel, not from divvy. */

#include "result.h"
#include "vm.h"

/* One moment. vm may hold NULL for a VM that is not there. 0 or negative errno with a text. */
int observe(const struct topo *t, struct vm *const *vm, size_t n, struct observation *out, struct errtext *e);
/* The send buffer of each VM's tap, bytes; 0: not limited or unknown. */
void observe_sndbuf(const struct topo *t, struct vm *const *vm, size_t n, int *bytes);
