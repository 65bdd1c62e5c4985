#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A vNIC is bound, and yet its packets do not come to divvy: an earlier filter or program of another owner ends classification.
# divvy says so, from what is measured. A kind that the kernel does not have is skipped. Prints TAP.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/system/undivided_lib.sh
. "$root/tests/system/undivided_lib.sh"

# What is there keeps the packets of web: it is said, in time, and no longer when it is gone.
check_kept() { # what it is called, pattern of the text, command that takes it away...
	local took
	flood_starts web
	await 6 undivided "$2"
	check "$1: said" "$? == 0" || divvy status | diag
	took=$(((${EPOCHREALTIME/./} - flood_us) / 1000))
	echo "# $1: said after $took ms"
	check "$1: soon" "took <= 3000"
	divvy status >"$tmp/said"
	grep -q 'NOT DIVIDED' "$tmp/said" && grep -qE "not divided: $2" "$tmp/said"
	check "$1: divvy status has it in its table and below" "$? == 0" || diag <"$tmp/said"
	json | grep -o '{"name":"web".*' | sed 's/,{"name":"batch".*//' | grep -qE "\"text\":\"notdivided:${2// /}"
	check "$1: JSON has it" "$? == 0" || json | diag
	grep -qE "^divvyd: web: not divided: $2" "$tmp/divvyd.log"
	check "$1: the log has it" "$? == 0" || diag <"$tmp/divvyd.log"
	check_divided_again "$1" divided "${@:3}"
	flood_ends web
	grep -q "divided again" "$tmp/divvyd.log"
	check "$1: the log has that, too" "$? == 0" || diag <"$tmp/divvyd.log"
	divvyd_again
}

divvyd_again() { # with a log of its own: a change is told once a minute
	divvy_stop
	: >"$tmp/divvyd.log"
	divvyd_launch
	await 5 divvy_bound on
}

case_all() {
	u32 10 u32 0 0
	sleep 2 # it was seen before, and is quiet: from now on that takes longest
	check_kept "u32 without an action" "filter u32 pref 10 keeps the packets" u32_gone
	check_quiet
}

not_known() {
	divvy status >"$tmp/said" 2>/dev/null && grep -q 'not known' "$tmp/said" && ! grep -qi 'not divided:' "$tmp/said"
}

# A VM that sends nothing tells nothing.
check_quiet() {
	u32 10 u32 0 0
	said_within 6
	check "quiet: said while it sends" "$? == 0" || divvy status | diag
	await 6 not_known
	check "quiet: not known when it sends nothing" "$? == 0" || diag <"$tmp/said"
	u32_gone
	flood_starts web
	await 6 divided
	check "quiet: divided when it sends again" "$? == 0" || divvy status | diag
	flood_ends web
	divvyd_again
}

case_program() {
	early filter early_keep 10 || bail "early: $(<"$tmp/early.err")"
	check_kept "a program that returns OK" "filter bpf pref 10 keeps the packets" early_end
}

case_tcx() {
	early tcx early_keep || {
		echo "# no tcx here: $(<"$tmp/early.err")"
		return
	}
	divvy status >"$tmp/said"
	grep -q "also on this vNIC: tcx program early_keep" "$tmp/said"
	check "tcx: it is listed" "$? == 0" || diag <"$tmp/said"
	check_kept "tcx that returns 0" "tcx program early_keep keeps or drops the packets" early_end
	early tcx early_next || bail "early: $(<"$tmp/early.err")"
	u32 10 u32 0 0
	check_kept "u32 behind a tcx program that goes on" "filter u32 pref 10 keeps the packets" u32_gone
	early_end
	early_on=divvy0
	early tcx-egress early_drop || bail "early: $(<"$tmp/early.err")"
	divvy status | grep -q "Warning: tcx program early_drop at divvy0"
	check "a tcx program at divvy's own IFB: status warns of it" "$? == 0" || divvy status | diag
	early_end
	! divvy status | grep -q Warning
	check "a tcx program at divvy's own IFB: it is gone, and so is the warning" "$? == 0" || divvy status | diag
	early_on=n0
}

case_xdp() {
	early xdp early_xdp || bail "early: $(<"$tmp/early.err")"
	check_kept "XDP" "XDP program early_xdp keeps or drops the packets" early_end
}

# What managers set, and matchall, which keeps all: kernels that have them. hook: first goes before each.
check_manager() { # what it is called, filter...
	local kind=${*:2:1}
	manager() {
		tc -n "$host" filter add dev n0 ingress pref 10 "${@:2}" 2>"$tmp/said"
	}
	manager "$@" || {
		skip "$1" "this kernel lacks it: $(head -n 1 "$tmp/said")"
		return
	}
	check_kept "$1" "filter $kind pref 10 keeps the packets" u32_gone
	manager "$@"
	apply_hook first
	flood measure_shares 3
	check_shares "hook: first before $1"
	divided && divvy status | grep -q "passed by: filter $kind pref 10"
	check "hook: first before $1: divided, and it is said to be passed by" "$? == 0" || divvy status | diag
	apply_hook last
	u32_gone
}

case_matchall() {
	check_manager "matchall action pass" matchall action pass
}

case_proxmox() {
	check_manager "Proxmox's police" basic police rate 1gbit burst 1mb mtu 64kb drop flowid :1
}

case_libvirt() {
	check_manager "libvirt's police" u32 match u32 0 0 police rate 1gbit burst 1mb mtu 64kb drop flowid :1
}

# One port: other packets are divided, and nothing is said while only those come.
case_port() {
	u32 10 ip dport 5001 0xffff
	port[web]=5009
	said_within 4
	check "u32 for one port, packets to another one: not said" "$? != 0" || divvy status | diag
	port[web]=5001
	check_kept "u32 for one port" "filter u32 pref 10 keeps the packets" u32_gone
}

# matchall, proxmox and libvirt are tests/hosts/others.sh's: not every kernel has what they need, and a case that is left
# out for want of the kernel counts as failed.
(($# > 0)) || set -- all program tcx xdp port
run_cases "$@"
