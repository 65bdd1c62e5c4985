#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# long.sh [SUITE...]: what takes longer than `make check` has time for, on Debian's kernels (run.sh). On each:
#	shares applied, changed and released under flood, 30 rounds; VMs that write to taps, and VMs with vhost-net
#	CPU slots of VMs with vhost-net
#	shares and losses: either kind of VM, with one, two and four queues; bridged, bridged with br_netfilter, routed;
#		packets that the host segments
#	what VMs receive: shares; what others change and have; routed, several queues, VLANs, OVS; changes under flood, 30 rounds;
#		macvtaps
#	what others have at uplinks and vNICs: others.sh
#	bonds, VLANs, bridges and tunnels as uplinks, and a bond's speed that is followed
#	on sid, with 8 virtual CPUs: packets that the kernel drops before they are scheduled
# Each in a boot of its own. Prints the tests' TAP; the exit code says whether all held.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
(($# > 0)) || set -- bookworm trixie sid

cases() { # kind
	local topology queues
	for topology in bridge br_netfilter routed; do
		for queues in 1 2 4; do
			echo "$topology/$1/$queues"
		done
	done
}

ovs=$("$root/tests/hosts/ovs.sh") || exit
status=0
run() { # suite, command...
	echo "## $*"
	TIMEOUT=${TIMEOUT:-600} FILES=${FILES:-} PROGRAMS=${PROGRAMS:-} "$root/tests/hosts/run.sh" "$@" || status=1
}

for suite; do
	"$root/tests/hosts/others.sh" "$suite" || status=1
	LD_LIBRARY_PATH=$ovs/usr/lib/x86_64-linux-gnu PROGRAMS="dd $ovs/usr/bin/ovs-dpctl" \
		FILES="tests/system/rx.sh tests/system/rx_order.sh tests/system/macvtap.sh" run "$suite" env NO_SKIP=1 ROUNDS=30 \
		tests/hosts/several.sh "tests/system/rx.sh all vlan ovs" "tests/system/rx_order.sh" "tests/system/macvtap.sh"
	PROGRAMS="pgrep" run "$suite" tests/system/uplink_absent.sh kinds
	[[ $suite != sid ]] || CPUS=8 run "$suite" tests/hosts/burst.sh
	FILES=build/divvy-guard PROGRAMS="nice pkill pgrep" run "$suite" env NO_SKIP=1 tests/hosts/cpu_vhost.sh
	for kind in tap vhost; do
		run "$suite" env NO_SKIP=1 ROUNDS=30 tests/system/order.sh $kind
		# shellcheck disable=SC2046 # a list
		run "$suite" env NO_SKIP=1 tests/system/datapath.sh $(cases $kind) segments
	done
done
exit $status
