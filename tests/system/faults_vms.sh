#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# faults_vms.sh [CASE...]: VMs and interfaces that come, go and change while divvyd looks on. Prints TAP.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/system/faults_lib.sh
. "$root/tests/system/faults_lib.sh"

case_vm_killed() { # in the middle of a flood
	vm_ask web "flood 20 $frame ${dst_mac[web]} ${src_ip[web]} 10.77.0.1 ${port[web]}"
	vm_ask batch "flood 20 $frame ${dst_mac[batch]} ${src_ip[batch]} 10.77.0.1 ${port[batch]}"
	sleep 0.5
	local t0=${EPOCHREALTIME/./}
	vm_kill batch
	await 3 is batch state waiting
	check "VM killed: unbound" "$? == 0"
	echo "# after $(((${EPOCHREALTIME/./} - t0) / 1000)) ms"
	sleep 0.3
	measure_shares
	check "VM killed: the other has all of the capacity" "share_permille >= 999 && kbit >= capacity_mbit * 950"
	t0=${EPOCHREALTIME/./}
	vm_start batch
	vm_ready batch
	await 3 is batch backpressure on
	check "VM started again: bound, held back" "$? == 0"
	echo "# after $(((${EPOCHREALTIME/./} - t0) / 1000)) ms"
	vm_ask batch "flood 20 $frame ${dst_mac[batch]} ${src_ip[batch]} 10.77.0.1 ${port[batch]}"
	sleep 0.3
	measure_shares
	check_shares "VM started again"
}

case_tap_reused() { # another VM's tap of the same name
	local before
	before=$(in_host cat /sys/class/net/n1/ifindex)
	vm_kill batch
	ip -n "$host" link del n1
	await 3 is batch state waiting
	check "tap deleted: the device waits" "$? == 0"
	ip -n "$host" tuntap add n1 mode tap vnet_hdr
	ip -n "$host" link set n1 master br0 up
	vm_start batch
	vm_ready batch
	await 3 is batch backpressure on
	check "tap of the same name: bound and held back" "$? == 0"
	[[ $(in_host cat /sys/class/net/n1/ifindex) != "$before" ]]
	check "tap of the same name: it is another interface" "$? == 0"
	flood measure_shares 3
	check_shares "tap of the same name"
	check_lossless "tap of the same name"
}

case_vanish() { # interfaces vanish while a specification of them is applied
	local i survived=1
	for _ in 1 2 3; do
		for ((i = 0; i < 150; i++)); do
			echo "link add w$i type veth peer name y$i"
		done | ip -n "$host" -b -
		{
			sed '/name: batch/q' "$tmp/divvy.yaml"
			for ((i = 0; i < 150; i++)); do
				echo "      - {name: w$i, nic: w$i}"
			done
		} >"$tmp/try.yaml"
		for ((i = 0; i < 150; i += 2)); do
			echo "link del w$i"
		done >"$tmp/vanish"
		ip -n "$host" -b "$tmp/vanish" &
		divvy apply "$tmp/try.yaml" >"$tmp/said" 2>&1 || diag <"$tmp/said"
		wait $!
		divvy_is_consistent || survived=0
		for ((i = 1; i < 150; i += 2)); do
			echo "link del w$i"
		done | ip -n "$host" -b -
	done
	check "interfaces vanish during apply: divvyd's view is the kernel's" "$survived == 1"
	await 3 no_class_too_many
	check "interfaces gone: so are their classes" "$? == 0"
	flood measure_shares 3
	check_lossless "interfaces vanished"
}

divvy_is_consistent() { # within a second: w1 is bound, w2 waits, and the kernel has a class for each that is there
	await 2 is w2 state waiting && await 2 is w1 state bound && await 2 is web state bound
}

no_class_too_many() { # root, default leaf, web, batch
	[[ $(classes | wc -l) -eq 4 ]]
}

discovered() { # NIC, pattern: stands in the lines below it
	divvy discover | sed -n "/^$1 /,/^[^ ]/p" | grep -q "$2"
}

