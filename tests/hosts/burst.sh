#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# burst.sh [VMS CAPACITY]...: since Linux 6.19 the kernel drops packets that come to a busy qdisc more than 1,000 at once
# (net.core.qdisc_max_burst), and counts them nowhere. So many VMs flood an uplink with frames of 64 bytes; what divvyd counts
# is compared with what the receiver lacks; then the limit that divvyd names is set, and nothing may be lost. For a test host
# with several virtual CPUs; "16 1gbit 32 1gbit 32 10gbit" without arguments. LIMIT=N begins with that limit, so that few VMs
# reach it; SEEN=N is what divvyd reads of it; SECONDS_EACH=N floods for so long, at least 3; FRAME=N has frames of that size;
# KIND=vhost has VMs with vhost-net. Prints TAP.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/system/lib.sh
. "$root/tests/system/lib.sh"

frame=${FRAME:-64}
seconds=${SECONDS_EACH:-4}
first_limit=${LIMIT:-1000}

taps_of() { # how many: the devices of the specification
	local i
	for ((i = 0; i < $1; i++)); do
		echo "      - {name: v$i, nic: t$i, share: 1, backpressure: on}"
	done
}

make_vms() { # how many
	local i n
	for ((i = 0; i < $1; i++)); do
		n=$(printf '%02x' "$i")
		ip -n "$host" tuntap add "t$i" mode tap vnet_hdr
		ip -n "$host" link set "t$i" master br0 up
		tap[v$i]=t$i mac[v$i]=52:54:00:78:00:$n
		vm_start "v$i"
		vm_ready "v$i"
	done
}

burst_dropped() { # of all VMs, as the status says
	json | grep -o '"burst_dropped_packets":[0-9]*' | awk -F: '{ n += $2 } END { print n + 0 }'
}

held() { # packets that all send buffers hold together, at 768 bytes each (core/sizing.c); and the bytes of one
	json | grep -oE '"offered_packets":[0-9]+,"sndbuf_bytes":[0-9]+' | awk -F: '
		$3 > 0 { sum += int(($3 - 1) / 768) + 1; one = $3 }
		END { print sum + 0, one + 0 }'
}

# All VMs flood. Sets written, lost and counted (new ones).
flood_all() { # how many
	local i before r0 end t0 r1 n least="" most=0
	before=$(burst_dropped)
	received
	r0=$rx_web written=0
	for ((i = 0; i < $1; i++)); do
		vm_ask "v$i" "flood $seconds $frame ${dst_mac[web]} 10.77.0.$((100 + i)) 10.77.0.1 ${port[web]}"
	done
	sleep 1
	received
	r1=$rx_web t0=${EPOCHREALTIME/./}
	sleep $((seconds - 2))
	received
	kbit=$((8000 * frame * (rx_web - r1) / (${EPOCHREALTIME/./} - t0)))
	for ((i = 0; i < $1; i++)); do
		read -r -t 60 -u "${vm_out[v$i]}" || bail "v$i does not answer"
		[[ $REPLY == written=* ]] || bail "v$i: $REPLY"
		n=$(field written "$REPLY")
		written=$((written + n)) least=$((n < ${least:-n + 1} ? n : least)) most=$((n > most ? n : most))
	done
	end=$((SECONDS + 10)) # what waits is sent
	until received && ((rx_web - r0 >= written)) || ((SECONDS >= end)); do
		sleep 0.5
		[[ $rx_web != "${last-}" ]] || break
		last=$rx_web
	done
	lost=$((written - (rx_web - r0))) counted=$(($(burst_dropped) - before))
	drops=$(json | grep -o '"dropped_packets":[0-9]*' | awk -F: '{ n += $2 } END { print n + 0 }')
	echo "# $1 VMs: written $written, lost $lost, counted $counted, dropped by the leaves until now $drops"
	echo "# $kbit kbit/s; of one VM $least to $most frames; send buffers hold packets, one has bytes: $(held)"
}

run_case() { # VMs, capacity
	local limit n
	make_topology bridge
	in_host sysctl -qw net.core.netdev_max_backlog=100000 2>/dev/null || sysctl -qw net.core.netdev_max_backlog=100000
	make_vms "$1"
	sysctl -qw "net.core.qdisc_max_burst=$first_limit"
	# Only the host's own network namespace has the file, where divvyd is on a host.
	divvyd_in=(unshare -m sh -c "mount -t tmpfs limit /proc/sys/net/core &&
		echo ${SEEN:-$first_limit} >/proc/sys/net/core/qdisc_max_burst && exec \"\$@\"" -)
	divvy_start
	{
		printf 'uplinks:\n  - name: up0\n    capacity: %s\n    overhead: 0\n    devices:\n' "$2"
		taps_of "$1"
	} >"$tmp/many.yaml"
	divvy apply "$tmp/many.yaml" >"$tmp/said" 2>&1 || bail "apply: $(<"$tmp/said")"
	flood_all "$1"
	read -r n _ < <(held)
	((n == 0 || n > first_limit)) || check "$1 VMs, $2: send buffers hold no more than the limit, and nothing is lost" "lost == 0 && counted == 0"
	check "$1 VMs, $2: what is lost is counted within 1 %" "100 * (lost > counted ? lost - counted : counted - lost) <= lost"
	if ((counted > 0)); then
		sleep 6
		divvy status | grep -m 1 'net.core.qdisc_max_burst (' >"$tmp/said"
		sed 's/^/# /' "$tmp/said"
		limit=$(grep -oE 'qdisc_max_burst=[0-9]+' "$tmp/said")
		grep -q 'the kernel drops packets of VMs before they are scheduled' "$tmp/divvyd.log" && [[ -n $limit ]]
		check "$1 VMs, $2: log and status say so, and what limit ends it" "$? == 0"
		sysctl -qw "net.core.$limit"
		flood_all "$1"
		check "$1 VMs, $2: with that limit nothing is lost" "lost == 0 && counted == 0"
	fi
	divvy_stop
	vm_stop_all
	remove_topology
}

(($# > 0)) || set -- 16 1gbit 32 1gbit 32 10gbit
lib_init
use_kind "${KIND:-tap}"
[[ -e /proc/sys/net/core/qdisc_max_burst ]] || bail "this kernel has no such limit"
while (($# > 1)); do
	run_case "$1" "$2"
	shift 2
done
tap_done
