#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# mistakes.sh [CASE...]: specifications that are likely not meant so, and vNICs that none names: divvy says it, in the verb's answer, in
# status and, once, in the log. Prints TAP.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/system/faults_lib.sh
. "$root/tests/system/faults_lib.sh"

warned() { # pattern: one of the status's warnings
	divvy status | grep -qE "^Warning: .*$1"
}

logged() { # pattern; times it stands in divvyd's log
	grep -cE -- "$1" "$tmp/divvyd.log"
}

is_logged() {
	[[ $(logged "$1") -gt 0 ]]
}

check_once() { # what, pattern: in the log, once
	await 12 is_logged "$2" # looked at every five seconds, and not while a VM starts
	check "$1: the log says it once" "$(logged "$2") == 1" || diag <"$tmp/divvyd.log"
}

apply_text() { # specification from standard input; what divvy says is in $tmp/said
	cat >"$tmp/try.yaml"
	divvy apply "$tmp/try.yaml" >"$tmp/said" 2>&1
}

# A second vNIC for VM web: one more tap that a process of that name holds.
second_nic() {
	ip -n "$host" tuntap add n2 mode tap vnet_hdr
	ip -n "$host" link set n2 master br0 up
	tap[second]=n2 mac[second]=52:54:00:77:00:03
	vm_start second
	vm_ready second
}

case_unclaimed() {
	second_nic
	await 3 eval 'json | grep -q "\"unclaimed\":\[{\"nic\":\"n2\",\"vm\":\"second\",\"vmm\":\"qemu\",\"pid\":[0-9]*,\"mac\":\"52:54:00:77:00:03\"}\]"'
	check "a vNIC that no device claims: it is in the status" "$? == 0" || json | diag
	divvy status >"$tmp/said"
	grep -q '^Not divided: n2 of VM second (52:54:00:77:00:03): no device claims it' "$tmp/said"
	check "a vNIC that no device claims: below the table, too" "$? == 0" || diag <"$tmp/said"
	[[ $(divvy discover | awk '$1 == "n0" { print $4, $6 } $1 == "n2" { print $4, $6 }' | paste -sd ' ') == "web 52:54:00:77:00:01 - 52:54:00:77:00:03" ]]
	check "discover shows each vNIC's MAC and device" "$? == 0" || divvy discover | diag
	check_once "a vNIC that no device claims" 'n2 of VM second .52:54:00:77:00:03. is claimed by no device'
	sed '$a\      - {name: second, nic: n2}' "$tmp/divvy.yaml" | apply_text
	json | grep -q '"unclaimed":\[\]'
	check "once a device claims it: no longer" "$? == 0"
	vm_kill second
	unset 'tap[second]' 'mac[second]'
}

two_uplinks() { # capacity of each
	apply_text <<-END
		uplinks:
		  - {name: mv0, capacity: $1, devices: [{name: web, nic: n0}]}
		  - {name: w0, capacity: $2, devices: [{name: batch, nic: n1}]}
	END
}

stacked() { # an uplink on another: what the port carries is given away once
	local words='uplinks mv0 \(8000 Mbit/s\) and w0 \(3000 Mbit/s\) use one port: together they give away 11000 Mbit/s, and mv0 has 10000: shares do not hold'
	two_uplinks 8gbit 2gbit
	! grep -q warning "$tmp/said"
	check "an uplink on another, with its part: nothing is said" "$? == 0" || diag <"$tmp/said"
	divvy set w0.capacity=3gbit >"$tmp/said" 2>&1
	grep -qE "warning: $words" "$tmp/said"
	check "an uplink on another, too much together: set warns" "$? == 0" || diag <"$tmp/said"
	two_uplinks 8gbit 3gbit
	grep -qE "warning: $words" "$tmp/said"
	check "an uplink on another, too much together: apply warns" "$? == 0" || diag <"$tmp/said"
	warned "$words"
	check "an uplink on another, too much together: status warns" "$? == 0" || divvy status | diag
	divvy apply --dry-run "$tmp/try.yaml" 2>&1 | grep -qE "$words"
	check "an uplink on another, too much together: so does --dry-run" "$? == 0"
}

