#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# faults.sh [CASE...]: what goes wrong on a host, provoked for real, and what divvy makes of it. Prints TAP. Each case
# starts with a fresh host namespace (lib.sh), two stand-in VMs on a bridge, and divvyd with 60:40 applied.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/system/lib.sh
. "$root/tests/system/lib.sh"

json() { # the status on one line, without blanks
	divvy status --json 2>/dev/null | tr -d ' \n'
}

# Of one device in the status: a field that is a string or a number.
of() { # device, field
	json | grep -o "{\"name\":\"$1\".*" | sed "s/},{\"name\".*//" | grep -o "\"$2\":[^,}]*" | head -n 1 | sed 's/^[^:]*://; s/"//g'
}

is() { # device, field, value
	[[ $(of "$1" "$2") == "$3" ]]
}

says() { # command's name in $tmp, pattern: stands in what it said; one line only
	[[ $(wc -l <"$tmp/$1") -eq 1 ]] && grep -qE -- "$2" "$tmp/$1"
}

classes() { # what is in the kernel, without counters
	tc -n "$host" class show dev divvy0 2>/dev/null | sort
}

apply_text() { # text on stdin; messages in $tmp/said
	cat >"$tmp/try.yaml"
	divvy apply "$tmp/try.yaml" >"$tmp/said" 2>&1
}

# --- bad input ---------------------------------------------------------------------------------------
refused() { # what, pattern; the specification is in $tmp/try.yaml
	local before after status
	before=$(classes)
	divvy apply "$tmp/try.yaml" >"$tmp/said" 2>&1
	status=$?
	after=$(classes)
	check "bad input: $1: refused" "$status == 1"
	says said "$2"
	check "bad input: $1: one line that says where and what" "$? == 0" || diag <"$tmp/said"
	[[ $before == "$after" && -n $after ]]
	check "bad input: $1: what runs stays" "$? == 0"
}

spec_with() { # a device's line, or what stands for the devices
	printf 'uplinks:\n  - name: up0\n    capacity: 20mbit\n    devices:\n%s\n' "$1" >"$tmp/try.yaml"
}

case_bad_input() {
	spec_with '      - {name: web, nic: n0, shares: 60}'
	refused "unknown key" ':5:[0-9]+: .*shares.*share'
	spec_with '      - {name: web, nic: n0, share: 0}'
	refused "zero share" ':5:[0-9]+: .*expected'
	spec_with '      - {name: web, nic: n0, share: -3}'
	refused "negative share" ':5:[0-9]+: .*expected'
	spec_with '      - {name: web, nic: n0, limit: 5mbps}'
	refused "wrong unit" ':5:[0-9]+: .*5mbit'
	spec_with '      - {name: web, nic: n0, limit: 1bit}'
	refused "limit below what is possible" ':5:[0-9]+: '
	spec_with $'      - {name: web, nic: n0}\n      - {name: batch, nic: n0}'
	refused "two devices claim one vNIC" ':6:.*n0'
	sed 's/up0/eth77/' "$tmp/divvy.yaml" >"$tmp/try.yaml"
	refused "unknown uplink" ':[0-9]+: unknown uplink "eth77"'
	: >"$tmp/try.yaml"
	refused "empty file" 'try.yaml.*: '
	head -c 10485760 /dev/zero | tr '\0' '#' >"$tmp/try.yaml"
	refused "10 MB" 'try.yaml.*: '
	head -c 4096 /dev/urandom >"$tmp/try.yaml"
	refused "binary" 'try.yaml.*: '
	printf 'uplinks: %s' "$(head -c 20000 /dev/zero | tr '\0' '[')" >"$tmp/try.yaml"
	refused "deep nesting" 'try.yaml.*: '
	divvy set web=0 >"$tmp/said" 2>&1
	check "bad input: set web=0 is refused" "$? == 1"
	divvy set nobody=3 >"$tmp/said" 2>&1
	check "bad input: set of an unknown device is refused" "$? == 1"
	says said 'nobody'
	check "bad input: and says which" "$? == 0"
	is web share 60
	check "bad input: shares are as they were" "$? == 0"
}

