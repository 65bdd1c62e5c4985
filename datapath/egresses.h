/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What others have at the egress of the host's vNICs, asked from the kernel: one dump of the qdiscs. */

#include "hooks.h"
#include "kernel/net/rtnl.h"
#include "plan/egress.h"

#include <stddef.h>

/*
 * hooks: what divvy made at ingress. *list, sorted by ifindex, is the caller's to free. 0 or negative errno; outputs are
 * untouched on failure.
 */
int egresses_read(struct rtnl *r, const struct hooks *hooks, struct egress **list, size_t *n);
