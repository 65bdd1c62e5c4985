#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A guest that uses some of its NIC's queues, and others later: the VMM detaches and attaches them. Backpressure holds,
# new queues are limited within a second, and all get back what they had. Prints TAP.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/system/lib.sh
. "$root/tests/system/lib.sh"

use() { # VM, how many queues; for so many seconds in turn with one. Sets changes and buffers
	vm_ask "$1" "queues $2 ${3-}"
	vm_reply "$1"
	[[ $REPLY == changes=* ]] || bail "VM $1: $REPLY"
	changes=$(field changes "$REPLY") buffers=$(field sndbuf "$REPLY")
}

# All queues of web have the buffer that the status says, or this one.
all_limited() {
	local want=${1-$(of web sndbuf_bytes)}
	use web 4
	[[ $buffers == "$want,$want,$want,$want" ]]
}

cpu_ms() { # of divvyd, until now
	local stat
	read -r -a stat < <(sed 's/.*) //' "/proc/$divvyd_pid/stat")
	echo $(((stat[11] + stat[12]) * 10))
}

case_use() {
	divvy_bound on
	check "one of four queues is used: backpressure is on" "$? == 0" || diag < <(divvy status)
	flood measure_shares 5
	check_shares "one queue of four"
	check_lossless "one queue of four"
	use web 4
	echo "# right after they were attached: $buffers"
	await 1 all_limited
	check "four are used: limited within a second" "$? == 0" || diag <<<"$buffers"
	flood measure_shares 5
	check_shares "four queues of four"
	check_lossless "four queues of four"
	divvy_bound on
	check "and backpressure is on" "$? == 0" || diag < <(divvy status)
}

case_loop() {
	local before
	before=$(cpu_ms)
	use web 4 3
	echo "# $changes changes in 3 s cost divvyd $(($(cpu_ms) - before)) ms"
	await 1 all_limited
	check "a guest that changes them on and on: limited within a second" "$? == 0" || diag <<<"$buffers"
	check "and divvyd has other things to do, too" "$(cpu_ms) - before < 450"
}

case_release() {
	use web 1
	divvy release --all >"$tmp/said" 2>&1
	grep -q 'n0: queues that the VM does not use now get their send buffers back' "$tmp/said"
	check "release says what it cannot give back yet" "$? == 0" || diag <"$tmp/said"
	[[ $(grep -c . "$tmp/said") == 1 ]]
	check "... of this VM, and no other" "$? == 0"
	await 1 all_limited 2147483647
	check "and gives it back when they are used" "$? == 0" || diag <<<"$buffers"
}

lib_init
queues=4
make_topology bridge
start_vms
use web 1
divvy_start
divvy_apply on
case_use
case_loop
case_release
tap_done
