/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Which VMs run on this host: read again, and what hinders is logged. */

#include "daemon/state/daemon.h"

/* Answer, errors and fresh as those of inventory_vms(). */
int vms_read(struct daemon *d, bool fresh);
