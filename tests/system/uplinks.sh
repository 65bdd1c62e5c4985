#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# uplinks.sh [ROW...]: eight VMs with mixed shares behind each qdisc that a host may have at its uplink. Shares hold within half
# a point each, none is lost, and packets reach the uplink with the fields that they have without divvy. Then: whatever
# priority tc or Open vSwitch gives them, before divvy or behind it, the device's class is the same. Prints TAP.
#
# Without a row: two that most kernels have, in short. "all": all of them. A row that the kernel lacks is skipped. WINDOW=seconds: how long shares are measured (default 3); PRIORITIES: those that tc sets, of
# "skbedit".
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/system/lib.sh
. "$root/tests/system/lib.sh"
# shellcheck source=tests/system/fields_lib.sh
. "$root/tests/system/fields_lib.sh"

vms=(a b c d e f g h)
declare -A share=([a]=30 [b]=20 [c]=15 [d]=10 [e]=10 [f]=8 [g]=5 [h]=2) # they add up to 100
declare -A got written
window=${WINDOW:-3}
uplink=up0 # that divvy is told
capacity_mbit=8 # eight VMs that flood, emulated and beside other work, still fill it
port_mbit=16    # of qdiscs that have a rate: what divvy lets through in one go, a stalled machine's test host say, soon drains

names_and_numbers() {
	local v i=1
	for v in "${vms[@]}"; do
		tap[$v]=n$i mac[$v]=52:54:00:77:00:0$i port[$v]=500$i src_ip[$v]=10.77.0.1$i dst_mac[$v]=02:00:00:77:09:01
		((i++))
	done
}

# --- the host and its receiver -----------------------------------------------------------------------
make_eight() {
	local v
	ip netns add "$host" && ip netns add "$srv" || bail "cannot make a network namespace"
	in_host sysctl -qw net.ipv6.conf.default.disable_ipv6=1 net.ipv6.conf.all.disable_ipv6=1 2>/dev/null
	{
		echo "link add up0 numtxqueues 4 numrxqueues 4 address 02:00:00:77:09:02 type veth peer name srv0 netns $srv" \
			"numtxqueues 4 numrxqueues 4 address 02:00:00:77:09:01"
		echo "link add br0 type bridge mcast_snooping 0"
		for v in "${vms[@]}"; do
			echo "tuntap add ${tap[$v]} mode tap vnet_hdr"
			echo "link set ${tap[$v]} master br0 up"
		done
		echo "link set up0 up"
		echo "link set br0 up"
	} | ip -n "$host" -b - || bail "cannot make the host's links"
	ip -n "$srv" -b - <<-END || bail "cannot make the receiver"
		addr add 10.77.0.1/24 dev srv0
		link set srv0 up
	END
	{
		echo "table inet divvy_test {"
		printf 'counter %s { }\n' "${vms[@]}"
		echo "chain pre { type filter hook prerouting priority -300;"
		for v in "${vms[@]}"; do
			echo "udp dport ${port[$v]} counter name $v drop"
		done
		printf '}\n}\n'
	} | ip netns exec "$srv" nft -f - || bail "cannot count at the receiver"
}

connect() { # the bridge to this interface
	ip -n "$host" link set "$1" master br0 && bridge -n "$host" fdb replace 02:00:00:77:09:01 dev "$1" master static
}

# --- what is at the uplink; each sets it up, or fails ------------------------------------------------------
at_root() {
	tc -n "$host" qdisc add dev up0 root "$@"
}

# Bands, flows and queues matter where packets wait.
below_tbf() {
	at_root handle 5: tbf rate ${port_mbit}mbit burst 20k limit 200k && tc -n "$host" qdisc add dev up0 parent 5:1 "$@"
}

