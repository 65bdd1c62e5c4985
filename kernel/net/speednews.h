/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/*
 * The kernel's news that ethtool(8) or a like program has changed a link's settings: the group "monitor" of the
 * generic netlink family "ethtool" (Documentation/networking/ethtool-netlink.rst). A speed that the two ends
 * negotiate anew shows as a link event instead, for the carrier goes and comes.
 */

/*
 * For the network namespace that the caller is in. Returns a nonblocking descriptor, to wait for POLLIN on; -ENOENT:
 * the kernel has no such family; or another negative errno.
 */
int speednews_open(void);
/* Read all that has come. How many messages may mean another speed; more than were kept counts as one. */
int speednews_read(int fd);
