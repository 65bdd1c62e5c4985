#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# htb_sim.sh [RUNS]: is the simulated HTB of tests/unit/htb_follow.h like the kernel's? The same random trees and senders in
# both, 10 of them or as many as are said; for each the largest difference between what a device got there and here, in
# points of the uplink. Runs as root, in network namespaces of its own. The unit test is to be built (make unit).
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/system/reserve_lib.sh
. "$root/tests/system/reserve_lib.sh"

compare() { # number of the tree; sets filled: per mille of what was sent in the simulation, the kernel sent
	local said
	# Names are the same in both.
	said=$(awk 'FNR == NR { if ($1 == "got") { sim[$2] = $3; all += $3 } next }
		match($0, /delivered=[0-9.]+/) { got = substr($0, RSTART + 10, RLENGTH - 10); sum += got; d = got - sim[$2]; if (d < 0) d = -d; if (d > most) most = d; k++ }
		END { printf "%d devices: at most %.2f points between simulation and kernel, which sent %.1f %% of what the simulation did\n%d\n", k, most * 100 / 48, sum * 100 / all, sum * 1000 / all }' "$tmp/printed" "$tmp/asked")
	echo "tree $1, ${said%%$'\n'*}"
	filled=${said##*$'\n'}
}

reserve_init
runs=0
for ((number = ${FIRST:-1}; runs < ${1:-10} && number < 200; number++)); do
	PRINT_TREE=$number "$root/build/tests/unit/core_follow_test" >"$tmp/printed"
	grep -E '^(uplink|network|device)' "$tmp/printed" >"$tmp/one"
	(($(grep -c '^device' "$tmp/one") >= 3)) || continue
	"$senders" yaml "$tmp/one" up0 >"$tmp/one.yaml"
	"$root/build/divvy" check "$tmp/one.yaml" >/dev/null 2>&1 || continue # a tree that no specification may be
	runs=$((runs + 1))
	tree_up <"$tmp/one"
	# On a busy machine the senders do not fill what they are given: once more then, up to three times.
	for _ in 1 2 3; do
		ask "pattern $(sed -n 's/^modes //p' "$tmp/printed") 5000 1000" >"$tmp/asked"
		compare "$number"
		((filled < 998)) || break
	done
	tree_down
done
