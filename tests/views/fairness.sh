#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# fairness.sh [FOLDER]: the pictures of doc/fairness.md, as SVG, from runs: what each device is entitled to (by
# tests/reference.h) and what arrives of it at the far end of the wire, while others come, go, and ask for less. Taps, the
# kernel's HTB, divvyd. Half a minute; other work on the machine shows as dips of all lines.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
folder=${1:-$root/doc/fairness}
# shellcheck source=tests/system/reserve_lib.sh
. "$root/tests/system/reserve_lib.sh"
command -v gnuplot >/dev/null || bail "gnuplot is missing: make deps picture"

# Commands of senders.c; what they print goes to $tmp/NAME.
trace() { # name, "MODES N MS"...
	local name=$1 what
	shift
	for what; do
		ask "trace $what"
	done | sed -n 's/^# *\([0-9]\)/\1/p' >"$tmp/$name"
}

# Entitled as a dashed line, delivered as a whole one, in one colour a device; keys at the right.
plot() { # name, title, highest, device's name...
	local name=$1 title=$2 most=$3 k=0 device lines=() colours=("#1a6fb5" "#c2571a" "#2f8f4e")
	shift 3
	for device; do
		lines+=("'$tmp/$name' using (\$1/1000):$((2 * k + 2)) with steps dashtype 2 linewidth 1.2 linecolor rgb '${colours[k]}' notitle")
		lines+=("'$tmp/$name' using (\$1/1000):$((2 * k + 3)) with lines linewidth 2 linecolor rgb '${colours[k]}' title '$device'")
		k=$((k + 1))
	done
	gnuplot <<-END
		set terminal svg size 720,300 dynamic font 'sans-serif,12' background rgb 'white'
		set output '$folder/$name.svg'
		set title "$title"
		set xlabel 'seconds'
		set ylabel 'Mbit/s'
		set yrange [0:$most]
		set key outside right
		set autoscale xfix
		set grid ytics linecolor rgb '#dddddd'
		plot $(IFS=,; echo "${lines[*]}")
	END
}

# The rule's table, row after row.
case_reserve() {
	tree_up <<-END
		uplink 100
		device A - 1 50 0
		device B - 1 0 0
		device C - 1 0 0
	END
	ask "run f,f,i 1000"
	trace reserve "f,f,i 20 100" "f,f,f 20 100" "10,f,f 20 100" "i,f,f 20 100" "f,i,i 20 100" "f,f,i 20 100"
	plot reserve "100 Mbit/s, equal shares, A reserves 50: windows of 100 ms; dashed: entitled" 110 A B C
	tree_down
}

# A device with nothing to send for a while asks for all that it is entitled to.
case_wake() {
	tree_up <<-END
		uplink 48
		network red - 3 0 0
		network blue - 2 0 0
		device web red 1 0 0
		device db red 1 0 0
		device batch blue 1 0 0
	END
	ask "run i,f,f 1000"
	trace wake "i,f,f 20 20" "f,f,f 40 20" "i,f,f 20 20" "f,f,f 30 20"
	plot wake "48 Mbit/s, red:blue 3:2, web wakes up twice: windows of 20 ms; dashed: entitled" 52 red/web red/db blue/batch
	tree_down
}

# A sender that waits for a core looks like a device that has nothing to send.
renice -n -15 $$ >/dev/null
reserve_init
mkdir -p "$folder"
case_reserve
case_wake
ls -l "$folder"/*.svg
