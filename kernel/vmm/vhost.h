/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* vhost-net as /proc shows it: who has it open. */

#include <stdint.h>

/*
 * How many descriptors of /dev/vhost-net a process has open; a VMM has one for each queue that the kernel's vhost
 * worker serves. procdir: from procfs_open(). 0 or more; negative errno.
 */
int vhost_net_count(int procdir);
