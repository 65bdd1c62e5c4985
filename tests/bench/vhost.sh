#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# vhost.sh [PAIRS [KIND/BYTES...]]: what a finite send buffer costs a VM that nothing holds back. vhost-net hands packets of a tap with an
# unlimited buffer to it in batches, and of one with a finite buffer one by one (drivers/vhost/net.c, sock_can_batch). A VM
# floods an uplink of 40 Gbit/s, much more than it can fill, for a second: not divided, divided with backpressure off,
# divided with backpressure on; so many times by turns, after one that does not count. Frames of 64, 1,000 and 1,514
# bytes, and TCP of 20,054 bytes that the host segments; from vhost-net, and from a VMM's write() beside it (tap/64). In
# thousands of frames a second, received; "on / off" is the median of the pairs' quotients, and their range. For a test
# host: TIMEOUT=300 tests/hosts/run.sh trixie tests/bench/vhost.sh
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/system/lib.sh
. "$root/tests/system/lib.sh"

pairs=${1:-5}
shift $(($# > 0))
(($# > 0)) || set -- {vhost,tap}/{64,1000,1514,20054}
capacity_mbit=40000
[[ -c /dev/vhost-net ]] || {
	echo "skipped: no /dev/vhost-net on this machine (tests/hosts/run.sh trixie tests/bench/vhost.sh)"
	exit 0
}

one_flood() { # sets rate: frames received in a second
	local before
	received
	before=$rx_web
	vm_ask web "flood 1 $frame ${dst_mac[web]} ${src_ip[web]} 10.77.0.1 ${port[web]} ${gso:+gso=$gso}"
	vm_reply web
	[[ $REPLY == written=* ]] || bail "the VM: $REPLY"
	sleep 0.2
	received
	rate=$((rx_web - before))
}

use_none() {
	divvy_release
}

use_off() {
	divvy_apply off || bail "divvy does not bind"
}

use_on() {
	divvy_apply on || bail "divvy does not bind"
}

measure() { # prints "none off on" of each round
	local i how line
	for ((i = 0; i <= pairs; i++)); do
		line=
		for how in none off on; do
			use_$how
			one_flood
			line+="$rate "
		done
		((i == 0)) || echo "$line"
	done
}

summary() { # what < rounds
	awk -v what="$1" '
	function middle(a, n,  i, j, t) {
		for (i = 2; i <= n; i++)
			for (j = i; j > 1 && a[j - 1] > a[j]; j--) { t = a[j]; a[j] = a[j - 1]; a[j - 1] = t }
		return n % 2 ? a[(n + 1) / 2] : (a[n / 2] + a[n / 2 + 1]) / 2
	}
	{ none[NR] = $1; off[NR] = $2; on[NR] = $3; q[NR] = $3 / $2 }
	END {
		m = middle(q, NR) # sorts q
		printf "%-22s not divided %6.1f   off %6.1f   on %6.1f   on / off %.2f (%.2f to %.2f)\n", what,
			middle(none, NR) / 1000, middle(off, NR) / 1000, middle(on, NR) / 1000, m, q[1], q[NR]
	}'
}

lib_init
for case; do
	use_kind "${case%/*}"
	make_topology bridge
	start_vms
	divvy_start
	frame=${case#*/} gso=
	((frame <= 1514)) || gso=1448
	measure >"$tmp/rounds"
	summary "$case bytes" <"$tmp/rounds"
	divvy_release
	divvy_stop
	vm_stop_all
	remove_topology
done
