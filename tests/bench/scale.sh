#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# scale.sh [N]: divvy with N bound vNICs (veth, 1,000) and with 2, in a namespace of its own: how long
# `divvy apply` and `divvy set` of one device take until they return, divvyd's memory, its CPU when nothing changes.
# Each vNIC has a peer. IPV6=off: none has addresses of IPv6, with which the kernel is busy for minutes where there are 10,000
# interfaces, and holds the lock of rtnetlink for each.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/bench/lib.sh
. "$root/tests/bench/lib.sh"
n=${1:-1000}

median_ms() { # microseconds, one a line
	sort -n | awk '{ v[NR] = $1 } END { printf "%.2f ms (range %.2f to %.2f, %d runs)\n", v[int((NR + 1) / 2)] / 1000, v[1] / 1000, v[NR] / 1000, NR }'
}

timed() { # command...: microseconds
	local t0=${EPOCHREALTIME/./}
	"$@" >/dev/null
	echo $((${EPOCHREALTIME/./} - t0))
}

case ${IPV6:-on} in
off) make_links "$n" noipv6 ;;
*) make_links "$n" ;;
esac
start_divvyd
# Wall time is at the mercy of what else runs; divvyd's CPU, the kernel's work for it included, is less so.
for devices in 2 "$n"; do
	specification "$devices" >"$tmp/spec.yaml"
	printf '%-34s' "apply of $devices devices:"
	for _ in 1 2 3; do
		[[ $devices == 2 ]] || divvy release --all
		timed divvy apply "$tmp/spec.yaml"
	done | median_ms
	divvy release --all
	c0=$(cpu_us)
	divvy apply "$tmp/spec.yaml" >/dev/null
	printf '%-34s%d ms\n' "  divvyd's CPU for one:" "$((($(cpu_us) - c0) / 1000))"
	printf '%-34s' "set of one of $devices devices:"
	for i in {1..21}; do
		timed divvy set "vm1=$((10 + i))"
	done | median_ms
done
printf '%-34s%s\n' "divvyd's RSS with $n devices:" "$(awk '/^VmRSS/ { printf "%.1f MB", $2 / 1024 }' "/proc/$divvyd_pid/status")"
sleep 2
c0=$(cpu_us)
sleep 20
c1=$(cpu_us)
printf '%-34s%s\n' "divvyd's CPU, nothing changes:" "$(awk "BEGIN { printf \"%.2f %% of a core over 20 s\", ($c1 - $c0) / 200000 }")"
divvy release --all
