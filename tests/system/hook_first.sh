#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What others have before divvy's filter, and divvy does not complain of: filters that drop, VMs that are quiet; and filters
# that hook: first passes by. Prints TAP.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/system/undivided_lib.sh
. "$root/tests/system/undivided_lib.sh"

case_dropped() {
	early filter early_half 10 || bail "early: $(<"$tmp/early.err")"
	said_within 5
	check "a filter that drops one half: not said" "$? != 0" || divvy status | diag
	early_end
}

case_quiet() {
	u32 10 u32 0 0
	await 4 undivided .
	check "a VM that sends nothing: not said" "$? != 0"
	u32_gone
	flood_starts web
	await 4 undivided .
	check "a VM that is divided: not said" "$? != 0"
	flood_ends web
	! divvy status | grep -q 'passed by'
	check "and nothing is passed by" "$? == 0"
}

prefs() { # of divvy's filters on n0
	tc -n "$host" filter show dev n0 ingress | awk '/ divvy/ { for (i = 1; i < NF; i++) if ($i == "pref") print $(i + 1) }' | sort -u | xargs
}

case_first() {
	u32 10 u32 0 0
	apply_hook first --dry-run
	grep -q 'filter u32 pref 10 sees no packet of n0' "$tmp/said"
	check "hook: first: --dry-run says what is passed by" "$? == 0" || diag <"$tmp/said"
	apply_hook first
	check "hook: first: applied" "$? == 0" || diag <"$tmp/said"
	[[ $(prefs) == 1 ]]
	check "hook: first: divvy's filter is at preference 1, and only there" "$? == 0" || prefs | diag
	divvy status >"$tmp/said"
	grep -q 'passed by: filter u32 pref 10' "$tmp/said"
	check "hook: first: status says what is passed by" "$? == 0" || diag <"$tmp/said"
	flood measure_shares 3
	check_shares "hook: first"
	check_lossless "hook: first"
	divided
	check "hook: first: divided" "$? == 0"
	divvyd_kill
	divvyd_launch
	await 5 divvy_bound on
	[[ $(prefs) == 1 ]]
	check "hook: first: the next divvyd keeps it" "$? == 0" || prefs | diag
	apply_hook last
	[[ $(prefs) == 65520 ]]
	check "hook: last: divvy's filter is the last one again" "$? == 0" || prefs | diag
	u32_gone
}

case_first_taken() {
	u32 1 u32 0 0
	apply_hook first
	check "preference 1 is taken: refused" "$? == 1"
	grep -q 'preference 1' "$tmp/said"
	check "preference 1 is taken: it says so" "$? == 0" || diag <"$tmp/said"
	[[ $(prefs) == 65520 ]] && divvy_bound on
	check "preference 1 is taken: what ran goes on" "$? == 0" || prefs | diag
	tc -n "$host" filter del dev n0 ingress pref 1
	early filter early_keep 1 || bail "early: $(<"$tmp/early.err")"
	apply_hook first
	check "a program of others at preference 1: applied" "$? == 0" || diag <"$tmp/said"
	flood measure_shares 3
	check_shares "before a program at preference 1"
	divvy_apply on
	tc -n "$host" filter show dev n0 ingress | grep -q early_keep
	check "a program of others at preference 1: it is still there" "$? == 0"
	early_end
}

(($# > 0)) || set -- dropped quiet first first_taken
run_cases "$@"