# --- VMs and interfaces that come and go -----------------------------------------------------------------
case_vm_killed() { # in the middle of a flood
	vm_ask web "flood 20 $frame ${dst_mac[web]} ${src_ip[web]} 10.77.0.1 ${port[web]}"
	vm_ask batch "flood 20 $frame ${dst_mac[batch]} ${src_ip[batch]} 10.77.0.1 ${port[batch]}"
	sleep 0.5
	vm_kill batch
	await 1 is batch state waiting
	check "VM killed: unbound within a second" "$? == 0"
	sleep 0.3
	measure_shares
	check "VM killed: the other has all of the capacity" "share_permille >= 999 && kbit >= capacity_mbit * 950"
	local t0=${EPOCHREALTIME/./}
	vm_start batch
	vm_ready batch
	await 1 is batch backpressure on
	check "VM started again: bound within a second, held back" "$? == 0"
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
	await 1 is batch state waiting
	check "tap deleted: the device waits" "$? == 0"
	ip -n "$host" tuntap add n1 mode tap vnet_hdr
	ip -n "$host" link set n1 master br0 up
	vm_start batch
	vm_ready batch
	await 1 is batch backpressure on
	check "tap of the same name: bound and held back" "$? == 0"
	[[ $(in_host cat /sys/class/net/n1/ifindex) != "$before" ]]
	check "tap of the same name: it is another interface" "$? == 0"
	flood measure_shares 3
	check_shares "tap of the same name"
	check_lossless "tap of the same name"
}

