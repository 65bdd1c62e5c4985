#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# rx_order.sh [CASE...]: what VMs receive, divided, changed and released while it comes, below the capacity: every frame
# arrives, but for those that meet a qdisc that comes or goes. ROUNDS=30 for more than the few rounds of `make check`. Prints TAP.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/system/rx_lib.sh
. "$root/tests/system/rx_lib.sh"
# shellcheck source=tests/system/order_lib.sh
. "$root/tests/system/order_lib.sh"

rounds=${ROUNDS:-5}
capacity_mbit=200 # more than what comes: no queue has to drop
owner=            # what others have at the vNICs

got_all() { # frames
	[[ $(frames) -ge $1 ]]
}

frames() { # that the containers have received
	ip netns exec "$vms" nft list counters table inet divvy_test | awk '$1 == "packets" { n += $2 } END { print n + 0 }'
}

many_sets() {
	local i
	divvy apply "$tmp/divvy.yaml" >/dev/null
	for ((i = 0; i < rounds; i++)); do
		divvy set a.rx.share=$((1 + i % 2 * 99)) b.rx.share=$((100 - i % 2 * 99))
		sleep 0.1
	done
}

one_by_one() {
	local i
	divvy apply "$tmp/divvy.yaml" >/dev/null
	for ((i = 0; i < rounds; i++)); do
		divvy release a
		sleep 0.05
		divvy apply "$tmp/divvy.yaml" >/dev/null
		sleep 0.1
	done
}

# While the command runs, and a little before and behind it; sets lost, written.
flood_while() { # command
	local v n0
	written=0
	n0=$(frames)
	servers start
	sleep 0.2
	$1
	sleep 0.2
	for v in web batch; do
		vm_ask $v stop
		vm_reply $v
		((written += $(field written "$REPLY")))
	done
	await 5 got_all $((n0 + written))
	lost=$((n0 + written - $(frames)))
	echo "# $owner${1//_/ }, $rounds rounds: lost $lost of $written"
}

check_flood() { # command
	flood_while "$1"
	check "$owner${1//_/ }: every frame arrives" "lost == 0 && written > 1000"
}

# A qdisc that comes or goes costs the frames that come meanwhile, also an ingress: the kernel has none in between that would
# take them (net/sched/sch_api.c, qdisc_graft(); sch_generic.c, dev_deactivate()). How many is the kernel's affair:
# doc/measurements.md has it.
check_grafts() { # command
	flood_while "$1"
	check "$owner${1//_/ }: all but those arrive" "lost < written / 4 && written > 1000"
}

start() {
	spec ", rx: same" ", rx: same"
	count_arrivals "$vms"
}

case_root() { # of divvy's own
	owner=""
	start
	check_grafts many_applies
	check_grafts one_by_one
	check_flood many_sets
}

case_clsact() { # of others: divvy's filters hang there
	owner="clsact of others, "
	start
	tc_on_host "qdisc add dev va clsact" "qdisc add dev vb clsact"
	check_flood many_applies
	check_flood one_by_one
	check_flood many_sets
	tc_on_host "qdisc del dev va clsact" "qdisc del dev vb clsact"
}

# What is divided is what they send alone. A program at tcx needs no qdisc.
case_sent() {
	owner="only what they send, "
	spec "" ""
	count_arrivals "$vms"
	check_grafts many_applies
	owner="only what they send, hook: tcx, "
	spec ", hook: tcx" ", hook: tcx"
	divvy apply "$tmp/divvy.yaml" >/dev/null
	if qdiscs | grep -q ingress; then
		echo "# no tcx here"
	else
		check_flood many_applies
		check_flood one_by_one
	fi
}

(($# > 0)) || set -- root clsact sent
rx_cases "$@"
