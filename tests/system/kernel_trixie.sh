#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# On the kernel of Debian 13: the data path's test; uplinks and filters of others that need VLANs, prio, skbedit and police,
# some of what `make check-kernels` runs; netkit; and last, since no host comes back from it, yama 3.
exec "$(dirname "$0")/../hosts/run.sh" trixie env NO_SKIP=1 tests/hosts/several.sh \
	"tests/system/datapath.sh bridge br_netfilter routed leaf bridge/vhost/2" \
	"env WINDOW=2 PRIORITIES=d177:2 tests/system/uplinks.sh vlan skbedit" "env WINDOW=2 tests/system/undivided.sh proxmox" \
	"tests/system/names.sh test_host"
