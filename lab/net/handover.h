/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Make the lab's wire take frames from the host as a NIC does: see bpf/handover.bpf.c. */

#include "topo.h"

/* Once, after topo_up(). It goes with the wire's namespace. 0 or negative errno. */
int handover_install(const struct topo *t);
