#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# reserve.sh [CASE...]: does each device get what it is entitled to? Taps, the kernel's HTB, divvyd; the reference is
# tests/reference.h, the meter is at the far end of the wire. Prints what was measured, and beside it what was to reach.
# Cases: half steady nested windows flood wake kill cpu. Runs as root, in network namespaces of its own, for 4 minutes.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/system/reserve_lib.sh
. "$root/tests/system/reserve_lib.sh"

tell() { # what, to reach
	echo "$1: ${REPLY#done } (to reach: $2)"
}

three() { # capacity 100, A reserves 50, equal shares
	tree_up <<-END
		uplink 100
		device a - 1 50 0
		device b - 1 0 0
		device c - 1 0 0
	END
}

case_half() {
	three
	ask "pattern f,f,i 8000 2000"
	tell "capacity 100, A reserves 50, C idle" "0.5 points"
	tree_down
}

case_steady() {
	three
	ask "pattern f,f,20 8000 2000"
	tell "the same, C sends 20 steadily" "0.7 points"
	tree_down
}

nested() { # three levels, eight devices; mixed shares, reserves, limits
	tree_up <<-END
		uplink 48
		network red - 3 0 30
		network blue - 2 10 0
		network inner blue 2 0 12
		device r0 red 1 6 0
		device r1 red 2 0 0
		device r2 red 3 0 10
		device b0 blue 1 4 0
		device b1 inner 1 0 0
		device b2 inner 3 2 8
		device u0 - 1 0 0
		device u1 - 2 3 20
	END
}

case_nested() {
	nested
	ask "random 20 5000 1000 ${SEED:-1}"
	tell "three levels, eight devices, 20 random patterns" "median 0.2, worst 1 point"
	ask sent
	tell "loss" "0"
	tree_down
}

case_windows() { # 12 of 48 Mbit/s beside a reserve without need
	tree_up <<-END
		uplink 48
		device a - 1 24 0
		device b - 1 0 0
		device c - 1 0 0
	END
	ask "windows f,f,f 300 200 1"
	tell "windows of 200 ms of 12 beside a reserve" "p1 0.9, p99 1.1"
	tree_down
}

case_flood() {
	local k
	tree_up < <(
		echo "uplink 96"
		echo "device a - 1 24 0"
		for k in 1 2 3 4 5 6 7; do echo "device d$k - 1 0 0"; done
	)
	ask "reserve f,f,f,f,f,f,f,f 10000 0"
	tell "a reserve under a flood by seven others" "missed 0"
	tree_down
}

case_wake() {
	nested
	ask "wake f,f,f,f,f,f,f,f 50 6"
	tell "an idle device wakes, others flood" "p90 60 ms"
	ask "wake f,i,i,f,f,i,f,i 50 0"
	tell "one that is entitled to more than its guarantee wakes" "p90 60 ms"
	tree_down
}

# divvyd is killed in the middle of its work: what holds without it, and after the start.
case_kill() {
	local k
	nested
	ask "run f,i,i,f,f,i,f,i 1500"
	divvyd_kill
	tc -n "$host" class show dev divvy0 | sed 's/^/#   /'
	ask "hold f,i,i,f,f,i,f,i 1000"
	tell "killed: the same devices go on" "guarantee 1, limit 1, utilisation shown"
	ask "hold f,f,f,f,f,f,f,f 2000"
	tell "killed: all flood" "guarantee 1, limit 1"
	for k in 0 1 2 3 4 5 6 7; do
		local modes=(i i i i i i i i)
		modes[k]=f
		ask "hold $(IFS=,; echo "${modes[*]}") 500"
		tell "killed: device $k alone" "guarantee 1, limit 1"
	done
	ask "pattern f,i,i,f,f,i,f,i 2000 0"
	tell "killed: from what is entitled" "shown"
	divvyd_launch
	ask "pattern f,i,i,f,f,i,f,i 2000 500"
	tell "started again" "1 point"
	ask sent
	tell "loss" "0"
	tree_down
}

# Each sends 1.3 times what there is for it. Without backpressure, or with it: BACKPRESSURE=auto. All taps are one process's.
case_cpu() {
	local n k ms modes device_keys=", backpressure: ${BACKPRESSURE:-off}"
	for n in ${NUMBERS:-2 100 1000}; do
		tree_up < <(
			echo "uplink 200"
			for ((k = 0; k < n; k++)); do echo "device d$k - 1 0 0"; done
		)
		modes=$(yes "$(awk -v n="$n" 'BEGIN { print 260 / n }')" | head -n "$n" | paste -sd ,)
		ask "run $modes 3000"
		ms=$(cpu_of "$divvyd_pid")
		ask "run $modes 20000"
		ms=$(($(cpu_of "$divvyd_pid") - ms))
		echo "CPU of divvyd with $n backlogged devices: $((ms / 200)).$(printf %03d $((ms % 200 * 5))) % of a core (to reach: 0.5 / 2 / 5)"
		sleep 5
		ms=$(cpu_of "$divvyd_pid")
		sleep 20
		ms=$(($(cpu_of "$divvyd_pid") - ms))
		echo "CPU of divvyd at rest with $n devices: $((ms / 200)).$(printf %03d $((ms % 200 * 5))) % of a core (to reach: 0.1)"
		tree_down
	done
}

reserve_init
for c in "${@:-half steady nested windows flood wake kill cpu}"; do
	# shellcheck disable=SC2086 # words
	for one in $c; do
		echo "== $one"
		"case_$one"
	done
done