case_speed() { # a macvlan tells the speed of what it sits on: a veth's 10 Gbit/s
	ip -n "$host" link add w0 up type veth peer name w1
	ip -n "$host" link add link w0 name mv0 up type macvlan
	sed 's/up0/mv0/; s/20mbit/10gbit/' "$tmp/divvy.yaml" | apply_text
	! grep -q warning "$tmp/said"
	check "capacity that is the port's speed: nothing is said" "$? == 0" || diag <"$tmp/said"
	sed 's/up0/mv0/; s/20mbit/20gbit/' "$tmp/divvy.yaml" | apply_text
	grep -q 'warning: the capacity of mv0, 20000 Mbit/s, is above the speed of mv0, 10000 Mbit/s' "$tmp/said"
	check "capacity above the port's speed: apply warns" "$? == 0" || diag <"$tmp/said"
	warned 'above the speed of mv0'
	check "capacity above the port's speed: status warns" "$? == 0"
	check_once "capacity above the port's speed" 'above the speed of mv0'
	divvy set web=50 2>"$tmp/said"
	[[ ! -s $tmp/said ]]
	check "capacity above the port's speed: set does not repeat it" "$? == 0" || diag <"$tmp/said"
	stacked
	sed 's/20mbit/20gbit/' "$tmp/divvy.yaml" | apply_text
	! grep -q warning "$tmp/said"
	check "the speed that a veth tells is none" "$? == 0" || diag <"$tmp/said"
}

# During a flood. Status reads the port's counters once a second.
until_warned() {
	port_warned=1
	await 8 warned "$port_words" || port_warned=0
}

case_port() { # the uplink sends half of its capacity
	local too_high='the capacity of up0, 20 Mbit/s, is too high'
	tc -n "$host" qdisc replace dev up0 root tbf rate 10mbit burst 5k limit 20k
	port_words="up0 itself dropped [0-9]+ packets that divvy let through: $too_high"
	flood until_warned 0
	check "packets dropped at the uplink's own qdisc: status warns" "$port_warned" || divvy status | diag
	check_once "packets dropped at the uplink's own qdisc" "$port_words"
	divvy apply "$tmp/divvy.yaml" 2>&1 | grep -qE "warning: $port_words"
	check "packets dropped at the uplink's own qdisc: so does apply" "$? == 0"
	sed 's/20mbit/9mbit/' "$tmp/divvy.yaml" | apply_text
	sleep 1.2
	! grep -q warning "$tmp/said" && ! divvy status | grep -q Warning
	check "a capacity that the port has: nothing is said any more" "$? == 0" || diag <"$tmp/said"
	tc -n "$host" qdisc del dev up0 root
	tc -n "$host" qdisc add dev up0 root tbf rate 10mbit burst 5k limit 100m
	divvy_apply on
	port_words="[0-9]+ bytes wait at up0 itself, behind divvy: $too_high"
	flood until_warned 0
	check "packets waiting at the uplink's own qdisc: status warns" "$port_warned" || divvy status | diag
	tc -n "$host" qdisc del dev up0 root
}

case_port_right() { # a capacity that the port has: nothing is said
	tc -n "$host" qdisc replace dev up0 root tbf rate 40mbit burst 20k limit 60k
	flood "sleep 3" 1
	divvy status >"$tmp/said"
	sleep 1.1
	divvy status >>"$tmp/said"
	! grep -q Warning "$tmp/said"
	check "a capacity that the port has: nothing is said" "$? == 0" || diag <"$tmp/said"
	tc -n "$host" qdisc del dev up0 root
}

