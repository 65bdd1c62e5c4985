/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Numbers of other network namespaces, by which a veth tells where its other end is (link.peer_netns). */

#include "rtnl.h"

/* netns: a descriptor of the namespace. 0; -ENOENT: it has no number, so no link leads there; or negative errno. */
int nsid_of(struct rtnl *r, int netns, int32_t *nsid);