case_vanish() { # interfaces vanish while a specification of them is applied
	local i round survived=1
	for round in 1 2 3; do
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

# --- other people's things on the vNIC -----------------------------------------------------------------------
case_others() {
	local hook at
	for hook in clsact ingress; do
		divvy release --all
		tc -n "$host" qdisc del dev n0 clsact 2>/dev/null
		tc -n "$host" qdisc add dev n0 $hook
		ip -n "$host" link add theirs type veth peer name sink 2>/dev/null
		ip -n "$host" link set theirs up
		at=(ingress)
		[[ $hook == clsact ]] || at=(parent ffff:)
		tc -n "$host" filter add dev n0 "${at[@]}" protocol ip pref 7 u32 match ip dport 9999 0xffff \
			action mirred egress redirect dev theirs
		divvy_apply on
		check "others' $hook: divvy binds beside it" "$? == 0"
		is web others '[filter u32 pref 7' || json | grep -q 'u32pref7'
		check "others' $hook: status tells" "$? == 0"
		vm_ask web "flood 0.2 $frame ${dst_mac[web]} ${src_ip[web]} 10.77.0.1 9999"
		vm_reply web
		[[ $(tc -n "$host" -s filter show dev n0 "${at[@]}" | grep -A30 'pref 7' | sed -n 's/.*Sent [0-9]* bytes \([0-9]*\) pkt.*/\1/p' | head -n 1) -gt 0 ]]
		check "others' $hook: their filter still takes its packets" "$? == 0"
		flood measure_shares 3
		check_shares "others' $hook"
		divvy release --all
		tc -n "$host" qdisc show dev n0 | grep -q "qdisc $hook" && tc -n "$host" filter show dev n0 "${at[@]}" | grep -q 'pref 7'
		check "others' $hook: there after release" "$? == 0"
		tc -n "$host" filter show dev n0 "${at[@]}" | grep -q divvy
		check "others' $hook: divvy's own filter is gone" "$? == 1"
		tc -n "$host" qdisc del dev n0 $hook
	done
}

case_shared_block() { # a vNIC that takes no filter, and one that comes after it
	sed "\$a\      - {name: shared, nic: n2}\n      - {name: later, nic: n3}" "$tmp/divvy.yaml" >"$tmp/try.yaml"
	divvy apply "$tmp/try.yaml" >/dev/null
	ip -n "$host" link add made type veth peer name y2
	tc -n "$host" qdisc add dev made ingress_block 5 clsact
	ip -n "$host" link set made name n2
	await 2 eval 'of shared why | grep -q "cannotattachton2:.*block"'
	check "shared ingress block: status says why the device waits" "$? == 0" || of shared why | diag
	ip -n "$host" link add n3 type veth peer name y3
	await 2 is later state bound
	check "shared ingress block: another vNIC is bound" "$? == 0"
	divvy set web=70 batch=30 && is web share 70 && is shared state waiting
	check "shared ingress block: nor does it hold up a set" "$? == 0"
	tc -n "$host" qdisc del dev n2 clsact
	await 15 is shared state bound
	check "shared ingress block: bound when it is gone" "$? == 0"
}

case_retry() { # what fails as a whole is tried again, without any event
	tc -n "$host" qdisc del dev divvy0 root
	tc -n "$host" qdisc add dev divvy0 root handle 1: pfifo
	await 15 grep -q 'will try again' "$tmp/divvyd.log"
	check "retry: a reconcile fails" "$? == 0"
	sleep 2.5
	[[ $(grep -c 'will try again' "$tmp/divvyd.log") -eq 1 ]]
	check "retry: it says so once" "$? == 0"
	tc -n "$host" qdisc del dev divvy0 root
	await 4 root_is_back
	check "retry: it succeeds soon after it can" "$? == 0"
}

case_nft() {
	divvy release n0 2>/dev/null
	divvy release --all
	in_host nft "add table netdev fw; add chain netdev fw in { type filter hook ingress device n0 priority 0; }"
	divvy apply "$tmp/divvy.yaml" >"$tmp/said" 2>&1
	check "nft netdev hook: apply is refused" "$? == 1"
	says said ':[0-9]+.*fw/in.*force: true'
	check "nft netdev hook: it says which chain and the way out" "$? == 0"
	sed 's/nic: n0/nic: n0, force: true/' "$tmp/divvy.yaml" >"$tmp/try.yaml"
	divvy apply "$tmp/try.yaml" >"$tmp/said" 2>&1
	check "nft netdev hook: force: true binds" "$? == 0"
	in_host nft delete table netdev fw
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

# --- the daemon ----------------------------------------------------------------------------------------------
case_two_daemons() {
	ip netns exec "$host" "$root/build/divvyd" --config "$tmp/none.yaml" --state "$tmp/state2" --runtime "$tmp/run2" \
		--socket "$tmp/socket2" >"$tmp/said" 2>&1
	check "two divvyds: the second does not start" "$? == 1"
	says said "another divvyd \(process $divvyd_child\)"
	check "two divvyds: and says who runs" "$? == 0" || diag <"$tmp/said"
	is web state bound
	check "two divvyds: the first goes on" "$? == 0"
}

case_stale_socket() {
	divvyd_kill
	[[ -S $tmp/socket ]]
	check "stale socket: it is left by SIGKILL" "$? == 0"
	divvy status >"$tmp/said" 2>&1
	check "stale socket: divvy says that divvyd does not answer" "$? == 1"
	says said 'does not answer'
	check "stale socket: in one line" "$? == 0"
	divvyd_launch
	divvy status >/dev/null
	check "stale socket: the next divvyd replaces it" "$? == 0"
}

case_restart() {
	divvy set web=70 batch=30
	divvy_stop
	[[ $(classes | grep -c 'rate 14Mbit') -eq 1 ]]
	check "stopped: shares stay enforced" "$? == 0"
	divvyd_launch
	is web share 70
	check "restart: what was set is kept" "$? == 0"
	divvy status | grep -q "as applied"
	check "restart: without a system file nothing differs" "$? == 1"
	divvy_stop
	sed 's/share: 60/share: 10/' "$tmp/divvy.yaml" >"$tmp/none.yaml"
	divvyd_launch
	is web share 10
	check "restart: a system file that changed counts" "$? == 0"
	divvy set web=20
	divvy status | grep -q "as applied"
	check "set: status says that it differs from the file" "$? == 0"
	printf 'uplinks:\n  - name: up0\n    capacity: 20mbits\n' >"$tmp/none.yaml"
	divvy_stop
	ip netns exec "$host" "$root/build/divvyd" --config "$tmp/none.yaml" --state "$tmp/state" --runtime "$tmp/run" \
		--socket "$tmp/socket" >"$tmp/said" 2>&1
	check "restart: a system file that is wrong stops the start" "$? == 1"
	tail -n 1 "$tmp/said" | grep -qE 'none.yaml:3:[0-9]+: .*20mbits'
	check "restart: with file, line and what, in the last line" "$? == 0" || diag <"$tmp/said"
	cp "$root/systemd/divvy.yaml" "$tmp/none.yaml"
	ip netns exec "$host" timeout 1 "$root/build/divvyd" --config "$tmp/none.yaml" --state "$tmp/state" --runtime "$tmp/run" \
		--socket "$tmp/socket" >"$tmp/said" 2>&1
	grep -q 'no specification yet' "$tmp/said"
	check "restart: the file that make install puts there is none yet" "$? == 0" || diag <"$tmp/said"
	rm "$tmp/none.yaml"
	divvyd_launch
}

# State of another boot: what was set counts, but numbers of links and processes mean others now, even where the names are
# the same. Played by what a reboot leaves: the state file alone, with another boot's id.
case_reboot() {
	local ifb
	divvy set web=70 batch=30
	divvy_stop
	grep -q '"hooks":\[{[^]]*"name":"n0"[^]]*"ours":true' "$tmp/state/"*
	check "the state says that the hook's qdisc is divvy's" "$? == 0"
	sed -i 's/"boot":"[^"]*"/"boot":"00000000-0000-0000-0000-000000000000"/' "$tmp/state/"*
	tc -n "$host" qdisc del dev n0 clsact
	tc -n "$host" qdisc del dev n1 clsact
	for ifb in $(ip -n "$host" -br link show type ifb | cut -d ' ' -f 1); do
		ip -n "$host" link del "$ifb"
	done
	tc -n "$host" qdisc add dev n0 clsact # somebody else was first after the boot
	divvyd_launch
	is web share 70
	check "reboot: what was set is kept" "$? == 0"
	await 5 divvy_bound on
	check "reboot: VMs are bound" "$? == 0"
	divvy release --all
	tc -n "$host" qdisc show dev n0 | grep -q clsact
	check "reboot: what is somebody else's now stays theirs" "$? == 0"
	tc -n "$host" qdisc show dev n1 | grep -q clsact
	check "reboot: what divvy made since goes" "$? == 1"
	tc -n "$host" qdisc del dev n0 clsact
}

case_peers() { # who may speak
	chmod 755 "$tmp"
	divvy_stop
	ip netns exec "$host" "$root/build/divvyd" --config "$tmp/none.yaml" --state "$tmp/state" --runtime "$tmp/run" \
		--socket "$tmp/socket" --group games >>"$tmp/divvyd.log" 2>&1 &
	divvyd_pid=$!
	await 5 divvy status >/dev/null 2>&1
	local nobody=(setpriv --reuid 65534 --clear-groups env "DIVVY_SOCKET=$tmp/socket")
	cp "$root/build/divvy" "$tmp/divvy-copy"
	"${nobody[@]}" setpriv --regid 65534 true 2>/dev/null
	setpriv --reuid 65534 --regid 65534 --clear-groups env "DIVVY_SOCKET=$tmp/socket" "$tmp/divvy-copy" status >"$tmp/said" 2>&1
	check "peers: a stranger is refused" "$? == 1"
	says said 'permission denied'
	check "peers: with a reason" "$? == 0" || diag <"$tmp/said"
	setpriv --reuid 65534 --regid 65534 --groups games env "DIVVY_SOCKET=$tmp/socket" "$tmp/divvy-copy" status >"$tmp/said" 2>&1
	check "peers: a member of the group is served" "$? == 0" || diag <"$tmp/said"
	chmod 666 "$tmp/socket"
	setpriv --reuid 65534 --regid 65534 --clear-groups env "DIVVY_SOCKET=$tmp/socket" "$tmp/divvy-copy" set web=1 >"$tmp/said" 2>&1
	check "peers: a stranger is refused by credentials, whatever the socket's mode" "$? == 1"
	is web share 60
	check "peers: and changes nothing" "$? == 0"
}

case_undone() { # somebody removes divvy's hook and sets another send buffer
	tc -n "$host" qdisc del dev n0 clsact
	vm_ask web "sndbuf 2147483647"
	vm_reply web
	await 15 hook_is_back
	check "undone by others: divvy's filter is back" "$? == 0"
	vm_ask web sndbuf
	vm_reply web
	[[ $REPLY != sndbuf=2147483647 ]]
	check "undone by others: and so is the send buffer" "$? == 0"
}

root_is_back() { # HTB with its root class, default leaf, web, batch
	[[ $(classes | grep -c 'class htb 1:') -eq 4 ]]
}

case_root() { # somebody removes or replaces the root of divvy's IFB, while divvyd runs and while it does not
	local what
	tc -n "$host" qdisc del dev divvy0 root
	await 15 root_is_back
	check "root removed: it is back" "$? == 0" || {
		classes
		cat "$tmp/divvyd.log"
	} | diag
	flood measure_shares 3
	check_shares "root removed"
	# Without, and with one that has no classes: what a divvyd leaves that is killed while it makes them.
	for what in "" "handle 1: htb" pfifo; do
		divvyd_kill
		tc -n "$host" qdisc del dev divvy0 root
		# shellcheck disable=SC2086
		[[ -z $what ]] || tc -n "$host" qdisc add dev divvy0 root $what
		divvyd_launch
		root_is_back && divvy_bound on
		check "divvyd killed, root ${what:-removed}: the next one makes it" "$? == 0"
	done
}

hook_is_back() {
	tc -n "$host" filter show dev n0 ingress 2>/dev/null | grep -q divvy
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
	await 1 is batch state waiting
	divvy apply "$tmp/divvy.yaml" >/dev/null
	ip -n "$host" tuntap add n1 mode tap vnet_hdr
	ip -n "$host" link set n1 master br0 up
	vm_start batch
	vm_ready batch
	await 1 is batch backpressure on
	check "bound by an event: held back" "$? == 0"
	divvyd_kill
	divvyd_launch
	divvy release --all
	vm_ask batch sndbuf
	vm_reply batch
	[[ $REPLY == sndbuf=2147483647 ]]
	check "bound by an event, divvyd killed: release gives the send buffer back" "$? == 0"
	await 1 untouched
	check "bound by an event, divvyd killed: and removes the hook" "$? == 0"
}

thief_start() { # with a tap of its own and the name of another's VM; sets thief
	[[ -p $tmp/thief.in ]] || mkfifo "$tmp/thief.in"
	exec {thief_in}<>"$tmp/thief.in"
	# shellcheck disable=SC2016
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

run_case() {
	dst_mac=()
	: >"$tmp/divvyd.log"
	set_up "bridge"
	divvyd_child=$(pgrep -P "$divvyd_pid" divvyd || echo "$divvyd_pid")
	"case_$1"
	divvy release --all 2>&1 | diag
	await 3 untouched
	check "$1: nothing is left behind" "$? == 0" || {
		ip -n "$host" -o link show type ifb
		tc -n "$host" qdisc show
		cat "$tmp/divvyd.log"
	} | diag
	divvy_stop
	vm_stop_all
	remove_topology
}

lib_init
cases=(bad_input vm_killed tap_reused vanish others shared_block retry nft model two_daemons stale_socket
	restart reboot peers undone root bridge_events bound_later namesake looked churn overrun)
(($# > 0)) || set -- "${cases[@]}"
for c; do
	run_case "$c"
done
tap_done
