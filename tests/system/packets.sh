#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Packets leave divvy as they came: priority, mark, tc_index, VLAN tag and hash; so that the uplink's own qdiscs see what they
# would see without divvy. And what others wrote into a packet before divvy changes nothing of its class. Prints TAP.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/system/lib.sh
. "$root/tests/system/lib.sh"

declare -A watch_in watch_out watch_pid

# shellcheck disable=SC2086 # {array[$1]} is a subscript, no word
watch() { # name, arguments of fields
	local in=$tmp/$1.watch.in out=$tmp/$1.watch.out
	mkfifo "$in" "$out"
	exec {watch_in[$1]}<>"$in" {watch_out[$1]}<>"$out"
	ip netns exec "$host" "$root/build/tests/system/fields" "${@:2}" <"$in" >"$out" 2>"$tmp/$1.watch.err" \
		{watch_in[$1]}>&- {watch_out[$1]}>&- &
	watch_pid[$1]=$!
	read -r -t 10 -u "${watch_out[$1]}" || bail "fields: $(<"$tmp/$1.watch.err")"
}

# shellcheck disable=SC2086 # {array[$1]} is a subscript, no word
unwatch() { # name
	exec {watch_in[$1]}>&- # it takes its filter away, and ends
	wait "${watch_pid[$1]}" 2>/dev/null
	exec {watch_out[$1]}>&-
	rm -f "$tmp/$1.watch.in" "$tmp/$1.watch.out"
	unset "watch_pid[$1]"
}

seen() { # the combinations of fields at the uplink since the last call
	local line
	echo >&"${watch_in[up0]}"
	while read -r -t 10 -u "${watch_out[up0]}" line && [[ $line != . ]]; do
		echo "$line"
	done
}

short_flood() {
	sleep 0.3
}

fields_at_uplink() { # of a short flood
	seen >/dev/null
	flood short_flood 2 >/dev/null
	seen
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

# The uplink's own qdiscs, which classify by priority first. The second and third class of an HTB 1: have 1 Mbit/s.
root_htb() {
	tc -n "$host" -b - <<-END
		qdisc add dev up0 root handle 1: htb default 20
		class add dev up0 parent 1: classid 1:1 htb rate 100mbit
		class add dev up0 parent 1:1 classid 1:2 htb rate 1mbit ceil 1mbit
		class add dev up0 parent 1:1 classid 1:3 htb rate 1mbit ceil 1mbit
		class add dev up0 parent 1:1 classid 1:20 htb rate 98mbit
		filter add dev up0 parent 1: protocol all prio 1 u32 match u32 0 0 flowid 1:20
	END
}

root_tbf() { # with the kernel's pfifo_fast below it, whose bands a priority chooses
	tc -n "$host" -b - <<-END
		qdisc add dev up0 root handle 5: tbf rate 21mbit burst 20k limit 100k
		qdisc add dev up0 parent 5:1 handle 6: pfifo_fast
	END
}

case_roots() {
	local what
	for what in htb tbf; do
		root_$what 2>"$tmp/said" || {
			diag <"$tmp/said"
			tc -n "$host" qdisc del dev up0 root
			skip "uplink root $what" "this kernel refuses it"
			continue
		}
		divvy_apply on || bail "divvy does not bind"
		flood measure_shares 2 >"$tmp/said"
		grep window "$tmp/said"
		echo "# uplink root $what: lost $lost"
		check "uplink root $what: shares are 60:40 within half a point" "595 <= share_permille && share_permille <= 605"
		check "uplink root $what: none is lost" "lost == 0"
		tc -n "$host" qdisc del dev up0 root
	done
}

lib_init
set_up bridge
case_roots
case_own_handle
case_fields
divvy_release
divvy_stop
tap_done
