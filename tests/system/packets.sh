#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Packets leave divvy as they came: priority, mark, tc_index, VLAN tag and hash; so that the uplink's own qdiscs see what they
# would see without divvy. And what others wrote into a packet before divvy changes nothing of its class. Prints TAP.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/system/lib.sh
. "$root/tests/system/lib.sh"
# shellcheck source=tests/system/fields_lib.sh
. "$root/tests/system/fields_lib.sh"

short_flood() {
	sleep 0.3
}

fields_at_uplink() { # of a short flood
	seen up0 >/dev/null
	flood short_flood 2 >/dev/null
	seen up0
}

# Fields that others set at the vNIC, before divvy: priority, mark, tc_index, vlan.
case_fields() {
	local wish off on
	watch up0 see up0
	for wish in "0 0 0 0" "0x10003 0x1234 7 0" "5 0 0 42" "0xffffffff 0xffffffff 0xffff 4095"; do
		# shellcheck disable=SC2086
		watch n0 set n0 $wish
		divvy release --all
		off=$(fields_at_uplink)
		divvy_apply on || bail "divvy does not bind"
		on=$(fields_at_uplink)
		echo "# set to $wish; without divvy: ${off//$'\n'/; }"
		[[ -n $off && $off == "$on" ]]
		check "fields at the uplink are the same with divvy (set before: $wish)" "$? == 0" || diag < <(diff <(echo "$off") <(echo "$on"))
		unwatch n0
	done
	unwatch up0
}

# A priority that names a class of divvy's own HTB, or its direct queue.
case_own_handle() {
	local priority
	for priority in 0xd1770000 0xd1770003 0xd1770001 0xd177fffe; do
		watch n0 set n0 $priority 0 0 0
		divvy_apply on || bail "divvy does not bind"
		flood measure_shares 2 >"$tmp/said"
		grep window "$tmp/said"
		check "priority $priority set before divvy: shares are 60:40" "590 <= share_permille && share_permille <= 610"
		check "priority $priority: none is lost" "lost == 0"
		unwatch n0
	done
}

lib_init
set_up bridge
case_own_handle
case_fields
divvy_release
divvy_stop
tap_done
