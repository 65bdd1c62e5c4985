#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# long.sh [SUITE...]: what takes longer than `make check` has time for, on Debian's kernels (run.sh), in parts, each in boots
# of its own; PARTS="order burst" runs some of them:
#	order    shares applied, changed and released under flood, 30 rounds; VMs that write to taps, and VMs with vhost-net
#	shares   shares and losses: either kind of VM, with one, two and four queues; bridged, bridged with br_netfilter, routed;
#		 packets that the host segments
#	rx       what VMs receive: shares; what others change and have; routed, several queues, VLANs, OVS
#	rx_order the same: changes under flood, 30 rounds; macvtaps
#	others   what others have at uplinks and vNICs: others.sh
#	uplinks  bonds, VLANs, bridges and tunnels as uplinks, and a bond's speed that is followed
#	burst    on sid, with 8 virtual CPUs: packets that the kernel drops before they are scheduled
#	cpu      CPU slots of VMs with vhost-net
# Prints the tests' TAP, and at the end a line for each boot; the exit code says whether all held.
set -u -o pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
read -r -a parts <<<"${PARTS:-order shares rx rx_order others uplinks burst cpu}"
(($# > 0)) || set -- bookworm trixie sid
export TIMEOUT=${TIMEOUT:-600}

ovs=$("$root/tests/hosts/ovs.sh") || exit
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
status=0

tell() { # what was booted, seconds; its TAP is in $tmp/tap
	printf '# %4d s, %3d ok, %2d not ok: %s\n' "$2" "$(grep -c '^ok ' "$tmp/tap")" "$(grep -c '^not ok ' "$tmp/tap")" "$1" >>"$tmp/boots"
}

boot() { # suite, command...
	local began=$SECONDS
	echo "## $*"
	"$root/tests/hosts/run.sh" "$@" | tee "$tmp/tap" || status=1
	tell "$*" $((SECONDS - began))
}

boot_with_ovs() { # the same
	LD_LIBRARY_PATH=$ovs/usr/lib/x86_64-linux-gnu PROGRAMS="dd $ovs/usr/bin/ovs-dpctl" boot "$@"
}

part_order() {
	boot "$1" env NO_SKIP=1 ROUNDS=30 tests/system/order.sh tap
	boot "$1" env NO_SKIP=1 ROUNDS=30 tests/system/order.sh vhost
}

part_shares() {
	local kind topology queues cases
	for kind in tap vhost; do
		cases=()
		for topology in bridge br_netfilter routed; do
			for queues in 1 2 4; do
				cases+=("$topology/$kind/$queues")
			done
		done
		boot "$1" env NO_SKIP=1 tests/system/datapath.sh "${cases[@]}" segments
	done
}

part_rx() {
	boot_with_ovs "$1" env NO_SKIP=1 tests/system/rx.sh all vlan ovs
}

part_rx_order() {
	FILES="tests/system/rx_order.sh tests/system/macvtap.sh" boot_with_ovs "$1" env NO_SKIP=1 ROUNDS=30 \
		tests/hosts/several.sh tests/system/rx_order.sh tests/system/macvtap.sh
}

part_others() {
	local began=$SECONDS
	"$root/tests/hosts/others.sh" "$1" | tee "$tmp/tap" || status=1
	tell "$1 others.sh" $((SECONDS - began))
}

part_uplinks() {
	PROGRAMS=pgrep boot "$1" tests/system/uplink_absent.sh kinds
}

part_burst() {
	[[ $1 != sid ]] || CPUS=8 boot "$1" tests/hosts/burst.sh
}

part_cpu() {
	FILES=build/divvy-guard PROGRAMS="nice pkill pgrep" boot "$1" env NO_SKIP=1 tests/hosts/cpu_vhost.sh
}

for part in "${parts[@]}"; do
	declare -F "part_$part" >/dev/null || {
		echo "long.sh: PARTS: no part \"$part\"; see the head of this file" >&2
		exit 2
	}
done
for suite; do
	for part in "${parts[@]}"; do
		"part_$part" "$suite"
	done
done
echo "## boots"
cat "$tmp/boots"
exit $status
