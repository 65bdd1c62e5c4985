#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tcx.sh [all|CASE...]: hook: tcx. Where others have nothing at a vNIC, divvy has no qdisc there, and a manager's bare "tc
# qdisc add dev TAP ingress" works. What others put there gets every packet from its first moment on, whether divvyd runs or
# not; and divvy divides what they let through. On a kernel without tcx: a filter, and a word. Without an argument: what is
# short. Prints TAP.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/system/undivided_lib.sh
. "$root/tests/system/undivided_lib.sh"

programs() { # at tcx ingress of n0, on one line
	in_host "$root/build/tests/system/early" n0 "${1:-list}" 2>/dev/null | xargs
}

has_program() {
	[[ $(programs) == divvy_divert ]]
}

has_qdisc() {
	tc -n "$host" qdisc show dev n0 | grep -qE 'ingress|clsact'
}

has_filter() { # of divvy's, behind those of others
	[[ $(tc -n "$host" filter show dev n0 ingress | awk '/ divvy /' | wc -l) == 1 ]]
}

no_filter() {
	! has_filter
}

apply_tcx() {
	apply_hook tcx "$@" && sed -i 's/nic: n1,/nic: n1, hook: tcx,/' "$tmp/try.yaml" &&
		divvy apply "$tmp/try.yaml" "$@" >"$tmp/said" 2>&1
}

divides() { # what, and how
	flood measure_shares 3
	check_shares "$1"
	check_lossless "$1"
}

there_and_back() {
	local i
	for i in 1 2 3 4; do
		apply_tcx
		sleep 0.1
		divvy_apply on
	done
}

case_alone() {
	apply_tcx --dry-run
	grep -q "program at tcx ingress of n0" "$tmp/said"
	check "--dry-run says so" "$? == 0" || diag <"$tmp/said"
	flood there_and_back 3
	check_lossless "a filter, a program, and back, four times"
	apply_tcx
	check "hook: tcx: applied" "$? == 0" || diag <"$tmp/said"
	has_program && ! has_qdisc
	check "a program, and no qdisc" "$? == 0" || tc -n "$host" qdisc show dev n0 | diag
	is web hook tcx
	check "status --json says so" "$? == 0"
	divides "alone"
	divvy_apply on
	has_filter && [[ -z $(programs) ]]
	check "hook: last: a filter, and no program" "$? == 0" || programs | diag
	is web hook filter
	check "so does status --json" "$? == 0"
	apply_tcx
	! divvy status | grep -qE "also on|not divided"
	check "status has nothing to say of it" "$? == 0" || divvy status | diag
}

# A manager that does not delete first. divvy is there, on its way there, or its filter is on its way.
case_bare_add() {
	local pause kind failed=0
	for pause in 0 0.1 0.28 0.35; do
		for kind in ingress clsact; do
			tc -n "$host" qdisc add dev n0 $kind 2>"$tmp/said" || {
				failed=$((failed + 1))
				diag <"$tmp/said"
			}
			sleep $pause
			tc -n "$host" filter add dev n0 ingress pref 10 protocol ip u32 match ip dport 9999 0xffff flowid :1 || failed=$((failed + 1))
			sleep $pause
			tc -n "$host" qdisc del dev n0 $kind || failed=$((failed + 1))
		done
	done
	check "8 times: qdisc added, filter added, qdisc deleted; divvy hinders none" "failed == 0"
	await 3 has_program
	check "then the program alone divides again" "$? == 0"
	tc -n "$host" qdisc add dev n0 ingress
	divides "a qdisc of others, empty"
	u32 10 ip dport 9999 0xffff
	await 3 has_filter
	check "behind the filter of others there is divvy's" "$? == 0" || tc -n "$host" filter show dev n0 ingress | diag
	await 3 is web hook both
	check "status --json: both" "$? == 0"
	divides "a filter of others"
	tc -n "$host" qdisc del dev n0 ingress
	divides "others' qdisc is deleted: at once"
	! grep -q "settling" "$tmp/divvyd.log"
	check "the VM was bound all the time" "$? == 0" || grep settling "$tmp/divvyd.log" | diag
}

