#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The figures and the plot of doc/simulation.md: tests/sim/report.sh build/divvy-sim OUTDIR
# Tables on standard output, simulation.svg and the data in OUTDIR. Three minutes.
set -eu
sim=$1 out=$2
mixed=(--io 0.25 --onoff 0.25)
mkdir -p "$out"

say() { printf '\n$ divvy-sim %s\n' "$*"; "$sim" "$@"; }

say --shares 50,30,20 --rounds 20 --samples 200 --csv "$out/busy.csv"
say --shares 60,40 --vms 2 --lanes 2 --rounds 20
say --shares 60,40 --vms 2 --lanes 2 --rounds 20 --spread
say --shares 50,30,20 --vms 12 "${mixed[@]}" --rounds 1000
say --shares 50,30,20 --vms 12 --slot-ms 0.3 --rounds 1000

echo 'policy,vms,wait_ms,wake_p99_ms' >"$out/sweep.csv"
for n in 2 10 100 1000 10000; do
	rounds=$((n < 100 ? 1000 : n < 1000 ? 200 : 20))
	say --vms "$n" "${mixed[@]}" --rounds "$rounds" | tee "$out/sweep.txt"
	awk 'NF > 10 && $2 ~ /^[0-9]+$/ { printf "%s,%s,%s,%s\n", $1, $2, $7, $9 == "-" ? "NaN" : $9 }' \
		"$out/sweep.txt" >>"$out/sweep.csv"
done
say --vms 10000 "${mixed[@]}" --rounds 1000
say --vms 10000 --rounds 1000

gnuplot -e "dir='$out'" "$(dirname "$0")/plot.gp"
