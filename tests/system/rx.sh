#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# rx.sh [CASE...]: what VMs receive. Two servers flood two containers through the uplink. Prints TAP.
#
#	servers (stand-in VMs) -- n0, n1 -- brs -- srv0 | up0 -- br0 -- va, vb | ga, gb (containers)
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/system/undivided_lib.sh
. "$root/tests/system/undivided_lib.sh"

vms=divvy-dp-vms-$$
readonly deadline_ms=1000
flood_rate=5000 # frames a second
early_on=va
match_all="bpf bytecode '1,6 0 0 4294967295,'" # not every kernel has the classifier of that name

make_rx_topology() {
	ip netns add "$host" && ip netns add "$srv" && ip netns add "$vms" || bail "cannot make a network namespace"
	for ns in "$host" "$srv" "$vms"; do
		ip netns exec "$ns" sysctl -qw net.ipv6.conf.default.disable_ipv6=1 net.ipv6.conf.all.disable_ipv6=1 2>/dev/null
	done
	ip -n "$host" -b - <<-END || bail "cannot make the host's links"
		link set lo up
		link add br0 type bridge
		link add up0 type veth peer name srv0 netns $srv
		link add va type veth peer name ga netns $vms address 02:00:00:77:0a:01
		link add vb type veth peer name gb netns $vms address 02:00:00:77:0a:02
		link set up0 master br0
		link set va master br0
		link set vb master br0
		link set up0 up
		link set va up
		link set vb up
		link set br0 up
	END
	ip -n "$vms" -b - <<-END || bail "cannot make the containers' links"
		addr add 10.77.0.11/24 dev ga
		link set ga up
		link set gb up
	END
	ip -n "$srv" -b - <<-END || bail "cannot make the servers' links"
		link add brs type bridge
		tuntap add n0 mode tap vnet_hdr
		tuntap add n1 mode tap vnet_hdr
		link set n0 master brs up
		link set n1 master brs up
		link set srv0 master brs up
		addr add 10.77.0.1/24 dev brs
		link set brs up
	END
	# Nothing is flooded to all ports, whatever the containers send.
	bridge -n "$host" fdb replace 02:00:00:77:0a:01 dev va master static
	bridge -n "$host" fdb replace 02:00:00:77:0a:02 dev vb master static
}

remove_rx_topology() {
	ip netns del "$vms" 2>/dev/null
	remove_topology
}

spec() { # keys of a, of b
	cat >"$tmp/divvy.yaml" <<-END
		uplinks:
		  - name: up0
		    capacity: 1gbit
		    rx_capacity: ${capacity_mbit}mbit
		    overhead: 0
		    devices:
		      - {name: a, nic: va, share: 60$1}
		      - {name: b, nic: vb, share: 40$2}
	END
}

apply_spec() {
	divvy apply "$tmp/divvy.yaml" >"$tmp/apply.log" 2>&1 || {
		diag <"$tmp/apply.log"
		return 1
	}
}

# The rx of a device in the status: a field that is a string, a number or a word.
rx_of() { # device, field
	json | grep -o "{\"name\":\"$1\".*" | sed "s/},{\"name\".*//" | grep -o '"rx":{[^}]*}' | grep -o "\"$2\":[^,}]*" |
		head -n 1 | sed 's/^[^:]*://; s/"//g'
}

rx_is() { # device, field, value
	[[ $(rx_of "$1" "$2") == "$3" ]]
}

# Each sends twice the capacity. At full speed two floods take all that an emulated kernel has: 15 of 20 Mbit/s came out then.
servers() { # start | stop
	local v
	for v in web batch; do
		if [[ $1 == start ]]; then
			vm_ask $v "flood 60 $frame 02:00:00:77:0a:0$([[ $v == web ]] && echo 1 || echo 2) 10.77.0.1 10.77.0.1$([[ $v == web ]] && echo 1 || echo 2) ${port[$v]} rate=$flood_rate"
		else
			vm_ask $v stop
			vm_reply $v
		fi
	done
}

