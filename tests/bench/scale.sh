#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# scale.sh [N]: divvy with N bound vNICs (veth, 1,000) and with 2, in a namespace of its own: how long
# `divvy apply` and `divvy set` of one device take until they return, divvyd's memory, its CPU when nothing changes.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
export PATH=$PATH:/usr/sbin:/sbin
n=${1:-1000}
ns=divvy-scale-$$
tmp=$(mktemp -d)
divvyd_pid=
export DIVVY_SOCKET=$tmp/socket

cleanup() {
	trap - EXIT INT TERM
	[[ -z $divvyd_pid ]] || { kill "$divvyd_pid" && wait "$divvyd_pid"; } 2>/dev/null
	ip netns del "$ns" 2>/dev/null
	rm -rf "$tmp"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

divvy() {
	"$root/build/divvy" "$@"
}

specification() { # devices
	printf 'uplinks:\n  - name: up0\n    capacity: 10gbit\n    devices:\n'
	for ((i = 0; i < $1; i++)); do
		echo "      - {name: vm$i, nic: v$i, share: $((1 + i % 7))}"
	done
}

median_ms() { # microseconds, one a line
	sort -n | awk '{ v[NR] = $1 } END { printf "%.2f ms (range %.2f to %.2f, %d runs)\n", v[int((NR + 1) / 2)] / 1000, v[1] / 1000, v[NR] / 1000, NR }'
}

timed() { # command...: microseconds
	local t0=${EPOCHREALTIME/./}
	"$@" >/dev/null
	echo $((${EPOCHREALTIME/./} - t0))
}

cpu_ms() { # of divvyd, user and system
	awk '{ sub(/.*\) /, ""); split($0, f, " "); print (f[12] + f[13]) * 10 }' "/proc/$divvyd_pid/stat"
}

ip netns add "$ns"
{
	echo "link add up0 type veth peer name up0p"
	for ((i = 0; i < n; i++)); do
		echo "link add v$i type veth peer name p$i"
		echo "link set v$i up"
		echo "link set p$i up"
	done
} | ip -n "$ns" -b -
mkdir "$tmp/state" "$tmp/run"
ip netns exec "$ns" "$root/build/divvyd" --state "$tmp/state" --runtime "$tmp/run" --socket "$tmp/socket" \
	--config "$tmp/none" 2>"$tmp/log" &
divvyd_pid=$!
until divvy status >/dev/null 2>&1; do
	kill -0 "$divvyd_pid" || { cat "$tmp/log"; exit 1; }
	sleep 0.05
done

for devices in 2 "$n"; do
	specification "$devices" >"$tmp/spec.yaml"
	printf '%-34s' "apply of $devices devices:"
	for _ in 1 2 3; do
		[[ $devices == 2 ]] || divvy release --all
		timed divvy apply "$tmp/spec.yaml"
	done | median_ms
	printf '%-34s' "set of one of $devices devices:"
	for i in {1..21}; do
		timed divvy set "vm1=$((10 + i))"
	done | median_ms
done
printf '%-34s%s\n' "divvyd's RSS with $n devices:" "$(awk '/^VmRSS/ { printf "%.1f MB", $2 / 1024 }' "/proc/$divvyd_pid/status")"
sleep 2
c0=$(cpu_ms)
sleep 20
c1=$(cpu_ms)
printf '%-34s%s\n' "divvyd's CPU, nothing changes:" "$(awk "BEGIN { printf \"%.2f %% of a core over 20 s\", ($c1 - $c0) / 200 }")"
divvy release --all