# Others' classes of the numbers that divvy's devices have, and of those that priorities name: 1 Mbit/s.
row_htb() {
	at_root handle 1: htb default 20 &&
		{
			echo "class add dev up0 parent 1: classid 1:1 htb rate 100mbit"
			printf "class add dev up0 parent 1:1 classid 1:%x htb rate 1mbit ceil 1mbit\n" {2..12}
			echo "class add dev up0 parent 1:1 classid 1:20 htb rate 89mbit"
			echo "filter add dev up0 parent 1: protocol all prio 1 u32 match u32 0 0 flowid 1:20"
		} | tc -n "$host" -b -
}
row_prio() { at_root handle 1: prio; }
row_prio_tbf() { below_tbf handle 1: prio; }
row_pfifo_fast() { at_root handle 1: pfifo_fast; }
row_pfifo_fast_tbf() { below_tbf handle 1: pfifo_fast; }
row_mq() { at_root handle 1: mq; }
row_fq() { at_root handle 1: fq; }
row_fq_tbf() { below_tbf handle 1: fq; }
row_fq_codel() { at_root handle 1: fq_codel; }
row_fq_codel_tbf() { below_tbf handle 1: fq_codel; }
row_cake() { at_root handle 1: cake bandwidth ${port_mbit}mbit; }

# Every priority becomes another PCP; those that an earlier divvy wrote into packets, too.
row_vlan() {
	local map='1:1 2:2 3:3 4:4 5:5 6:6' minor
	for minor in {2..12}; do
		map+=" $((0x10000 + minor)):7 $((0xd1770000 + minor)):7"
	done
	# shellcheck disable=SC2086
	ip -n "$host" link add link up0 name up0.7 type vlan id 7 egress-qos-map $map && ip -n "$host" link set up0.7 up &&
		ip -n "$srv" link add link srv0 name srv0.7 type vlan id 7 && ip -n "$srv" link set srv0.7 up || return 1
	uplink=up0.7
}

row_gone() {
	tc -n "$host" qdisc del dev up0 root 2>/dev/null
	ip -n "$host" link del up0.7 2>/dev/null
	ip -n "$srv" link del srv0.7 2>/dev/null
	ip -n "$host" link set up0 nomaster
	uplink=up0
}

# --- divvy ------------------------------------------------------------------------------------------------
apply_eight() {
	local v
	{
		printf 'uplinks:\n  - name: %s\n    capacity: %smbit\n    overhead: 0\n    devices:\n' "$uplink" "$capacity_mbit"
		for v in "${vms[@]}"; do
			echo "      - {name: $v, nic: ${tap[$v]}, share: ${share[$v]}}"
		done
	} >"$tmp/divvy.yaml"
	divvy apply "$tmp/divvy.yaml" >"$tmp/said" 2>&1 && await 5 all_bound || {
		divvy status | diag
		bail "divvy does not bind: $(<"$tmp/said")"
	}
}

