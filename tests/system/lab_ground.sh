#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The lab's ground floor: two VMs boot, obey and flood over each topology, and nothing is left behind, however the
# lab ends.

cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/tap.sh
. tests/tap.sh
lab=${B:-build}/tests/system/lab_ground
DIVVY_LAB_PROGRAMS=$PWD/${B:-build} # where the containers' agent is
export DIVVY_LAB_PROGRAMS
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

if [ "$(id -u)" != 0 ] || [ ! -e /dev/net/tun ]; then
	echo "1..0 # SKIP needs root and /dev/net/tun"
	exit 0
fi

ok() { # STATUS WHAT
	check "$2" "$1 == 0" || cat "$out/log" "$out/err" | diag
}

# Needed for the whole evaluation only (tools/deps.sh figures).
has_libvirt() {
	command -v libvirtd >/dev/null && command -v virtlogd >/dev/null && command -v virsh >/dev/null
}

value() {
	sed -n "s/^$1 //p" "$out/log" | head -n 1
}

between() { # VALUE LOW HIGH
	awk -v v="${1:-x}" -v l="$2" -v h="$3" 'BEGIN { exit !(v != "x" && v + 0 >= l && v + 0 <= h) }'
}

# Poll a condition for up to SECONDS.
within() {
	local end=$((${EPOCHREALTIME/./} + $1 * 1000000))
	shift
	until "$@"; do
		((${EPOCHREALTIME/./} < end)) || return 1
		sleep 0.05
	done
}

# The log is emptied here, not by the child that may not have run yet: else ready() sees what the last one said.
start() {
	: >"$out/log"
	"$lab" "$@" >>"$out/log" 2>"$out/err" &
	pid=$!
}

ready() {
	grep -q '^ready' "$out/log" || ! kill -0 $pid 2>/dev/null
}

# What the run owns while it is up: its namespaces, the processes in them and the children of the lab itself.
inventory() {
	namespaces=$(find /run/netns -name "dvl$pid-*" -printf '%f\n')
	pids=$(for ns in $namespaces; do ip netns pids "$ns"; done; cat /proc/$pid/task/$pid/children)
}

namespaces_gone() {
	[ -z "$(find /run/netns -name "dvl$pid-*" 2>/dev/null)" ]
}

processes_gone() {
	local p
	for p in $pids; do
		# A zombie of somebody's is not running.
		! grep -q '^State:[[:space:]]*[^ZX]' "/proc/$p/status" 2>/dev/null || return 1
	done
}

links_gone() {
	! ip -o link | grep -q dvl
}

nothing_left() {
	within 10 namespaces_gone && within 5 processes_gone && links_gone
}

# --- a run to its end ---
qemus() {
	local p
	for p in $(cat /proc/$pid/task/$pid/children); do
		grep -l '^qemu' "/proc/$p/comm" 2>/dev/null
	done
}

two_qemus() {
	[ "$(qemus | wc -l)" = 2 ]
}

start -w 50 -s 3 -p
within 30 two_qemus
sleep 1 # later than a QEMU that was started wrongly, sooner than a guest can be up
victim=$(qemus | head -n 1 | cut -d/ -f3)
kill -KILL "$victim"
within 90 ready
inventory
wait $pid && [ -n "$victim" ] && ! echo "$pids" | grep -qw "$victim"
ok $? "two VMs boot, one of them at the second try, obey and flood"
grep -q '^agent ok' "$out/log"
ok $? "the agent runs commands at once, with output and exit codes"
[ "$(value qdisc)" = pfifo_fast ]
ok $? "a guest's qdisc is pfifo_fast if nothing is said ($(value qdisc))"
between "$(value total_mbps)" 49.5 50.2
ok $? "the wire carries 50 Mbit/s, no more ($(value total_mbps))"
between "$(value vm0_lost)" 100 10000000
ok $? "loss is seen by sequence numbers where the wire drops ($(value vm0_lost))"
between "$(value vm0_rtts)" 10 35
ok $? "round-trip times at 10 Hz ($(value vm0_rtts) in 3 s)"
[ "$(echo "$namespaces" | wc -l)" = 5 ] && [ "$(echo "$pids" | wc -w)" -ge 4 ]
ok $? "the inventory below sees namespaces and processes"
nothing_left
ok $? "nothing is left after it"