# Frames of web that arrive in half a second, once what waited when the firewall came has gone.
arrive() {
	local before
	sleep 0.5
	received
	before=$rx_web
	sleep 0.5
	received
	passed=$((rx_web - before))
}

firewall() { # what divvyd does, where the firewall is: filter | tcx
	local rule=(filter early_drop 10)
	[[ $2 == filter ]] || rule=(tcx early_drop)
	flood_starts web
	arrive
	check "divvyd $1: frames arrive" "passed > 0"
	early "${rule[@]}" || bail "early: $(<"$tmp/early.err")"
	arrive
	check "divvyd $1: a firewall at $2 that is set up now stops all" "passed == 0" || echo "# $passed passed it by"
	early_end
	arrive
	check "divvyd $1: the firewall at $2 is gone, frames arrive" "passed > 0"
	flood_ends web
}

case_firewall() {
	firewall runs filter
	firewall runs tcx
	tc -n "$host" qdisc del dev n0 clsact 2>/dev/null
	divvyd_kill
	firewall "is dead" filter
	firewall "is dead" tcx
	divvyd_launch
	await 5 divvy_bound on
	tc -n "$host" qdisc del dev n0 clsact 2>/dev/null
	await 5 no_filter
	has_program
	check "the next divvyd has its program there, once" "$? == 0" || programs | diag
	divides "the next divvyd"
}

# No event tells of tcx: it is noticed by what is measured.
case_programs() {
	flood_starts web
	early tcx early_next || bail "early: $(<"$tmp/early.err")"
	await 6 has_filter
	check "another program lets all go on: divvy's filter divides" "$? == 0" || divvy status | diag
	await 8 divided
	check "divided, and it is said" "$? == 0" || divvy status | diag
	divvy status | grep -q "also on this vNIC: tcx program early_next"
	check "status lists that program, and not divvy's" "$? == 0 && $(divvy status | grep -c divvy_divert) == 0" || divvy status | diag
	early_end
	await 15 no_filter
	check "that program is gone: divvy's alone divides" "$? == 0" || tc -n "$host" filter show dev n0 ingress | diag
	programs cut >/dev/null
	await 4 has_program
	check "divvy's program taken away: put back" "$? == 0" || divvy status | diag
	flood_ends web
	sleep 0.5 # what waits arrives
	grep -q "web: tcx program removed on n0 by another program; put right" "$tmp/divvyd.log"
	check "the log says so" "$? == 0" || diag <"$tmp/divvyd.log"
	divides "put back"
}

case_release() {
	divvy release --all >"$tmp/said" 2>&1
	[[ -z $(programs) ]] && ! has_qdisc
	check "release takes program and qdisc away" "$? == 0" || programs | diag
	apply_tcx
	divvyd_kill
	rm -rf "$tmp/state"
	mkdir "$tmp/state"
	divvyd_launch
	has_program
	check "a divvyd without its state: what is there stays" "$? == 0"
	divvy release --all >"$tmp/said" 2>&1
	[[ -z $(programs) ]] && await 3 untouched
	check "and a release takes it away" "$? == 0" || programs | diag
	apply_tcx
}

lib_init
(($# > 0)) || set -- alone bare_add firewall release
[[ $1 != all ]] || set -- alone bare_add firewall programs release
set_up bridge
in_host "$root/build/tests/system/early" n0 list >/dev/null 2>&1 || {
	apply_tcx
	has_filter
	check "a kernel without tcx: divided as with hook: last" "$? == 0" || diag <"$tmp/said"
	divvy status | grep -q "hook: tcx needs a kernel from 6.6 on"
	check "a kernel without tcx: status says so" "$? == 0" || divvy status | diag
	tear_down bridge
	tap_done
	exit
}
[[ $1 == alone ]] || apply_tcx
for what; do
	"case_$what"
done
tear_down bridge
tap_done
