/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Mistakes of a specification that can be told from the plan and the host, without asking the kernel. */

#include "plan.h"
#include "warning.h"

/* Why an interface is no uplink, of NODE_UPLINK i: a text for a person in why. False: it may be one. */
bool mistakes_no_uplink(const struct plan *p, const struct host *h, size_t i, char *why, size_t size);

/*
 * Two devices' patterns that fit one vNIC alike, so that neither has it: a text for a person in why. known: a plan
 * whose ties do not count; NULL: there is none. The node of p->written that is the later of the two; NODE_NONE: there is
 * no tie.
 */
uint32_t mistakes_tie(const struct plan *p, const struct plan *known, char *why, size_t size);

/*
 * Whether what is promised fits on this host, with all that patterns and others stand for: reserves, and what shares are
 * worth (core/admission.h). 0; -EINVAL: *err says what does not fit; -ENOMEM.
 */
int mistakes_reserves(const struct plan *p, enum direction direction, struct model_error *err);
int mistakes_shares(const struct plan *p, enum direction direction, struct model_error *err);

/* Append what is likely not meant. 0 or -ENOMEM. */
int mistakes_find(const struct plan *p, const struct host *h, struct warning_list *out);
