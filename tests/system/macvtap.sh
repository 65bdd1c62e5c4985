#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# macvtap.sh [CASE...]: macvtaps on the uplink, as libvirt's type='direct' has them: what they send is divided, with drops, and
# what they receive. Prints TAP.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/system/rx_lib.sh
. "$root/tests/system/rx_lib.sh"

vnics=macvtaps
# dd takes two system calls for each frame: at twice the rates an emulated host does little else than be late.
capacity_mbit=10 flood_rate=1500
declare -A reader tap_fd

make_macvtaps() {
	ip -n "$host" -b - <<-END
		link add link up0 name va address $mac_a type macvtap mode bridge
		link add link up0 name vb address $mac_b type macvtap mode bridge
		link set va up
		link set vb up
	END
}

# shellcheck disable=SC2086 # {array[$1]} is a subscript, no word
# A macvtap's descriptor: its character device has the number that sysfs says.
open_tap() { # vNIC; sets tap_fd of it
	local number major minor
	number=$(ip netns exec "$host" sh -c "cat /sys/class/net/$1/macvtap/tap*/dev") || bail "$1 is no macvtap"
	major=${number%:*} minor=${number#*:}
	mknod "$tmp/$1.tap" c "$major" "$minor" || bail "cannot make a device node"
	exec {tap_fd[$1]}<>"$tmp/$1.tap" || bail "cannot open $1"
}

open_taps() {
	open_tap va
	open_tap vb
}

close_taps() {
	local v
	for v in "${!tap_fd[@]}"; do
		# shellcheck disable=SC2086 # a subscript, no word
		exec {tap_fd[$v]}>&-
		rm -f "$tmp/$v.tap"
	done
	tap_fd=()
}

# The VM of a macvtap: launched with its descriptor, as by libvirt.
# shellcheck disable=SC2086 # {array[$1]} is a subscript, no word
direct_vm_start() { # vNIC, MAC
	local in=$tmp/$1.in out=$tmp/$1.out
	mkfifo "$in" "$out"
	exec {vm_in[$1]}<>"$in" {vm_out[$1]}<>"$out"
	ip netns exec "$host" bash -c 'exec -a "$0" "$@"' "$vmm" "$tapflood" -name "$1" -netdev "tap,id=net0,fd=${tap_fd[$1]}" \
		-device "virtio-net-pci,netdev=net0,mac=$2" <"$in" >"$out" {vm_in[$1]}>&- {vm_out[$1]}>&- &
	vm_pid[$1]=$!
	vm_ready "$1"
}

direct_vms_stop() {
	vm_kill va
	vm_kill vb
}

# --- what came -------------------------------------------------------------------------------------------
count_at_server() {
	ip netns exec "$srv" nft -f - <<-END || bail "cannot count at the receiver"
		table inet divvy_test {
			counter a { }
			counter b { }
			chain pre {
				type filter hook prerouting priority -300
				udp dport 5001 counter name a drop
				udp dport 5002 counter name b drop
			}
		}
	END
}

got_at_server() { # sets got_a, got_b, got_us
	local words
	words=$(ip netns exec "$srv" nft list counters table inet divvy_test |
		awk '$1 == "counter" { c = $2 } $1 == "packets" { print c "=" $4 }')
	got_us=${EPOCHREALTIME/./}
	got_a=${words#*a=} got_a=${got_a%%$'\n'*}
	got_b=${words#*b=} got_b=${got_b%%$'\n'*}
}

# VMs that read: dd says at SIGUSR1 how much.
readers_start() {
	local v
	for v in va vb; do
		dd bs=65536 of=/dev/null <&"${tap_fd[$v]}" 2>"$tmp/$v.read" &
		reader[$v]=$!
	done
	sleep 0.2
}

readers_stop() {
	kill "${reader[@]}" 2>/dev/null
	wait "${reader[@]}" 2>/dev/null
	reader=()
}

has_said() { # vNIC, lines
	[[ $(grep -c copied "$tmp/$1.read") -gt $2 ]]
}

read_by() { # vNIC: bytes
	local n
	n=$(grep -c copied "$tmp/$1.read")
	kill -USR1 "${reader[$1]}"
	await 3 has_said "$1" "$n"
	tail -n 1 "$tmp/$1.read" | cut -d ' ' -f 1
}

got_by_vms() {
	got_a=$(read_by va) got_b=$(read_by vb)
	got_us=${EPOCHREALTIME/./}
}

# --- cases -----------------------------------------------------------------------------------------------
said_of_drops() {
	[[ $(divvy status | grep -c 'no backpressure: .*macvtap') -eq 2 ]]
}

case_tx() {
	local v before
	tx_mbit=$capacity_mbit
	open_taps
	before=$(qdiscs)
	direct_vm_start va $mac_a
	direct_vm_start vb $mac_b
	count_at_server
	spec "" ""
	apply_spec
	said_of_drops
	check "tx: both are divided, and the status says that packets are dropped" "$? == 0" || divvy status | diag
	for v in va vb; do
		vm_ask $v "flood 600 $frame 02:00:00:77:09:01 10.77.0.1$([[ $v == va ]] && echo 1 || echo 2) 10.77.0.1 500$([[ $v == va ]] && echo 1 || echo 2) rate=$flood_rate"
	done
	got=got_at_server offered=
	check_rx_shares tx 600
	check "tx: drops are counted" "$(of a dropped_packets) > 0 && $(of b dropped_packets) > 0"
	divvy set a=10 b=30 2>&1 | diag
	check_rx_shares "tx: set while it runs" 250
	tc_on_host "filter del dev va parent d177: pref 65520"
	sleep 1
	check_rx_shares "tx: filter removed, and put back" 250
	divvy release --all 2>&1 | diag
	check "tx: release gives everything back" "$([[ $(qdiscs) == "$before" ]] && echo 1 || echo 0)" || qdiscs | diag
	for v in va vb; do
		vm_ask $v stop
		vm_reply $v
	done
	tx_mbit=1000
	direct_vms_stop
	close_taps
}

case_rx() {
	local before
	open_taps
	before=$(qdiscs)
	spec ", rx: same" ", rx: same"
	apply_spec
	rx_is a state bound && rx_is b state bound
	check "rx: both are bound in this direction, too" "$? == 0" || json | diag
	readers_start
	servers start
	got=got_by_vms offered=offered_by_servers
	check_rx_shares rx 600
	check "rx: drops are counted" "$(rx_of a dropped_packets) > 0 && $(rx_of b dropped_packets) > 0"
	divvy set a.rx.share=10 b.rx.share=30 2>&1 | diag
	check_rx_shares "rx: set while it runs" 250
	! grep -q "not divided" "$tmp/divvyd.log"
	check "rx: it is divided, and nothing else is said" "$? == 0" || diag <"$tmp/divvyd.log"
	servers stop
	readers_stop
	close_taps
	divvy release --all 2>&1 | diag
	check "rx: release gives everything back" "$([[ $(qdiscs) == "$before" ]] && echo 1 || echo 0)" || qdiscs | diag
}

(($# > 0)) || set -- tx rx
rx_cases "$@"
