/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The credit scheduler with BOOST (Ongaro, Cox and Rixner, Scheduling I/O in Virtual Machine Monitors, VEE
 * 2008).
 *
 * Taken from the source, as Xen's own code has it (csched_vcpu_wake(), csched_vcpu_acct(); the paper's text
 * was not at hand): a VM that wakes up while UNDER is put into a third priority, BOOST, before all UNDER
 * ones, and preempts what is running; a VM that is OVER, or that was waiting for its turn already, is not
 * boosted. The boost ends when the VM is found running at a tick. So a VM that does a little I/O is served
 * at once, and one that computes as well waits its turn: the limit of BOOST.
 *
 * Adapted: the tick is the end of the VM's slot. The slot under way ends where rounds_wake() says so, which
 * the user follows as soon as it learns of a wake-up (slots/thread.h). What concerns Xen's driver domain
 * is left out.
 */

#include "policy_credit.h"
#include "policy.h"
#include "rounds_state.h"

static void boost_join(struct rounds *r, uint32_t id)
{
	credit_join_boosted(r, id);
}

static bool boost_preempts(const struct rounds *r, uint32_t id)
{
	return r->vm[id].p.credit.priority == CREDIT_BOOST;
}

const struct policy_ops policy_boost = {
	.name = "boost",
	.summary = "credit, and a VM that wakes up for I/O goes first",
	.init = credit_init,
	.fini = credit_fini,
	.reserve = credit_reserve,
	.added = credit_added,
	.reweigh = credit_reweigh,
	.join = boost_join,
	.leave = credit_leave,
	.pick = credit_pick,
	.ran = credit_ran,
	.owe = credit_owe,
	.preempts = boost_preempts,
	.credit = credit_credit,
};
