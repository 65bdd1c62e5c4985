#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# faults_others.sh [CASE...]: other people's things where divvy puts its own, and divvy's that others remove. Prints TAP.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/system/faults_lib.sh
. "$root/tests/system/faults_lib.sh"

case_others() {
	local hook at
	for hook in clsact ingress; do
		divvy release --all
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
	local hostile
	# A program that is faster: no class stays as long as it takes to make the next. That divvyd loses takes luck.
	tc -n "$host" -force -b <(yes "qdisc replace dev divvy0 root handle 1: pfifo" 2>/dev/null) 2>/dev/null &
	hostile=$!
	await 60 grep -q 'will try again' "$tmp/divvyd.log"
	check "retry: a reconcile fails" "$? == 0"
	sleep 2.5
	[[ $(grep -c 'will try again' "$tmp/divvyd.log") -eq 1 ]]
	check "retry: it says so once" "$? == 0" || diag <"$tmp/divvyd.log"
	kill "$hostile"
	wait "$hostile" 2>/dev/null
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

case_undone() { # somebody removes divvy's hook and sets another send buffer
	tc -n "$host" qdisc del dev n0 ingress
	vm_ask web "sndbuf 2147483647"
	vm_reply web
	await 15 hook_is_back
	check "undone by others: divvy's filter is back" "$? == 0"
	await 15 sndbuf_is_back # shortly after the filter, or by the next audit
	check "undone by others: and so is the send buffer" "$? == 0"
}

sndbuf_is_back() {
	vm_ask web sndbuf
	vm_reply web
	[[ $REPLY != sndbuf=2147483647 ]]
}

root_is_back() { # HTB with its root class, default leaf, web, batch
	[[ $(classes | grep -c 'class htb d177:') -eq 4 ]]
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

cases=(others shared_block retry nft undone root)
(($# > 0)) || set -- "${cases[@]}"
run_cases "$@"