got() { # sets got_a, got_b: bytes that the containers received, and the time
	local words
	words=$(ip netns exec "$vms" cat /proc/net/dev | sed -n 's/^ *g\([ab]\): *\([0-9]*\) .*/\1=\2/p')
	got_us=${EPOCHREALTIME/./}
	got_a=${words#*a=} got_a=${got_a%%$'\n'*}
	got_b=${words#*b=} got_b=${got_b%%$'\n'*}
}

# One window of three has to be right (measure_shares() of lib.sh says why).
measure() { # permille of a that is expected
	local try a b t
	sleep 0.3
	for try in 1 2 3; do
		got
		a=$got_a b=$got_b t=$got_us
		sleep $window_seconds
		got
		a=$((got_a - a)) b=$((got_b - b)) t=$((got_us - t))
		share_permille=$((a + b > 0 ? (1000 * a + (a + b) / 2) / (a + b) : 0))
		kbit=$((8000 * (a + b) / t))
		echo "# window $try: share of a $((share_permille / 10)).$((share_permille % 10)) %, total $kbit kbit/s"
		(($1 - 10 > share_permille || share_permille > $1 + 10)) || break
	done
}

check_rx_shares() { # of which case, permille of a
	measure "$2"
	check "$1: shares are as they should be, within 1 point" "$2 - 10 <= share_permille && share_permille <= $2 + 10"
	check "$1: rx_capacity is used and kept" "capacity_mbit * 850 <= kbit && kbit <= capacity_mbit * 1080"
}

tc_on_host() { # tc commands, one an argument
	printf '%s\n' "$@" | tc -n "$host" -b -
}

ping_a() { # three pings from a to the server
	ip netns exec "$vms" ping -q -c 3 -i 0.1 -W 1 10.77.0.1 >"$tmp/ping.log" 2>&1
}

divided() { # vNIC: divvy has a filter at its egress
	local parent
	for parent in "parent d177:" "parent 1:" egress; do
		# An `ingress` shows its filters there, too.
		[[ $parent != egress ]] || tc -n "$host" qdisc show dev "$1" | grep -q clsact || continue
		# shellcheck disable=SC2086 # words
		tc -n "$host" filter show dev "$1" $parent 2>/dev/null | grep -q divvy && return 0
	done
	return 1
}

qdiscs() { # of the vNICs, without what a kernel numbers anew
	tc -n "$host" qdisc show | grep -E 'dev (va|vb) ' | sed -E 's/ refcnt [0-9]+//' | sort
}

# --- cases -----------------------------------------------------------------------------------------------
case_shares() {
	local before
	before=$(qdiscs)
	spec ", rx: same" ", rx: {share: 40}"
	apply_spec
	check "shares: applied" "$? == 0"
	rx_is a state bound && rx_is b state bound
	check "shares: both are bound in this direction, too" "$? == 0" || json | diag
	servers start
	check_rx_shares shares 600
	divvy set a.rx.share=10 b.rx.share=30 2>&1 | diag
	check_rx_shares "set while it runs" 250
	check "shares: drops are counted" "$(rx_of a dropped_packets) > 0 && $(rx_of b dropped_packets) > 0"
	kill_and_start
	check_rx_shares "after divvyd was killed" 250
	divvy release --all 2>&1 | diag
	check "release: the vNICs' qdiscs are what they were" "$([[ $(qdiscs) == "$before" ]] && echo 1 || echo 0)" || qdiscs | diag
	servers stop
}

kill_and_start() {
	divvyd_kill
	measure 250
	check "without divvyd the shares hold" "240 <= share_permille && share_permille <= 260"
	divvyd_launch
}

case_off() {
	spec "" ", rx: none"
	apply_spec
	! qdiscs | grep -q htb && ! ip -n "$host" -d link show type ifb | grep -q up0/rx
	check "off: a vNIC without rx has no hook in this direction" "$? == 0" || qdiscs | diag
	[[ -z $(rx_of a state) ]]
	check "off: the status says nothing of it" "$? == 0" || json | diag
	spec ", rx: same" ""
	apply_spec
	divided va && ! divided vb
	check "off: only what has rx is hooked" "$? == 0" || qdiscs | diag
}

# A fault, and how long until all is as it was, by the times of the kernel's own events: a look at it takes many processes,
# and those take a second beside a flood under emulation. One of three repairs has to be in time.
fault() { # name, command...
	local name=$1 try
	shift
	for try in 1 2 3; do
		monitors_start
		"$@"
		await 8 whole && await 8 mended # an event of a fault may not have come yet
		monitors_stop
		took_ms=$(took_of_events)
		echo "# $name: repaired after $took_ms ms"
		((took_ms > deadline_ms)) || break
	done
	check "$name: repaired within a second" "took_ms <= deadline_ms" || qdiscs | diag
}

monitors=()
monitors_start() {
	: >"$tmp/events"
	tc -ts -n "$host" monitor >>"$tmp/events" &
	monitors=($!)
	ip -ts -n "$host" monitor link >>"$tmp/events" &
	monitors+=($!)
	await 5 monitors_listen
}

monitors_listen() { # both: /proc/net/netlink has a line for each socket, with its process's pid
	[[ $(in_host cat /proc/net/netlink | awk -v a="${monitors[0]}" -v b="${monitors[1]}" '$3 == a || $3 == b' | wc -l) -ge 2 ]]
}

monitors_stop() {
	kill "${monitors[@]}" 2>/dev/null
	wait "${monitors[@]}" 2>/dev/null
	monitors=()
}

# What was taken away or changed, and what divvy made of it.
events() {
	grep -E '(filter|qdisc) .*dev v[ab] |filter dev v[ab] |: divvy1: ' "$tmp/events" | sort
}

mended() { # something was taken away, and later something was put back
	[[ $(events | wc -l) -ge 2 ]]
}

took_of_events() { # milliseconds from the first to the last
	events | sed -nE 's/^\[[0-9-]+T([0-9]+):([0-9]+):([0-9.]+)\].*/\1 \2 \3/p' |
		awk '{ t = ($1 * 60 + $2) * 60 + $3; if (NR == 1) first = t } END { printf "%d\n", (NR > 1 ? 1000 * (t - first) : 99999) }'
}

whole() {
	divided va && divided vb && ip -n "$host" link show divvy1 2>/dev/null | grep -q ',UP'
}

case_repair() {
	spec ", rx: same" ", rx: same"
	apply_spec
	servers start
	fault "filter removed" tc_on_host "filter del dev va parent d177: pref 65520"
	fault "root removed" tc_on_host "qdisc del dev va root"
	fault "IFB down" ip -n "$host" link set divvy1 down
	fault "IFB removed" ip -n "$host" link del divvy1
	check_rx_shares "after the repairs" 600
	servers stop
}

tbf_is_said() {
	json | grep -q '"rx":{[^}]*tbf,takesnofilters;tcqdiscdeldevvarootmakesroom"' 
}

case_others() {
	spec ", rx: same" ", rx: same"
	# Proxmox's rate
	tc_on_host "qdisc add dev va root tbf rate 50mbit burst 20kb latency 100ms"
	apply_spec
	! divided va && divided vb
	check "tbf: what takes no filters is left alone" "$? == 0" || qdiscs | diag
	await 3 tbf_is_said
	check "tbf: the status says why, and the command that frees it" "$? == 0" || json | diag
	tc_on_host "qdisc del dev va root"
	await 3 divided va
	check "tbf: divided when it has gone" "$? == 0"
	# libvirt's <inbound>, by its commands
	tc_on_host "qdisc del dev va root" "qdisc add dev va root handle 1: htb default 1" \
		"class add dev va parent 1: classid 1:1 htb rate 500mbit"
	await 3 divided va
	check "inbound: attached behind libvirt's commands" "$? == 0" || qdiscs | diag
	servers start
	check_rx_shares inbound 600
	servers stop
	divvy release --all 2>&1 | diag
	qdiscs | grep -q 'htb 1: dev va root'
	check "inbound: a release leaves it" "$? == 0" || qdiscs | diag
	tc_on_host "qdisc del dev va root"
	# another program's mirror at a clsact uses the IFB's mark up
	apply_spec
	await 3 divided va
	ip -n "$host" link add mirror0 type ifb
	ip -n "$host" link set mirror0 up
	tc_on_host "qdisc del dev va ingress" "qdisc add dev va clsact" \
		"filter add dev va egress pref 1 protocol all $match_all classid 1:1 action mirred egress mirror dev mirror0 pipe"
	ping_a
	check "mirror: no packet goes round for ever" "$? == 0" || diag <"$tmp/ping.log"
}

# What is there keeps the packets that a receives: it is said, in time, and no longer when it is gone.
check_kept() { # what it is called, pattern of the text, command that takes it away...
	local t0=${EPOCHREALTIME/./} took
	await 6 rx_undivided "$2"
	check "$1: said" "$? == 0" || divvy status | diag
	took=$(((${EPOCHREALTIME/./} - t0) / 1000))
	echo "# $1: said after $took ms"
	check "$1: soon" "took <= 3500"
	divvy status | grep -qE '^a .*NOT DIVIDED'
	check "$1: divvy status has it in its table" "$? == 0" || divvy status | diag
	json | grep -o '{"name":"a".*' | grep -o '"rx":{.*' | grep -qE "\"text\":\"notdivided:${2// /}"
	check "$1: JSON has it" "$? == 0" || json | diag
	grep -qE "^divvyd: a: what it receives is not divided: $2" "$tmp/divvyd.log"
	check "$1: the log has it" "$? == 0" || diag <"$tmp/divvyd.log"
	"${@:3}"
	await 8 rx_divided
	check "$1: gone, it is divided" "$? == 0" || divvy status | diag
	! grep -qE '^divvyd: (b|a: not)' "$tmp/divvyd.log"
	check "$1: nothing is said of others, nor of the other direction" "$? == 0" || diag <"$tmp/divvyd.log"
	divvy_stop
	: >"$tmp/divvyd.log" # a change is told once a minute
	divvyd_launch
	await 5 rx_is a state bound
}

rx_undivided() { # pattern
	divvy status 2>/dev/null | grep -qE "^  not divided: $1"
}

rx_divided() {
	! rx_undivided .
}

case_undivided() {
	spec ", rx: same" ", rx: same"
	apply_spec
	servers start
	sleep 2
	tc_on_host "filter add dev va parent d177: pref 10 protocol ip u32 match u32 0 0 flowid 1:1"
	check_kept "a filter of others at the root" "filter u32 pref 10 keeps" \
		tc_on_host "filter del dev va parent d177: pref 10"
	# At a clsact of others divvy's filter is behind tcx, and behind their filters.
	divvy release --all 2>&1 | diag
	tc_on_host "qdisc add dev va clsact"
	apply_spec
	await 3 divided va
	tc_on_host "filter add dev va egress pref 7 protocol ip u32 match u32 0 0 flowid 1:1"
	check_kept "a filter of others at clsact" "filter u32 pref 7 keeps" tc_on_host "filter del dev va egress pref 7"
	if early tcx-egress early_keep; then
		check_kept "a program at tcx egress" "tcx program early_keep keeps" early_end
	else
		echo "# no tcx here: $(<"$tmp/early.err")"
	fi
	servers stop
	divvy release --all 2>&1 | diag
	tc_on_host "qdisc del dev va clsact"
}

run_case() {
	: >"$tmp/divvyd.log"
	make_rx_topology
	for v in web batch; do
		host=$srv vm_start $v
		vm_ready $v
	done
	divvy_start
	"case_$1"
	divvy release --all 2>&1 | diag
	await 3 gone
	check "$1: nothing is left behind" "$? == 0" || qdiscs | diag
	divvy_stop
	vm_stop_all
	remove_rx_topology
}

gone() { # divvy's own: others' roots and clsact stay
	! ip -n "$host" -o link show type ifb | grep -q divvy && ! qdiscs | grep -qE 'd177|ingress'
}

cleanup() {
	trap - EXIT INT TERM
	divvy_stop
	vm_stop_all
	remove_rx_topology
	rm -rf "$tmp"
}

lib_init
(($# > 0)) || set -- shares off repair undivided others
for c; do
	run_case "$c"
done
tap_done
