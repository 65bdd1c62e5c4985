# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# lib.sh: what the benchmarks of a whole divvyd share. A namespace with n vNICs (veth) v0, v1, ... and an uplink up0, and
# divvyd in it. Sourced; B is the directory of what was built, to measure another build.

export PATH=$PATH:/usr/sbin:/sbin
# shellcheck disable=SC2154 # root is the benchmark's
build=${B:-$root/build}
ns=divvy-bench-$$
divvyd_pid=
tmp=$(mktemp -d)
export DIVVY_SOCKET=$tmp/socket

cleanup() {
	trap - EXIT INT TERM
	! declare -F stop_traffic >/dev/null || stop_traffic
	[[ -z $divvyd_pid ]] || { kill "$divvyd_pid" && wait "$divvyd_pid"; } 2>/dev/null
	ip netns del "$ns" 2>/dev/null
	rm -rf "$tmp"
}
trap cleanup EXIT
trap 'exit 1' INT TERM

divvy() {
	"$build/divvy" "$@"
}

make_links() { # how many vNICs, "noipv6": none of them has addresses
	ip netns add "$ns"
	[[ ${2:-} != noipv6 ]] || ip netns exec "$ns" sysctl -qw net.ipv6.conf.default.disable_ipv6=1
	{
		echo "link add up0 type veth peer name up0p"
		for ((i = 0; i < $1; i++)); do
			echo "link add v$i type veth peer name p$i"
			echo "link set v$i up"
			echo "link set p$i up"
		done
	} | ip -n "$ns" -b -
}

specification() { # devices
	printf 'uplinks:\n  - name: up0\n    capacity: 10gbit\n    devices:\n'
	for ((i = 0; i < $1; i++)); do
		echo "      - {name: vm$i, nic: v$i, share: $((1 + i % 7))}"
	done
}

start_divvyd() {
	mkdir "$tmp/state" "$tmp/run"
	ip netns exec "$ns" "$build/divvyd" --state "$tmp/state" --runtime "$tmp/run" --socket "$tmp/socket" \
		--config "$tmp/none" 2>"$tmp/log" &
	divvyd_pid=$!
	until divvy status >/dev/null 2>&1; do
		kill -0 "$divvyd_pid" || { cat "$tmp/log"; exit 1; }
		sleep 0.05
	done
}

# CPU time of all of divvyd's threads, microseconds. The scheduler's own count: stat's is in ticks of 10 ms.
cpu_us() {
	cpu_us_of "$divvyd_pid"
}

cpu_us_of() { # pid
	cat "/proc/$1/task/"*/schedstat | awk '{ sum += $1 } END { printf "%d\n", sum / 1000 }'
}
