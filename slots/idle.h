/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * Which VMs are idle, judged by the CPU time that they use. No clock and no thread: time is an argument. The
 * caller holds the slot thread's lock.
 *
 * Theory of Operation
 *
 * Why idle VMs run. A paused VM cannot show that it wakes up. So, where the policy allows it, an idle VM
 * gives up its slots and is left running, outside turns. A short burst of work (the answer to a ping) is done
 * at once then, and takes no slot.
 *
 * Idle. A VM goes idle when it has used less than IDLE_PERMILLE of each of its latest STREAK_SLOTS slots. A
 * slot that began late or ended early says nothing about a VM that used little of it.
 *
 * Awake. The clocks of idle VMs are read at the end of each slot. An idle VM wakes up when it has used
 * IDLE_PERMILLE or more of STREAK_SLOTS slots in a row, or in sum a slot more than its part
 * (rounds_report()). It then waits for its turn, paused.
 *
 * No VM is idle under a policy with pauses_idle (the paper's), nor where slots are a VM's own (strict): there
 * no VM runs outside its turns.
 *
 * Boosted. Where the policy preempts (boost), the caller looks at the idle VMs in the middle of a slot, too:
 * idle_watch(). A VM that has worked in this slot, and still does, is awake. If the policy lets it go first,
 * the slot ends for it, and the VM is boosted; else it is paused. The slot of a boosted VM ends as soon as
 * the VM blocks again. The slot of any other VM never ends because the VM does nothing: it may be waiting for
 * the network, and that is what its slot is for.
 *
 *	TURN (has the slot, runs) <------ rounds_next() picks it ------ WAITS (is paused)
 *	  |                                                               ^
 *	  | used little of STREAK_SLOTS slots, or boosted and blocked     | worked, or used beyond its part
 *	  +-------------------------> IDLE (runs) ------------------------+
 */

#include "table.h"
#include "turn.h"

#include "core/slots/rounds.h"

/* A VM that uses less than this part of a slot counts as idle: that is timer ticks and the like, not work. */
#define IDLE_PERMILLE 50
/*
 * So many slots in a row change what a VM is taken for. On a crowded host a VM that wants to run may not get
 * a CPU in one of its slots; and the burst of an idle VM is over before it would have had a slot.
 */
#define STREAK_SLOTS 3
/*
 * idle_watch() is due so often, in nanoseconds, for each WATCH_VMS VMs that it looks at: a look costs 2 us.
 * Xen's scheduler, too, lets a VM run for at least 1 ms.
 */
#define WATCH_NS 1000000ULL
#define WATCH_VMS 16

struct idle {
	struct rounds *rounds;    /* borrowed */
	struct slot_table *table; /* borrowed */
	struct turns *turns;      /* borrowed */
	uint64_t slot_ns;         /* length of a slot */
	uint64_t tick_ns;         /* a clock of CPU time may be so far behind while its VM runs */
	bool pauses_idle;         /* no VM is idle; see core/slots/policy.h */
	bool preempts;            /* the policy may end a slot for a VM that wakes up */
};

/*
 * CPU time that the VM has used since the latest call, nanoseconds. 0 if its clock cannot be read any more:
 * the VM is lost then.
 */
uint64_t idle_used(struct slot_vm *vm);
/* The VM is not idle any more, and waits for its turn. True if the policy would end this slot for it. */
bool idle_wake(struct idle *i, struct slot_vm *vm, uint64_t now);
/*
 * At the end of a slot: charge the VMs that had it and the idle ones; find who went idle and who woke up.
 * short_slot: it began late or ended early. O(VMs that are let run).
 */
void idle_account(struct idle *i, bool short_slot, uint64_t now);
/*
 * In the middle of a slot. True if the slot must end now: a VM has woken up that may go first, or a boosted
 * VM has blocked. O(VMs that are let run).
 */
bool idle_watch(struct idle *i, uint64_t now);
/* How long after one idle_watch() the next is due, nanoseconds. 0: there is nothing to watch. */
uint64_t idle_interval(const struct idle *i);