case_down() { # a vNIC that carries nothing, with its VM alive
	ip -n "$host" link set n0 down
	await 2 is web why 'n0isdown:iplinksetdevn0up'
	check "tap down: status says that, not that no VM has it open" "$? == 0" || json | diag
	discovered n0 'no packets come: it is down' && ! divvy discover | grep -q 'has it open'
	check "tap down: so does discover" "$? == 0" || divvy discover | diag
	divvy apply "$tmp/divvy.yaml" >"$tmp/said" 2>&1
	grep -q '^applied: 1 of 2' "$tmp/said" && ! grep -q 'has it open' "$tmp/said"
	check "tap down at bind time: apply says nothing else" "$? == 0" || diag <"$tmp/said"
	sed 's/nic: n0/vm: web/' "$tmp/divvy.yaml" >"$tmp/try.yaml"
	divvy apply "$tmp/try.yaml" >"$tmp/said" 2>&1
	is web why 'n0isdown:iplinksetdevn0up'
	check "tap down at bind time, by vm: likewise" "$? == 0" || json | diag
	kill -STOP "${vm_pid[web]}"
	ip -n "$host" link set n0 up
	await 5 is web state bound
	check "tap up, its VM stopped: bound" "$? == 0" || json | diag
	! discovered n0 'no packets come'
	check "tap up, its VM stopped: nothing is wrong with it" "$? == 0" || divvy discover | diag
	kill -CONT "${vm_pid[web]}"
	divvy apply "$tmp/divvy.yaml" >/dev/null
	ip -n "$host" link set n0 down
	vm_kill web # no event tells of that: a tap that is down is down, whoever has it
	ip -n "$host" link set n0 up
	await 2 is web why 'n0:noVMhasitopen'
	check "tap up, its VM gone: no VM has it open" "$? == 0" || json | diag
	ip -n "$host" -b - <<-END
		link add v0 type veth peer name v0peer
		link set v0 up
		link add m0 link v0 type macvtap
		link set m0 up
	END
	await 2 discovered v0 'no packets come: its peer is down'
	check "veth whose peer is down: discover says so" "$? == 0" || divvy discover | diag
	discovered m0 'no packets come: its lower device is down'
	check "macvtap whose lower device has no carrier: discover says so" "$? == 0" || divvy discover | diag
	ip -n "$host" link set v0peer up
	await 2 eval '! divvy discover | grep -q "no packets come: its"'
	check "both again: nothing is wrong with them" "$? == 0" || divvy discover | diag
	ip -n "$host" link del v0
	vm_start web
	vm_ready web
	await 5 divvy_bound on
	check "its VM again: bound" "$? == 0" || json | diag
}

case_model() { # a NIC model that does not wait
	vm_kill web
	nic_model=e1000
	vm_start web
	vm_ready web
	nic_model=virtio-net-pci
	await 2 is web state bound
	sed 's/, backpressure: on//' "$tmp/divvy.yaml" >"$tmp/try.yaml"
	divvy apply "$tmp/try.yaml" >/dev/null
	is web backpressure unavailable
	check "e1000: backpressure is unavailable" "$? == 0"
	of web why | grep -q e1000
	check "e1000: and status says why" "$? == 0"
	is batch backpressure on
	check "e1000: the other VM is held back" "$? == 0"
	flood measure_shares 0
	check_shares "e1000"
}

case_bridge_events() { # a bridge port's messages are no news of the link itself
	bridge -n "$host" link set dev n0 hairpin on
	bridge -n "$host" link set dev n0 hairpin off
	ip -n "$host" link set n0 nomaster
	ip -n "$host" link set n0 master br0
	sleep 0.3
	divvy apply "$tmp/divvy.yaml" >/dev/null
	is web state bound && is web backpressure on
	check "bridge events: the device stays bound" "$? == 0"
	flood measure_shares 3
	check_shares "bridge events"
	check_lossless "bridge events"
}

case_bound_later() { # what an event bound is known after a kill, too
	vm_kill batch
	ip -n "$host" link del n1
	await 3 is batch state waiting
	divvy apply "$tmp/divvy.yaml" >/dev/null
	ip -n "$host" tuntap add n1 mode tap vnet_hdr
	ip -n "$host" link set n1 master br0 up
	vm_start batch
	vm_ready batch
	await 3 is batch backpressure on
	check "bound by an event: held back" "$? == 0"
	divvyd_kill
	divvyd_launch
	divvy release --all
	vm_ask batch sndbuf
	vm_reply batch
	[[ $REPLY == sndbuf=2147483647 ]]
	check "bound by an event, divvyd killed: release gives the send buffer back" "$? == 0"
	await 3 untouched
	check "bound by an event, divvyd killed: and removes the hook" "$? == 0"
}