# --- other topologies and programs ---
for args in "-c container -w 50 -s 2" "-c container -k routed -w 50 -s 2 -t tcp" "-k routed -s 2" "-k br_netfilter -s 2" "-t tcp -s 2" "-t icmp -s 2" "-t udp2 -s 2"; do
	# shellcheck disable=SC2086
	start $args
	wait $pid && between "$(value vm0_mbps)" 3 100000 && between "$(value vm1_mbps)" 3 100000 && namespaces_gone
	ok $? "$args ($(value vm0_mbps) and $(value vm1_mbps) Mbit/s)"
done

# --- a guest with another qdisc, several flows ---
start -n 1 -w 50 -s 2 -t udp2 -g fq_codel -f 6
wait $pid && [ "$(value qdisc)" = fq_codel ]
ok $? "a guest whose qdisc is fq_codel ($(value qdisc))"
# 50 Mbit/s are 4,195 frames of 1,490 bytes a second.
between "$(value vm0_received)" 6300 100000
ok $? "what all flows received is counted ($(value vm0_received))"

# --- ends in mid-flood ---
for kind in qemu container libvirt; do
	if [ $kind = libvirt ] && ! has_libvirt; then
		for what in boot INT left KILL left; do
			skip "libvirt: $what" "libvirtd is not installed"
		done
		continue
	fi
	if [ $kind = libvirt ]; then
		start -c libvirt -w 50 -s 2
		wait $pid && between "$(value total_mbps)" 49 50.5
		ok $? "two VMs of libvirtd's flood ($(value total_mbps) Mbit/s)"
	fi
	for signal in INT KILL; do
		start -c $kind -w 50 -s 60
		within 90 ready
		inventory
		kill -$signal $pid
		! { wait $pid; } 2>/dev/null && grep -q '^ready' "$out/log"
		ok $? "$kind: ended in mid-flood by SIG$signal"
		nothing_left
		ok $? "$kind: nothing is left after SIG$signal"
	done
done

# --- both the lab and its janitor killed ---
start -s 60
within 90 ready
inventory
kill -STOP $pid
# Not by /proc/PID/task/PID/children: that list may miss some while others end.
pkill -KILL -P $pid -x dvl-janitor
kill -KILL $pid
{ wait $pid; } 2>/dev/null
! namespaces_gone
ok $? "without the janitor namespaces stay"
"$lab" clean >>"$out/log" 2>>"$out/err" && nothing_left
ok $? "clean removes them"

# --- what a libvirtd that was killed leaves ---
# A process stands for the domain's QEMU; no run has this pid.
groups=$(mktemp -d -p /sys/fs/cgroup/unified 2>/dev/null || mktemp -d -p /sys/fs/cgroup 2>/dev/null)
if rmdir "${groups:-/nowhere}" 2>/dev/null && [ -e "${groups%/*}/cgroup.procs" ]; then
	group=${groups%/*}/machine/qemu-1-$$.libvirt-qemu
	ip netns add dvl4190000-host
	mkdir -p "$group/emulator"
	nsenter --net=/run/netns/dvl4190000-host sleep 60 &
	{ echo $! >"$group/emulator/cgroup.procs" && "$lab" clean >>"$out/log" 2>>"$out/err" && wait $!; } 2>/dev/null
	! [ -e "$group" ] && ! [ -e /run/netns/dvl4190000-host ]
	ok $? "clean removes a domain's control groups"
else
	skip "clean removes a domain's control groups" "no cgroup v2 that can be written to"
fi
tap_done
