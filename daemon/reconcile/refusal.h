/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What apply refuses although the text is right: it cannot be meant on this host. */

#include "daemon/state/daemon.h"
#include "spec/spec.h"

/*
 * The first thing of a plan that is refused now, with what runs as the measure of what was accepted before. 0: there is
 * none; -EINVAL, -ENODEV, -EBUSY: *err has the line and the text.
 */
int refusal_find(const struct daemon *d, const struct plan *p, struct spec_error *err);
/* Whether nft is the reason why the device waits. */
bool refusal_hindered(const struct binding *b);