all_bound() {
	[[ $(json | grep -o '"state":"bound"' | wc -l) -eq ${#vms[@]} ]]
}

# --- floods -------------------------------------------------------------------------------------------------
count() { # sets got: frames at the receiver
	local v n
	while read -r v n; do
		got[$v]=$n
	done < <(ip netns exec "$srv" nft list counters table inet divvy_test |
		awk '$1 == "counter" { c = $2 } $1 == "packets" { print c, $2 }')
}

starts() {
	local v
	for v in "${vms[@]}"; do
		vm_ask "$v" "flood 60 $frame ${dst_mac[$v]} ${src_ip[$v]} 10.77.0.1 ${port[$v]}"
	done
}

ends() { # sets written: frames
	local v
	for v in "${vms[@]}"; do
		vm_ask "$v" stop
	done
	for v in "${vms[@]}"; do
		vm_reply "$v"
		[[ $REPLY == written=* ]] || bail "VM $v: $REPLY"
		written[$v]=$(field written "$REPLY")
	done
}

# Sets worst: the largest share error, thousandths of a point; shares: of each VM; used: thousandths of the capacity.
window_of_shares() {
	local -A before
	local v t0 t1 sum=0 n part error
	count
	t0=${EPOCHREALTIME/./}
	for v in "${vms[@]}"; do
		before[$v]=${got[$v]}
	done
	sleep "$window"
	count
	t1=${EPOCHREALTIME/./}
	for v in "${vms[@]}"; do
		sum=$((sum + got[$v] - before[$v]))
	done
	worst=0 shares=
	((sum > 0)) || sum=1
	for v in "${vms[@]}"; do
		n=$((got[$v] - before[$v]))
		part=$((100000 * n / sum)) error=$((100000 * n / sum - 1000 * share[$v]))
		((worst >= ${error#-})) || worst=${error#-}
		shares+=$(printf ' %d.%02d' $((part / 1000)) $((part % 1000 / 10)))
	done
	used=$((8000 * frame * sum / (t1 - t0) / capacity_mbit))
}

all_there() { # than before the flood
	count
	local v
	for v in "${vms[@]}"; do
		((got[$v] - base[$v] >= written[$v])) || return 1
	done
}

dropped_at_uplink() { # packets; the root counts those of its children
	tc -n "$host" -s qdisc show dev up0 | awk '/^qdisc/ { root = / root / } root && sub(/.*\(dropped /, "") { n += $1 } END { print n + 0 }'
}

# A machine with other work starves VMs now and then: one window of three has to be right.
flood_eight() { # sets worst, used, sent, lost, uplink_drops
	local -A base
	local v try
	uplink_drops=$(dropped_at_uplink)
	count
	for v in "${vms[@]}"; do
		base[$v]=${got[$v]}
	done
	starts
	sleep 0.5
	for try in 1 2 3; do
		window_of_shares
		echo "# window $try:$shares, at most 0.$(printf %03d "$worst") off, used $((used / 10)).$((used % 10)) %"
		((worst > 500)) || break
	done
	ends
	await 3 all_there
	uplink_drops=$(($(dropped_at_uplink) - uplink_drops))
	lost=0 sent=0
	for v in "${vms[@]}"; do
		sent=$((sent + written[$v]))
		lost=$((lost + written[$v] - got[$v] + base[$v]))
	done
}

check_flood() { # what
	flood_eight
	check "$1: every share within half a point" "worst <= 500"
	check "$1: the capacity is used" "850 <= used && used <= 1080"
	echo "# lost $lost, dropped by the uplink's own qdisc $uplink_drops"
	case $1 in
	*codel* | *cake) # CoDel drops what waited for 5 ms, by its own policy: divvy lets through 10 ms of a rate in one go
		check "$1: none is lost but what the uplink's own qdisc dropped" "lost == uplink_drops && lost * 500 <= sent" ;;
	*) check "$1: none is lost" "lost == 0" ;;
	esac || tc -n "$host" -s qdisc show | diag
}

short_flood() {
	starts
	sleep 0.3
	ends
	await 1 false # the last ones
}

# --- the rows ------------------------------------------------------------------------------------------------
# Fields at the uplink without divvy, and with it. What the first VM sends has a priority and a mark, where tc can set them.
compare_fields() { # row
	local off on
	tc -n "$host" qdisc add dev n1 ingress && tc -n "$host" filter add dev n1 ingress pref 10 matchall \
		action skbedit priority 5 mark 0x1234 continue 2>/dev/null || echo "# no skbedit here"
	watch up0 see up0
	seen up0 >/dev/null
	short_flood
	off=$(seen up0)
	# Anew: what was not divided waits there, and an AQM goes on dropping after it (cake's drop probability).
	row_gone
	"row_$1" && connect "$uplink" || bail "the uplink $1 cannot be set up again"
	apply_eight
	seen up0 >/dev/null
	short_flood
	on=$(seen up0)
	unwatch up0
	[[ -n $off && $off == "$on" ]]
	check "$1: priority, mark, tc_index, VLAN tag and hash are the same with divvy" "$? == 0" ||
		diag < <(diff <(echo "$off") <(echo "$on"))
	tc -n "$host" filter del dev n1 ingress pref 10 2>/dev/null
}

row() { # name
	"row_$1" 2>"$tmp/said" && connect "$uplink" || {
		diag <"$tmp/said"
		row_gone
		skip "uplink $1" "this kernel does not have it"
		return
	}
	compare_fields "$1"
	apply_eight
	check_flood "uplink $1"
	divvy release --all >"$tmp/said" 2>&1
	tc -n "$host" qdisc del dev n1 ingress 2>/dev/null
	row_gone
}

# tc gives what VM h sends (2 %) a priority: of a class of divvy's own HTB, of its direct queue, of the uplink's HTB.
case_skbedit() {
	local priority
	tc -n "$host" qdisc add dev n8 ingress
	tc -n "$host" filter add dev n8 ingress pref 9 matchall action skbedit priority 5 continue 2>"$tmp/said" || {
		tc -n "$host" qdisc del dev n8 ingress
		skip "priority set before divvy by skbedit" "this kernel has no skbedit, or no matchall"
		return
	}
	row_prio || row_htb
	connect up0
	apply_eight
	for priority in ${PRIORITIES:-d177:0 d177:1 d177:2 d177:fffe 1:3 5}; do
		tc -n "$host" filter add dev n8 ingress pref 10 matchall action skbedit priority "$priority" continue || bail "no filter"
		check_flood "skbedit sets priority $priority before divvy"
		tc -n "$host" filter del dev n8 ingress pref 10
	done
	divvy release --all >"$tmp/said" 2>&1
	tc -n "$host" qdisc del dev n8 ingress
	row_gone
}

# Open vSwitch in place of the bridge. What it sets (set_queue), it sets behind divvy: a tap's ingress comes before it.
case_ovs() {
	local v i=1 n
	if ! command -v ovs-dpctl >/dev/null || ! in_host ovs-dpctl add-dp dp0 2>"$tmp/said"; then
		skip "priority set by Open vSwitch" "no ovs-dpctl, or no module openvswitch"
		return
	fi
	row_htb
	in_host ovs-dpctl add-if dp0 up0 || bail "OVS does not take the uplink"
	for v in "${vms[@]}"; do
		ip -n "$host" link set "${tap[$v]}" nomaster
		in_host ovs-dpctl add-if dp0 "${tap[$v]}" &&
			in_host ovs-dpctl add-flow dp0 "in_port($((++i))),eth(),eth_type(0x0800),ipv4()" "set(skb_priority(0x10020)),1" ||
			bail "OVS does not take ${tap[$v]}"
	done
	tc -n "$host" filter del dev up0 parent 1: # the queue's number counts: 1:20
	apply_eight
	check_flood "Open vSwitch sets priority 1:20"
	n=$(tc -n "$host" -s class show dev up0 | awk '$3 == "1:20" { getline; print $4 }')
	i=0
	for v in "${vms[@]}"; do
		i=$((i + written[$v]))
	done
	check "Open vSwitch: all packets are in the queue that it chose" "n == i" || tc -n "$host" -s class show dev up0 | diag
	divvy release --all >"$tmp/said" 2>&1
	in_host ovs-dpctl del-dp dp0
	for v in "${vms[@]}"; do
		ip -n "$host" link set "${tap[$v]}" master br0
	done
	row_gone
}

lib_init
names_and_numbers
make_eight
for v in "${vms[@]}"; do
	vm_start "$v"
	vm_ready "$v"
done
divvy_start
(($# > 0)) || {
	window=${WINDOW:-2}
	set -- htb pfifo_fast_tbf
}
[[ $1 != all ]] || set -- htb prio prio_tbf pfifo_fast pfifo_fast_tbf mq fq fq_tbf fq_codel fq_codel_tbf cake vlan skbedit ovs
for what; do
	if declare -F "case_$what" >/dev/null; then
		"case_$what"
	else
		row "$what"
	fi
done
divvy_stop
tap_done
