#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The data path's test on the kernel of Debian unstable, and packets that this kernel drops before they are scheduled.
FILES="tests/hosts/burst.sh" exec "$(dirname "$0")/../hosts/run.sh" sid tests/hosts/several.sh \
	"env NO_SKIP=1 tests/system/datapath.sh bridge br_netfilter routed leaf bridge/vhost/2 segments" \
	"env LIMIT=1 SECONDS_EACH=2 tests/hosts/burst.sh 4 100mbit"
