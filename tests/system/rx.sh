#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# rx.sh [CASE...]: what VMs receive, divided: shares, repairs, what others have at the vNICs. Prints TAP.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/system/rx_lib.sh
. "$root/tests/system/rx_lib.sh"
# shellcheck source=tests/system/fields_lib.sh
. "$root/tests/system/fields_lib.sh"
# shellcheck source=tests/system/values_lib.sh
. "$root/tests/system/values_lib.sh"

readonly deadline_ms=1000
match_all="bpf bytecode '1,6 0 0 4294967295,'" # not every kernel has the classifier of that name

# What a is promised there, in the status.
promise_of() { # device, field
	json | grep -o "{\"name\":\"$1\".*" | sed "s/},{\"name\".*//" | grep -o '"rx":{[^}]*"conformance":{[^}]*}' |
		sed 's/.*"conformance"://' | grep -o "\"$2\":[^,}]*" | sed 's/^[^:]*://'
}

# By divvyd's own readings of the latest second: entitled to so much, and got it.
promise_kept() { # device, permille of rx_capacity
	local entitled got due=$((capacity_mbit * 1000 * $2))
	entitled=$(promise_of "$1" entitled_bps) got=$(promise_of "$1" delivered_bps)
	[[ $entitled =~ ^[0-9]+$ && $got =~ ^[0-9]+$ ]] && ((entitled * 100 > due * 98 && entitled * 100 < due * 102)) &&
		((got * 100 > due * 80 && got * 100 < due * 120))
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
	await 5 promise_kept a 600 && await 5 promise_kept b 400
	check "shares: the status says what each is entitled to, and got" "$? == 0" || json | diag
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

# Other ways from the uplink to the vNICs: what is special is in make_NAME() of rx_lib.sh.
check_topology() {
	local before
	before=$(qdiscs)
	spec ", rx: same" ", rx: {share: 40}"
	apply_spec
	servers start
	check_rx_shares "$1" 600
	divvy set a.rx.share=10 b.rx.share=30 2>&1 | diag
	check_rx_shares "$1: set while it runs" 250
	! grep -q "not divided" "$tmp/divvyd.log"
	check "$1: it is divided, and nothing else is said" "$? == 0" || diag <"$tmp/divvyd.log"
	servers stop
	divvy release --all 2>&1 | diag
	check "$1: the vNICs' qdiscs are what they were" "$([[ $(qdiscs) == "$before" ]] && echo 1 || echo 0)" || qdiscs | diag
}

case_routed() {
	check_topology routed
}

case_queues() {
	check_topology queues
}

case_vlan() {
	check_topology vlan
}

case_ovs() {
	check_topology ovs
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

told() { # kind, parts of an event that `divvy watch` has told
	local line kind=$1 part
	shift
	while read -r line; do
		[[ $line == *"\"event\":\"$kind\""*'"direction":"rx"'* ]] || continue
		for part; do
			[[ $line == *"$part"* ]] || continue 2
		done
		return 0
	done <"$tmp/told"
	return 1
}

# There is no event yet that it could print: its connection has been answered once divvyd tells it of this one.
watch_is_heard() {
	divvy set nosuch=1 >"$tmp/said" 2>&1
	grep -q refused "$tmp/told"
}

# Divvy's objects of this direction with their values.
objects() {
	{
		tc -n "$host" -b - <<-END
			qdisc show dev divvy1
			class show dev divvy1
			filter show dev divvy1 parent d177:
			qdisc show dev va
			filter show dev va parent d177:
		END
		ip -n "$host" link show dev divvy1
	} 2>/dev/null | values | sed '/default 0 /s/ direct_packets_stat [0-9]*//' | sort # what a vNIC's own root counts is no value
}

as_before() {
	[[ $(objects) == "$before" ]]
}

# While nothing comes: what is divided anew all the time does not stay as it was.
rx_fault() { # name, what the log says, command...
	local t0 took try
	for try in 1 2 3; do
		t0=${EPOCHREALTIME/./}
		"${@:3}"
		await 8 as_before || diff <(echo "$before") <(objects) | diag
		took=$(((${EPOCHREALTIME/./} - t0) / 1000))
		echo "# $1: repaired after $took ms"
		((took > deadline_ms)) || break
	done
	check "$1: repaired within a second" "took <= deadline_ms"
	grep -qF "$2" "$tmp/divvyd.log"
	check "$1: the log says it, and of which direction" "$? == 0" || diag <"$tmp/divvyd.log"
}

case_tree() {
	local before class
	spec ", rx: same" ", rx: same"
	apply_spec
	await 3 divided vb
	before=$(objects)
	class=$(tc -n "$host" class show dev divvy1 | sed -n 's/^class htb \(d177:[0-9a-f]*\) parent.*/\1/p' | grep -v fffe | sort | head -n 1)
	rx_fault "class changed" "class changed" tc_on_host "class change dev divvy1 parent d177:1 classid $class htb rate 1mbit ceil 1mbit"
	rx_fault "class removed" "class removed" tc_on_host "class del dev divvy1 classid $class"
	rx_fault "leaf replaced" "queue replaced" tc_on_host "qdisc replace dev divvy1 parent $class pfifo limit 2"
	rx_fault "classifier removed" "classifier removed" tc_on_host "filter del dev divvy1 parent d177:"
	rx_fault "IFB's root removed" "root qdisc removed" tc_on_host "qdisc del dev divvy1 root"
	rx_fault "the filter's redirect leads elsewhere" "filter changed" tc_on_host \
		"actions change action mirred egress redirect dev up0 index $(tc -n "$host" filter show dev va parent d177: | sed -n 's/.*index \([0-9]*\) ref.*/\1/p' | head -n 1)"
	divvyd_kill
	tc_on_host "qdisc replace dev divvy1 parent $class pfifo limit 2" \
		"class change dev divvy1 parent d177:1 classid $class htb rate 1mbit ceil 1mbit" "filter del dev va parent d177: pref 65520"
	divvyd_launch
	await 3 as_before
	check "changed while divvyd was dead: the next one repairs" "$? == 0" || diff <(echo "$before") <(objects) | diag
}

case_repair() {
	local watcher
	divvy watch --json >"$tmp/told" 2>&1 &
	watcher=$!
	await 5 watch_is_heard
	check "watch: is told of what happens" "$? == 0" || diag <"$tmp/told"
	spec ", rx: same" ", rx: same"
	apply_spec
	await 3 told bind '"device":"a"' '"nic":"va"'
	check "watch: what is received is bound" "$? == 0" || diag <"$tmp/told"
	servers start
	fault "filter removed" tc_on_host "filter del dev va parent d177: pref 65520"
	await 3 told repaired '"device":"a"' '"what":"filter removed"'
	check "watch: which direction's filter was removed" "$? == 0" || diag <"$tmp/told"
	kill "$watcher"
	wait "$watcher" 2>/dev/null
	fault "root removed" tc_on_host "qdisc del dev va root"
	fault "IFB down" ip -n "$host" link set divvy1 down
	fault "IFB removed" ip -n "$host" link del divvy1
	check_rx_shares "after the repairs" 600
	servers stop
}

fields_at_a() { # sed's words; of a short flood: of what web's server sent
	seen va >/dev/null
	servers start
	sleep 0.3
	servers stop
	seen va | grep '^sender=1 ' | sed "$1" | sort -u
}

# Packets come to the VM as they came to the host, and what others wrote into them changes nothing of their class.
case_fields() {
	local wish off on without=
	spec ", rx: same" ", rx: same"
	watch va see va
	for wish in "0x10003 0x1234 7 0" "0xffffffff 0xffffffff 0xffff 0"; do
		# shellcheck disable=SC2086 # words
		watch up0 set up0 $wish
		apply_spec
		[[ $(tc -n "$host" qdisc show dev divvy1) != *fq_codel* ]] || without='s/ hash=.*//' # it computes one
		on=$(fields_at_a "$without")
		divvy release --all
		off=$(fields_at_a "$without")
		unwatch up0
		echo "# set to $wish; without divvy: ${off//$'\n'/; }"
		[[ -n $off && $off == "$on" ]]
		check "fields: the same with divvy (set before: $wish)" "$? == 0" || diag < <(diff <(echo "$off") <(echo "$on"))
	done
	unwatch va
	tc_on_host "qdisc del dev va clsact"
	apply_spec
	servers start
	watch up0 set up0 0xd1770003 0 0 0
	check_rx_shares "a priority that names a class of divvy's" 600
	unwatch up0
	# HTB looks at that one before it looks at filters (net/sched/sch_htb.c, htb_classify()): the vNIC's root sends such a packet on.
	watch up0 set up0 0xd1770000 0 0 0
	await 6 eval '! rx_is a undivided null' && rx_undivided ".*the packets do not come to divvy's filter"
	check "a priority that names divvy's root: said" "$? == 0" || divvy status | diag
	check_divided_again "a priority that names divvy's root" rx_divided unwatch up0
	servers stop
}

# An uplink that is not there for a while.
case_absent() {
	spec ", rx: same" ", rx: same"
	apply_spec
	servers start
	ip -n "$host" link set up0 name wan7
	await 3 uplink_present false
	check "absent: the status says so" "$? == 0" || json | diag
	divvy set a.rx.share=30 b.rx.share=10 >"$tmp/said" 2>&1
	check "absent: set works meanwhile" "$? == 0" || diag <"$tmp/said"
	check_rx_shares "absent: what was set is in force" 750
	ip -n "$host" link set wan7 name up0
	await 3 uplink_present true && await 3 rx_is a state bound && rx_is b state bound
	check "there again: both are bound" "$? == 0" || json | diag
	check_rx_shares "there again" 750
	divvy release a 2>&1 | diag
	await 3 eval '! divided va' && divided vb
	check "a is released, b goes on" "$? == 0" || qdiscs | diag
	servers stop
}

uplink_present() { # true | false
	json | grep -q "\"name\":\"up0\",\"present\":$1"
}

sends_divided() { # vNIC
	tc -n "$host" filter show dev "$1" ingress | grep -q divvy
}

tbf_is_said() {
	json | grep -q '"rx":{[^}]*tbf,takesnofilters,andnoclsactcanstandbesideitsingress;tcqdiscdeldevvarootmakesroom"'
}

seen_by_nft() { # packets
	in_host nft list chain netdev fw out | sed -n 's/.*counter packets \([0-9]*\) .*/\1/p'
}

# An egress chain of others on the vNIC sees each packet once, and what it drops does not come to divvy.
case_nft() {
	local came # "offered" is a function of rx_lib.sh
	spec ", rx: same" ", rx: same, force: true" # what b sends to a would pass the chain by
	in_host nft "add table netdev fw; add chain netdev fw out { type filter hook egress device va priority 0; }
		add rule netdev fw out udp dport ${port[web]} counter" 2>"$tmp/said" || {
		skip "nft at the vNIC's egress" "this kernel lacks it: $(head -n 1 "$tmp/said")"
		return
	}
	apply_spec
	rx_is a state bound
	check "nft: an egress chain of others is no hurdle" "$? == 0" || divvy status | diag
	sleep 0.5
	came=$(rx_of a offered_packets)
	servers start
	check_rx_shares nft 600
	servers stop
	sleep 0.5
	came=$(($(rx_of a offered_packets) - came))
	echo "# nft: the chain has seen $(seen_by_nft) packets, divvy $came"
	check "nft: the chain sees each packet once" "came > 1000 && came - 5 <= $(seen_by_nft) && $(seen_by_nft) <= came"
	in_host nft "flush chain netdev fw out; add rule netdev fw out udp dport ${port[web]} drop"
	came=$(rx_of a offered_packets)
	servers start
	sleep 1
	servers stop
	check "nft: what it drops does not come to divvy" "$(rx_of a offered_packets) - came < 5"
	in_host nft "delete table netdev fw"
}

# A root that takes no filters beside divvy's own ingress: that gives way to a clsact.
case_tbf() {
	spec ", rx: same" ", rx: same"
	apply_spec
	tc_on_host "qdisc replace dev va root tbf rate 500mbit burst 200kb latency 100ms"
	await 4 divided va
	check "tbf without an ingress of others: divided at a clsact" "$? == 0" || qdiscs | diag
	await 3 sends_divided va
	check "tbf without an ingress of others: so is what it sends" "$? == 0" || qdiscs | diag
	servers start
	check_rx_shares "tbf without an ingress of others" 600
	servers stop
	divvy release --all 2>&1 | diag
	[[ $(qdiscs | grep 'dev va') == *tbf* ]] && ! qdiscs | grep -q clsact
	check "tbf without an ingress of others: a release leaves it alone" "$? == 0" || qdiscs | diag
	tc_on_host "qdisc del dev va root"
}

case_others() {
	spec ", rx: same" ", rx: same"
	# Proxmox's rate
	tc_on_host "qdisc add dev va handle ffff: ingress" "qdisc add dev va root tbf rate 50mbit burst 20kb latency 100ms"
	apply_spec
	! divided va && divided vb
	check "tbf: what takes no filters is left alone" "$? == 0" || qdiscs | diag
	await 3 tbf_is_said
	check "tbf: the status says why, and the command that frees it" "$? == 0" || json | diag
	tc_on_host "qdisc del dev va root"
	await 3 divided va
	check "tbf: divided when it has gone" "$? == 0"
	tc_on_host "qdisc del dev va ingress"
	await 3 sends_divided va
	# libvirt's <inbound>, by its commands (virNetDevBandwidthSet()); not every kernel has the last two
	tc_on_host "qdisc del dev va root" "qdisc add dev va root handle 1: htb default 1" \
		"class add dev va parent 1: classid 1:1 htb rate 500mbit"
	tc_on_host "qdisc add dev va parent 1:1 handle 2: sfq perturb 10" 2>/dev/null
	tc_on_host "filter add dev va parent 1:0 protocol all prio 1 handle 1 fw flowid 1" 2>/dev/null
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
	grep -qE "^divvyd: a \(rx\): not divided: $2" "$tmp/divvyd.log"
	check "$1: the log has it" "$? == 0" || diag <"$tmp/divvyd.log"
	check_divided_again "$1" rx_divided "${@:3}"
	! grep 'divided' "$tmp/divvyd.log" | grep -qvF 'a (rx): ' 
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
	rx_is a undivided null
}

case_undivided() {
	spec ", rx: same" ", rx: same"
	apply_spec
	servers start
	sleep 2
	tc_on_host "filter add dev va parent d177: pref 10 protocol ip u32 match u32 0 0 flowid 1:1"
	check_kept "a filter of others at the root" "filter u32 pref 10 keeps" \
		tc_on_host "filter del dev va parent d177: pref 10"
	servers stop
}

# At a clsact of others divvy's filter is behind tcx, and behind their filters.
case_undivided_clsact() {
	tc_on_host "qdisc add dev va clsact"
	spec ", rx: same" ", rx: same"
	apply_spec
	await 3 divided va
	servers start
	sleep 2
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

# `make check-rx` runs "all", tests/hosts/long.sh "all vlan ovs" on kernels that have these.
[[ ${1:-} != all ]] || set -- shares off tree repair undivided undivided_clsact others tbf nft routed queues fields absent "${@:2}"
(($# > 0)) || set -- shares off tree repair others
rx_cases "$@"
