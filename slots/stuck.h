/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * VMs that have left the slots and could not be let run: their cgroup refused. Each keeps its gate, its cgroup
 * and its record at the guard, which goes on saying "paused", until it runs.
 */

#include "vm.h"

/* Zeroed: none. */
struct stuck {
	struct slot_vm **list; /* both are owned */
	size_t n;
};

/* Close and free a VM that takes no part any more; one that cannot be let run is kept, and logged. */
void stuck_end(struct stuck *s, struct slot_vm *vm, struct guard *g);
/* Try all again. A line in the log for each that runs. */
void stuck_retry(struct stuck *s, struct guard *g);
/* The one of this process, borrowed; NULL: there is none. */
struct slot_vm *stuck_find(const struct stuck *s, const struct member *want);
/* It is the caller's from now on. */
void stuck_take(struct stuck *s, const struct slot_vm *vm);
/* Try once more, and leave the rest to the guard, to which they are still paused. */
void stuck_free(struct stuck *s, struct guard *g);
