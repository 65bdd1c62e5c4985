# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# faults_lib.sh: what the faults_*.sh share. What goes wrong on a host, provoked for real, and what divvy makes of it, in
# functions case_NAME. Each starts with a fresh host namespace (lib.sh), two stand-in VMs on a bridge, and divvyd with
# 60:40 applied; after each nothing is left behind. Sourced; the test ends with run_cases.

# shellcheck disable=SC2154 # root is the test's
# shellcheck source=tests/system/lib.sh
. "$root/tests/system/lib.sh"

classes() { # what is in the kernel, without counters
	tc -n "$host" class show dev divvy0 2>/dev/null | sort
}

run_case() {
	dst_mac=()
	: >"$tmp/divvyd.log"
	set_up "bridge"
	# shellcheck disable=SC2034 # the cases use it
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

run_cases() { # names
	local c
	lib_init
	for c; do
		run_case "$c"
	done
	tap_done
}
