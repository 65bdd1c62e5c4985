#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# status.sh [N [SECONDS]]: what watching and releasing N bound devices (1,000) costs divvyd: system calls and CPU time of one
# `divvy status`, CPU of divvyd and of `divvy top` at rest and under flood, and `divvy release --all` while some of the devices flood.
# At rest no vNIC sends: none has an IPv6 address, for which the kernel would solicit routers. divvyd itself rests after a
# minute of that, and has work once a minute then: so the last row of rest is two minutes long, whatever SECONDS is.
# B=DIR measures another build.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/bench/lib.sh
. "$root/tests/bench/lib.sh"
n=${1:-1000}
vms=8 # taps among the devices; the rest are veth
seconds=${2:-20} # of each figure over time
command -v strace >/dev/null || { echo "strace is missing: make deps bench" >&2; exit 1; }

row() { # what, measured, to reach
	printf '%-52s %14s %14s\n' "$@"
}

per() { # a sum, over how many, in the unit of so much, digits
	awk "BEGIN { printf \"%.*f\n\", $4, $1 / $2 / $3 }"
}

# --- VMs that flood, half of them without backpressure: their packets wait in divvy's queues ---------------
to_vm=()
vm_pids=()

start_vms() {
	local i
	ip -n "$ns" -b - <<-END
		link add br0 type bridge
		link set up0 master br0 up
		link set up0p up
		link set br0 up
	END
	bridge -n "$ns" fdb replace 02:00:00:77:00:99 dev up0 master static
	for ((i = 0; i < vms; i++)); do
		ip -n "$ns" tuntap add "t$i" mode tap vnet_hdr
		ip -n "$ns" link set "t$i" master br0 up
		mkfifo "$tmp/vm$i"
		# For both directions: the VM ends when the last writer closes.
		exec {to_vm[i]}<>"$tmp/vm$i"
		ip netns exec "$ns" bash -c 'exec -a qemu-system-x86_64 "$@"' - "$build/tests/system/tapflood" -name "t$i" \
			-netdev "tap,id=n0,ifname=t$i" -device "virtio-net-pci,netdev=n0,mac=52:54:00:77:00:0$i" \
			<"$tmp/vm$i" >"$tmp/vm$i.out" {to_vm[i]}>&- &
		vm_pids+=($!)
		until grep -qs ready "$tmp/vm$i.out"; do
			kill -0 "${vm_pids[i]}" || { echo "no tapflood: make tests" >&2; exit 1; }
			sleep 0.05
		done
	done
}

flood() {
	local i
	for ((i = 0; i < vms; i++)); do
		echo "flood 120 1000 02:00:00:77:00:99 10.77.0.$((i + 1)) 10.77.0.99 5001" >&"${to_vm[$i]}"
	done
}

stop_traffic() {
	local pid
	for pid in "${vm_pids[@]}"; do
		kill "$pid" && wait "$pid" || :
	done 2>/dev/null
	vm_pids=()
}

# --- figures -----------------------------------------------------------------------------------------------
calls_of_status() { # prints netlink messages, netlink calls, bpf() calls
	local tracer
	strace -f -qq -yy -v -s 1000000 -e trace=sendto,sendmsg,sendmmsg,bpf -o "$tmp/trace" -p "$divvyd_pid" &
	tracer=$!
	until [[ $(awk '/^TracerPid/ { print $2 }' "/proc/$divvyd_pid/status") == "$tracer" ]]; do
		sleep 0.05
	done
	divvy status >/dev/null
	kill "$tracer"
	wait "$tracer" || :
	grep -E 'send(to|msg|mmsg)\([0-9]+<NETLINK' "$tmp/trace" >"$tmp/netlink" || :
	echo "$(grep -o 'nlmsg_len=' "$tmp/netlink" | wc -l) $(wc -l <"$tmp/netlink") $(grep -c 'bpf(' "$tmp/trace")"
}

cpu_of_status() { # milliseconds of divvyd's CPU for one
	local c0
	c0=$(cpu_us)
	for _ in {1..20}; do
		divvy status >/dev/null
	done
	per $(($(cpu_us) - c0)) 20 1000 2
}

cpu_for() { # command that takes as long as the figure shall; % of a core
	local c0 t0
	c0=$(cpu_us) t0=${EPOCHREALTIME/./}
	"$@"
	per $((($(cpu_us) - c0) * 100)) $((${EPOCHREALTIME/./} - t0)) 1 2
}

# On a terminal of its own, with keys that never come: its CPU, microseconds, is in $tmp/top_us.
top() {
	local never script
	exec {never}<> <(:)
	script -qec "echo \$\$ >'$tmp/top_pid'; stty rows 50 cols 120; TERM=xterm-256color exec '$build/divvy' top" /dev/null \
		<&"$never" >/dev/null 2>&1 &
	script=$!
	sleep "$seconds"
	cpu_us_of "$(<"$tmp/top_pid")" >"$tmp/top_us"
	kill "$(<"$tmp/top_pid")" "$script" 2>/dev/null || :
	wait "$script" || :
	exec {never}>&-
}

specify() { # the VMs first
	printf 'uplinks:\n  - name: up0\n    capacity: 100mbit\n    devices:\n'
	for ((i = 0; i < vms; i++)); do
		echo "      - {name: t$i, nic: t$i, share: 100, backpressure: $( ((i % 2)) && echo on || echo off)}"
	done
	specification $((n - vms)) | sed 1,4d
}

make_links $((n - vms)) noipv6
start_vms
start_divvyd
specify >"$tmp/spec.yaml"
divvy apply "$tmp/spec.yaml"
sleep 3

printf '%s devices, %s of them taps of VMs\n' "$n" "$vms"
row "" measured "to reach"
read -r messages calls bpf < <(calls_of_status)
row "divvy status: netlink messages sent" "$messages" "at most 30"
row "divvy status: netlink calls, bpf() calls" "$calls, $bpf" ""
row "divvy status: divvyd's CPU" "$(cpu_of_status) ms" "10 ms"
top_rows() { # while what; to reach
	local d t r
	r=$(cpu_for sleep "$seconds")
	d=$(cpu_for top)
	t=$(per $(($(<"$tmp/top_us") * 100)) "$seconds" 1000000 2)
	row "$1 for $seconds s: divvyd's CPU without top" "$r %" ""
	row "$1, divvy top: divvyd's CPU, top's" "$d %, $t %" ""
	row "$1, divvy top: $3" "$(awk "BEGIN { printf \"%.2f\", $d + $t - ($4) * $r }") %" "$2"
}
row "nothing sent for a minute, two minutes: divvyd's CPU" "$(sleep 75; cpu_for sleep 120) %" "0.1 %"
top_rows "at rest" "2 %" "both" 0
flood
sleep 2
top_rows "$vms flood" "2 %" "what it adds" 1
c0=$(cpu_us) t0=${EPOCHREALTIME/./}
divvy release --all
t1=${EPOCHREALTIME/./} c1=$(cpu_us)
row "divvy release --all, $vms flood: divvyd's CPU" "$(per $((c1 - c0)) 1 1000 1) ms" "50 ms"
row "the same: until it returns" "$(per $((t1 - t0)) 1 1000 1) ms" ""
