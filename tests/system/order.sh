#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# order.sh [tap|vhost|slowly...]: two VMs flood while shares are applied, changed and released: every frame that they write arrives.
# The VMM writes the frames, or the kernel's vhost worker does; both where this kernel has vhost-net. ROUNDS=30 for more than
# the few rounds of `make check`. "slowly" is for `make check-rows`: setting a send buffer takes divvyd 20 ms. Prints TAP.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/system/lib.sh
. "$root/tests/system/lib.sh"
# shellcheck source=tests/system/order_lib.sh
. "$root/tests/system/order_lib.sh"

rounds=${ROUNDS:-5}
capacity_mbit=200 # as much as a flood of small writes gives: releases shall not overrun the receiver

unlimited() { # the VMs' send buffers are as they were before divvy
	local v
	for v in web batch; do
		vm_ask $v sndbuf
		vm_reply $v
		[[ $REPLY == sndbuf=2147483647 ]] || return 1
	done
}

many_sets() {
	local i
	for ((i = 0; i < rounds; i++)); do
		divvy set web=$((1 + i % 2 * 99)) batch=$((100 - i % 2 * 99))
		sleep 0.1
	done
}

one_by_one() {
	local i
	divvy apply "$tmp/divvy.yaml" >/dev/null
	for ((i = 0; i < rounds; i++)); do
		divvy release web || return
		sleep 0.05
		divvy apply "$tmp/divvy.yaml" >/dev/null
		sleep 0.1
	done
}

buffers() { # of both VMs
	local v
	for v in web batch; do
		vm_ask $v sndbuf
		vm_reply $v
		echo "$v $REPLY"
	done
}

# What divvyd itself removes is no news of a manager: the vNIC is bound again at once.
case_again() {
	divvy apply "$tmp/divvy.yaml" >/dev/null
	sleep 0.5
	divvy release --all
	divvy apply "$tmp/divvy.yaml" >"$tmp/said" 2>&1
	grep -q '2 of 2 devices bound' "$tmp/said"
	check "an apply right after a release binds at once" "$? == 0" || diag <"$tmp/said"
}

# A program that replaces the root of divvy's IFB faster than classes are made: a set fails after send buffers were lowered.
case_half_way() {
	local hostile failed=0 wrong=0 share i
	local -A right # by web's share
	divvy apply "$tmp/divvy.yaml" >/dev/null
	right[60]=$(buffers)
	divvy set web=1 batch=99
	right[1]=$(buffers)
	divvy set web=60 batch=40
	tc -n "$host" -force -b <(yes "qdisc replace dev divvy0 root handle 1: pfifo" 2>/dev/null) 2>/dev/null &
	hostile=$!
	for ((i = 0; i < 40 && failed < 5; i++)); do # some fail before a send buffer is touched
		share=$((i % 2 ? 60 : 1))
		divvy set "web=$share" "batch=$((100 - share))" >"$tmp/said" 2>&1 && continue
		failed=$((failed + 1))
		[[ $(buffers) == "${right[$(of web share)]}" ]] || wrong=$((wrong + 1))
	done
	kill $hostile
	wait $hostile 2>/dev/null
	[[ ${right[1]} != "${right[60]}" ]]
	check "a set that fails half-way: it is refused" "$? == 0 && failed > 0"
	check "a set that fails half-way: send buffers are those of what runs" "wrong == 0" ||
		diag <<<"$wrong of $failed times they are not"
	await 5 divvy apply "$tmp/divvy.yaml" >/dev/null 2>&1
	check "... and the next apply works" "$? == 0"
}

killed() {
	divvy apply "$tmp/divvy.yaml" >/dev/null 2>&1 &
	sleep 0.0$((RANDOM % 5))
	divvyd_kill
	wait $!
	divvyd_launch
	divvy apply "$tmp/divvy.yaml" >/dev/null
	sleep 0.2
}

check_flood() { # what
	echo "# $1: lost $lost of $((written_web + written_batch)), dropped $drops"
	check "$1: every frame written arrives" "lost == 0"
	check "$1: no queue dropped any" "drops == 0"
}

run_kind() { # tap | vhost
	local what
	use_kind "$1"
	set_up bridge
	arrivals_start
	divvy release --all
	for what in many_applies one_by_one; do
		flood $what 5
		check_flood "$1: ${what//_/ }"
	done
	divvy apply "$tmp/divvy.yaml" >/dev/null
	flood many_sets 5
	check_flood "$1: many sets"
	[[ $1 != tap ]] || case_again
	case_half_way
	flood killed 5
	check_flood "$1: divvyd killed during an apply"
	divvy release --all
	unlimited
	check "$1: after a release: send buffers are as before" "$? == 0"
	divvy_stop
	vm_stop_all
	remove_topology
}

# Setting a send buffer takes divvyd longer than filling a leaf takes a VM: it has to come before the filters.
run_slowly() {
	make_topology bridge
	start_vms
	divvyd_in=("$root/build/tests/system/hinder" sndbuf 20)
	divvy_start
	divvyd_in=()
	divvy_apply on
	check "slowly: backpressure is on" "$? == 0"
	divvy release --all
	rounds=3 flood many_applies 5
	check_flood "slowly: send buffers take long to set"
	divvy_stop
	vm_stop_all
	remove_topology
}

kinds=(tap)
[[ ! -c /dev/vhost-net ]] || kinds+=(vhost)
(($# == 0)) || kinds=("$@")
lib_init
for kind in "${kinds[@]}"; do
	case $kind in
	slowly) run_slowly ;;
	*) run_kind "$kind" ;;
	esac
done
tap_done