case_uplink() {
	local u why
	divvy release --all
	for u in lo:loopback n1:'vNIC of VM batch' n0:'vNIC'; do
		why=${u#*:} u=${u%%:*}
		apply_text <<<"uplinks: [{name: $u, capacity: 20mbit, devices: [{name: web, nic: n0}]}]"
		check "uplink $u: apply is refused" "$? == 1"
		says said ":1:.*$u is no uplink: .*$why"
		check "uplink $u: it says why" "$? == 0" || diag <"$tmp/said"
	done
	divvy_stop
	echo "uplinks: [{name: lo, capacity: 20mbit, devices: [{name: web, nic: n0}]}]" >"$tmp/none.yaml"
	divvy_start
	warned 'lo is no uplink: no packet of a VM leaves by the loopback interface'
	check "uplink lo at the start: status warns" "$? == 0" || divvy status | diag
	rm "$tmp/none.yaml"
}

case_schedule() {
	divvy set schedule.policy=smooth 2>"$tmp/said"
	says said 'set: warning: the keys of schedule count only with resource: cpu'
	check "schedule is set while devices are scheduled: set warns" "$? == 0" || diag <"$tmp/said"
	warned 'keys of schedule'
	check "schedule is set while devices are scheduled: status warns" "$? == 0"
	check_once "schedule is set while devices are scheduled" 'keys of schedule'
	{
		echo "schedule: {policy: smooth}"
		cat "$tmp/divvy.yaml"
	} | apply_text
	[[ $(grep -c 'keys of schedule' "$tmp/said") -eq 1 ]]
	check "schedule is set while devices are scheduled: apply warns, once" "$? == 0" || diag <"$tmp/said"
}

case_twice() { # Proxmox's firewall: tap n0 - bridge fwbr0 - veth - bridge br0
	local end
	ip -n "$host" -b - <<-END
		link add fwbr0 type bridge
		link add fwln0 type veth peer name fwpr0
		link set fwln0 master fwbr0
		link set fwpr0 master br0
		link set n0 master fwbr0
		link set fwbr0 up
		link set fwln0 up
		link set fwpr0 up
	END
	sleep 0.5 # a vNIC that is being set up is bound later
	for end in fwln0 fwpr0; do
		sed "\$a\      - {name: again, nic: $end}" "$tmp/divvy.yaml" | apply_text
		grep -q "warning: devices web (n0) and again ($end) are one vNIC before and behind its firewall bridge, and its packets are charged twice: name only n0" "$tmp/said"
		check "tap and $end: apply warns" "$? == 0" || diag <"$tmp/said"
	done
	check_once "tap and $end" 'are one vNIC before and behind'
	sed '$a\      - {name: again, nic: fwpr0}' "$tmp/divvy.yaml" | sed '/name: web/d' | apply_text
	! grep -q warning "$tmp/said" && json | grep -q '"unclaimed":\[\]'
	check "the veth alone: nothing is said, and the tap counts as divided" "$? == 0" || json | diag
}

# Web floods batch, and batch the server. Batch reads none of them: its tap drops them, and counts.
local_flood() {
	local t0 web0 web1 kbit
	sleep 0.5
	received
	t0=${EPOCHREALTIME/./} web0=$(in_host cat /sys/class/net/n1/statistics/tx_dropped) rx0=$rx_batch
	sleep 2
	received
	web1=$(in_host cat /sys/class/net/n1/statistics/tx_dropped)
	local_us=$((${EPOCHREALTIME/./} - t0)) local_kbit=$((8000 * frame * (web1 - web0) / local_us)) uplink_kbit=$((8000 * frame * (rx_batch - rx0) / local_us))
}

case_local() { # what one VM sends to another is charged to the uplink's shares
	divvy apply --dry-run "$tmp/divvy.yaml" >/dev/null
	sed 's/share: 60/share: 50/' "$tmp/divvy.yaml" >"$tmp/try.yaml"
	divvy apply --dry-run "$tmp/try.yaml" | grep -q '^note: all that a device sends is charged to the shares of up0, also what it sends to the host and to other VMs'
	check "a dry run says that traffic between VMs is charged" "$? == 0"
	bridge -n "$host" fdb replace "${mac[batch]}" dev n1 master static
	vm_ask web "flood 30 $frame ${mac[batch]} ${src_ip[web]} ${src_ip[batch]} ${port[web]}"
	vm_ask batch "flood 30 $frame ${dst_mac[batch]} ${src_ip[batch]} 10.77.0.1 ${port[batch]}"
	local_flood
	vm_ask web stop
	vm_ask batch stop
	vm_reply web
	vm_reply batch
	echo "# web to batch $local_kbit kbit/s, batch to the uplink $uplink_kbit kbit/s, capacity $capacity_mbit Mbit/s"
	check "traffic between VMs gets the device's share" "10000 < local_kbit && local_kbit < 14000"
	check "traffic through the uplink gets the rest" "6500 < uplink_kbit && uplink_kbit < 9500"
}

sends() { # device: what it delivers is known, and more than 1 Mbit/s
	local bps
	bps=$(of "$1" delivered_bps)
	[[ $bps != null ]] && ((bps > 1000000))
}

# During a flood: two readings, half a second from each other.
until_known() {
	sends_web=0
	sleep 0.3
	divvy status >/dev/null
	sleep 0.7
	await 3 sends web && sends_web=1
	divvy status >"$tmp/table"
}

case_cpu() { # CPU slots: capacity does not hold, and what is delivered is shown all the same
	{
		echo "schedule: {resource: cpu}"
		cat "$tmp/divvy.yaml"
	} | apply_text || {
		skip "CPU slots: capacity does not hold" "$(tail -n 1 "$tmp/said")"
		return
	}
	grep -q 'warning: no capacity, reserve or limit of up0 holds while the CPU is scheduled' "$tmp/said"
	check "CPU slots: apply says that capacity does not hold" "$? == 0" || diag <"$tmp/said"
	warned 'no capacity, reserve or limit of up0 holds'
	check "CPU slots: so does status" "$? == 0"
	flood until_known 0
	check "CPU slots: DELIVERED is known" "$sends_web"
	awk '$1 == "DEVICE" { for (i = 1; i <= NF; i++) if ($i == "DELIVERED") at = i - 1 } $1 == "web" && at { found = $at + 0 > 1 } END { exit !found }' "$tmp/table" &&
		grep -qE '^up0: [0-9.]+ Mbit/s$' "$tmp/table"
	check "CPU slots: DELIVERED is in the table" "$? == 0" || diag <"$tmp/table"
	check_once "CPU slots" 'no capacity, reserve or limit of up0 holds'
}

cases=(unclaimed speed port port_right uplink schedule twice local cpu)
(($# > 0)) || set -- "${cases[@]}"
run_cases "$@"