thief_start() { # with a tap of its own and the name of another's VM; sets thief
	[[ -p $tmp/thief.in ]] || mkfifo "$tmp/thief.in"
	exec {thief_in}<>"$tmp/thief.in"
	ip netns exec "$host" bash -c 'exec -a qemu-system-x86_64 "$@"' - "$tapflood" -name web \
		-netdev tap,id=net0,ifname=n2 -device virtio-net-pci,netdev=net0 <"$tmp/thief.in" {thief_in}>&- >/dev/null &
	thief=$!
	await 2 eval 'divvy discover | grep -q "^n2 .*web"'
}

thief_stop() {
	kill "$thief"
	wait "$thief" 2>/dev/null
	exec {thief_in}>&-
}

case_namesake() { # somebody starts a process with a tap and the name of another's VM
	local resource thief thief_in
	ip -n "$host" tuntap add n2 mode tap vnet_hdr
	ip -n "$host" link set n2 up
	for resource in cpu device; do
		{
			echo "schedule: {resource: $resource}"
			sed 's/nic: n0/vm: web/' "$tmp/divvy.yaml"
		} >"$tmp/try.yaml"
		divvy apply "$tmp/try.yaml" >/dev/null
		is web nic n0
		check "namesake, $resource: bound by the VM's name" "$? == 0"
		thief_start
		check "namesake, $resource: it is there" "$? == 0"
		sleep 0.5
		is web nic n0 && is web state bound
		check "namesake, $resource: the VM that was bound stays bound" "$? == 0"
		[[ $resource == cpu ]] || {
			divvyd_kill
			divvyd_launch
			is web nic n0 && is web state bound
			check "namesake, $resource: over a restart of divvyd, too" "$? == 0"
		}
		thief_stop
	done
}

case_looked() { # a VM that a verb sees first
	vm_kill batch
	sed 's/nic: n1/vm: late/' "$tmp/divvy.yaml" >"$tmp/late.yaml"
	divvy apply "$tmp/late.yaml" >/dev/null
	vmm=launcher
	vm_start batch
	vm_ready batch
	vmm=qemu-system-x86_64
	sleep 0.8 # between the third look at /proc and the fourth
	is batch state waiting
	check "looked: a launcher is no VM" "$? == 0"
	vm_ask batch "exec qemu-system-x86_64 late"
	vm_ready batch
	divvy discover >/dev/null
	await 7 is batch state bound
	check "looked: a VM that discover sees first is bound" "$? == 0"
	sleep 5 # no more looks
	vm_ask batch "exec qemu-system-x86_64 later"
	vm_ready batch
	is batch state bound
	check "looked: nobody sees that it changes its name" "$? == 0"
	sed 's/up0/eth77/' "$tmp/late.yaml" >"$tmp/try.yaml"
	divvy apply "$tmp/try.yaml" >/dev/null 2>&1
	is batch state waiting
	check "looked: but an apply that is refused" "$? == 0"
}

case_churn() {
	churn_start 0.002
	vm_kill batch
	await 2 is batch state waiting
	check "a link that changes every 2 ms: a VM's end is seen" "$? == 0"
	vm_start batch
	vm_ready batch
	await 2 is batch backpressure on
	check "a link that changes every 2 ms: a VM's start is seen" "$? == 0"
	churn_stop
}

case_overrun() { # more link events than the socket holds
	local i
	kill -STOP "$divvyd_child"
	for ((i = 0; i < 20000; i++)); do
		echo "link set lo alias x$i"
	done | ip -n "$host" -b -
	ip -n "$host" link add late type veth peer name late2
	kill -CONT "$divvyd_child"
	sed "\$a\\      - {name: late, nic: late}" "$tmp/divvy.yaml" >"$tmp/try.yaml"
	await 3 divvy apply "$tmp/try.yaml" >/dev/null 2>&1
	await 2 is late state bound
	check "events lost: divvyd reads everything again" "$? == 0"
	grep -q 'events were lost' "$tmp/divvyd.log"
	check "events lost: it was really overrun" "$? == 0"
}

cases=(vm_killed tap_reused vanish down model bridge_events bound_later namesake looked churn overrun)
(($# > 0)) || set -- "${cases[@]}"
run_cases "$@"
