/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What a model needs to know of the host besides links and VMs: containers, and the default route. */

#include "core/model.h"
#include "kernel/net/rtnl.h"
#include "plan/host.h"

/*
 * Find the namespaces of all containers that the model names, and, where it has several uplinks, the default route. 1:
 * anything differs from before; 0; negative errno, with *h untouched. It costs nothing for a model that has neither.
 */
int containers_read(struct rtnl *r, const struct model *m, struct host *h);
