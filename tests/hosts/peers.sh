#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# peers.sh SECONDS REPEAT UNDER...: runs inside a test host (run.sh) and measures how two senders share a wire under what
# others use for that, and under divvy. Called by lab/scenarios/peers-host.sh; doc/peers-host.md says what is run and
# where each command comes from.
#
# Theory of Operation. For every repetition, every scheduler and either kind of sender everything is made anew: the
# namespaces below, the links, the senders, the scheduler. Then come the steps of that kind of sender, and all is removed.
#
#	host                              wire               switch                    srv-web, srv-batch
#	web   -- n0 --+                                                  +-- web   --- eth0 10.77.2.1
#	              +- br0 -- up0 ----- w0 - brw - w1 ---- s0 -- brs --+
#	batch -- n1 --+                          TBF on w1               +-- batch --- eth0 10.77.2.2
#
# as in lab/net/topo.h. A sender is a program at a tap (tests/system/tapflood.c: UDP as fast as the tap takes it), or a
# namespace behind a veth pair with iperf3 in it. Web sends to srv-web only and batch to srv-batch only: what was
# delivered to whom is what the two ports of the switch have sent, read from /proc/net/dev by a process that lives in
# there (no fork between clock and counters).
#
# Raw counts only, in lines that begin with @; peers_summary.pl makes figures of them:
#	@kernel RELEASE, @run CAPACITY WIRE FRAME            kbit/s, bytes
#	@state REPETITION UNDER, @command TEXT               set up anew, by these commands
#	@phase udp|tcp STEP ... @end                         in that state:
#	@sends web|batch ...
#	@at web|batch US BYTES FRAMES CPU_TICKS              samples: before the traffic, where the measured window begins,
#	                                                     where it ends, when all has arrived
#	@written web|batch FRAMES EAGAINS SNDBUF             what the tap has taken, how often it would not, its send buffer
#	@rtt web|batch MS...                                 of pings within the window
#	@drops QUEUES WIRE                                   packets, over the whole step
# Everything else is progress.
set -u

root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/system/lib.sh
. "$root/tests/system/lib.sh"

(($# >= 3)) || bail "usage: peers.sh SECONDS REPEAT UNDER..."
seconds=$1 repeat=$2
shift 2
unders=("$@")
warm_up=2    # seconds that are not measured, as everywhere in the lab
wire_mbit=100
capacity=99500 # kbit/s: what whoever shapes at the uplink is told; as in the lab, a little less than the wire
frame=1514   # bytes
wire=divvy-dp-wire-$$ switch=divvy-dp-switch-$$ srv_batch=divvy-dp-srv2-$$
declare -A netns=([web]=divvy-dp-web-$$ [batch]=divvy-dp-batch-$$) server_netns=([web]=$srv [batch]=$srv_batch)
declare -A server=([web]=10.77.2.1 [batch]=10.77.2.2) sender=([web]=10.77.1.1 [batch]=10.77.1.2)
declare -A server_mac=([web]=02:76:00:00:00:01 [batch]=02:76:00:00:00:02)
declare -A iperf_pid iperf_server_pid
meter_pid=
done_steps=0

# --- the network -----------------------------------------------------------------------------------
bridge_type="type bridge stp_state 0 forward_delay 0 mcast_snooping 0"

make_namespaces() { # tap | veth
	local n
	[[ $1 == veth ]] || set -- # a tap's sender needs no namespace
	for n in "$host" "$wire" "$switch" "$srv" "$srv_batch" ${1:+"${netns[@]}"}; do
		echo "netns add $n"
	done | ip -b - || bail "cannot make the network namespaces"
}

make_wire() {
	ip -n "$wire" -b - <<-END && ip -n "$switch" -b - <<-END2 || bail "cannot make the wire"
		link add brw $bridge_type
		link add w0 type veth peer name up0 netns $host
		link add w1 type veth peer name s0 netns $switch
		link set w0 master brw up
		link set w1 master brw up
		link set brw up
	END
		link add brs $bridge_type
		link add web type veth peer name eth0 address ${server_mac[web]} netns $srv
		link add batch type veth peer name eth0 address ${server_mac[batch]} netns $srv_batch
		link set s0 master brs up
		link set web master brs up
		link set batch master brs up
		link set brs up
	END2
	# Behind w1 a packet is a frame of at most the MTU, as behind a NIC. The queue is as in lab/net/topo.c. The bucket is
	# 20 ms long: so far the wire makes up for it when the machine stops its test host, as a real one goes on meanwhile.
	ip netns exec "$wire" ethtool -K w1 tso off gso off tx-udp-segmentation off &&
		tc -n "$wire" qdisc add dev w1 root handle 1: tbf rate ${wire_mbit}mbit burst $((wire_mbit * 2500))b limit 625000b ||
		bail "cannot limit the wire"
}

# Without an address a server throws away what comes for it, without a word: right for floods.
make_servers() { # tap | veth
	local v
	for v in web batch; do
		{
			[[ $1 == tap ]] || echo "addr add ${server[$v]}/16 dev eth0"
			echo "link set eth0 up"
		} | ip -n "${server_netns[$v]}" -b - || bail "cannot make a server"
	done
}

# Every bridge knows where the servers are: nothing is flooded to both.
tell_bridges() {
	printf 'fdb replace %s dev up0 master static\n' "${server_mac[@]}" | bridge -n "$host" -b - &&
		printf 'fdb replace %s dev w1 master static\n' "${server_mac[@]}" | bridge -n "$wire" -b - &&
		printf 'fdb replace %s dev %s master static\n' "${server_mac[web]}" web "${server_mac[batch]}" batch |
		bridge -n "$switch" -b - || bail "cannot tell the bridges where the servers are"
}

make_host() { # tap | veth
	local v
	{
		echo "link add br0 $bridge_type"
		for v in web batch; do
			if [[ $1 == tap ]]; then
				echo "tuntap add ${tap[$v]} mode tap vnet_hdr"
			else
				echo "link add ${tap[$v]} type veth peer name eth0 netns ${netns[$v]}"
			fi
			echo "link set ${tap[$v]} master br0 up"
		done
		echo "link set up0 master br0 up"
		echo "link set br0 up"
	} | ip -n "$host" -b - || bail "cannot make the host's links"
	[[ $1 == veth ]] || return 0
	for v in web batch; do
		ip -n "${netns[$v]}" -b - <<-END || bail "cannot make a container"
			addr add ${sender[$v]}/16 dev eth0
			link set eth0 up
		END
	done
}

remove_topology() {
	local n
	for n in "$host" "$wire" "$switch" "$srv" "$srv_batch" "${netns[@]}"; do
		[[ ! -e /run/netns/$n ]] || echo "netns del $n"
	done | ip -b -
}

# --- the meter: "US BYTES FRAMES BYTES FRAMES" (web, batch) for each line it is sent ---------------------
meter_start() {
	coproc METER { exec nsenter --net="/run/netns/$switch" bash -c '
		while read -r; do
			now=$EPOCHREALTIME
			mapfile -t lines </proc/net/dev
			for line in "${lines[@]}"; do
				read -r name _ _ _ _ _ _ _ _ bytes frames _ <<<"$line"
				case $name in
				web:) web="$bytes $frames" ;;
				batch:) batch="$bytes $frames" ;;
				esac
			done
			echo "${now/./} $web $batch"
		done'; }
	# shellcheck disable=SC2153
	meter_pid=$METER_PID
}

meter_stop() {
	[[ -n $meter_pid ]] || return 0
	kill "$meter_pid" 2>/dev/null
	wait "$meter_pid" 2>/dev/null
	meter_pid=
}

# shellcheck disable=SC2034
meter_read() { # sets now, bytes_web, frames_web, bytes_batch, frames_batch
	echo >&"${METER[1]}"
	read -r -t 20 -u "${METER[0]}" now bytes_web frames_web bytes_batch frames_batch || bail "the meter is silent"
}

cpu_ticks() { # pid; sets ticks: user and system time, in hundredths of a second
	local stat words
	ticks=0
	read -r stat 2>/dev/null <"/proc/$1/stat" || return 0
	read -ra words <<<"${stat##*) }"
	ticks=$((words[11] + words[12]))
}

sample() {
	local v bytes frames pid
	meter_read
	for v in web batch; do
		pid=${vm_pid[$v]:-${iperf_pid[$v]:-0}}
		bytes=bytes_$v frames=frames_$v
		cpu_ticks "$pid"
		echo "@at $v $now ${!bytes} ${!frames} $ticks"
	done
}

# Until nothing has come for a while, 3 s at most.
drain() {
	local before=
	for _ in {1..30}; do
		meter_read
		[[ $before != "$frames_web $frames_batch" ]] || return 0
		before="$frames_web $frames_batch"
		sleep 0.1
	done
}

wire_dropped() {
	tc -n "$wire" -s qdisc show dev w1 root | sed -n 's/.*(dropped \([0-9]*\).*/\1/p'
}

# --- schedulers: each by the commands that its own side runs ------------------------------------------------
run() { # command...
	echo "@command $*"
	in_host "$@" || bail "failed: $*"
}

share_kbit() { # web | batch
	case $1 in
	web) echo $((capacity * 60 / 100)) ;;
	batch) echo $((capacity * 40 / 100)) ;;
	esac
}

under_nothing() {
	:
}

# What Proxmox VE does for "rate=" of a VM's network device. There, rate is in MiB/s; two decimals, as one types it.
under_proxmox() {
	local v rate burst=$((1024 * 1024))
	for v in web batch; do
		rate=$(($(share_kbit $v) * 125))                            # bytes a second
		rate=$(((rate * 100 + 512 * 1024) / (1024 * 1024)))         # hundredths of a MiB
		echo "@command (net0: virtio,bridge=br0,rate=$((rate / 100)).$((rate % 100)))"
		rate=$((rate * 1024 * 1024 / 100))
		run tc qdisc add dev "${tap[$v]}" root handle 1: htb default 1
		run tc class add dev "${tap[$v]}" parent 1: classid 1:1 htb rate ${rate}bps burst ${burst}b
		run tc qdisc add dev "${tap[$v]}" handle ffff: ingress
		run tc filter add dev "${tap[$v]}" parent ffff: prio 50 basic police rate ${rate}bps burst ${burst}b mtu 64kb drop
	done
}

# What libvirt does for <outbound>; without burst='' the bucket is one second of the rate. peak does nothing there.
under_libvirt() {
	local v average
	for v in web batch; do
		average=$(($(share_kbit $v) / 8))
		echo "@command (<bandwidth><outbound average='$average'/></bandwidth>)"
		run tc qdisc add dev "${tap[$v]}" ingress
		run tc filter add dev "${tap[$v]}" parent ffff: protocol all u32 match u32 0 0 \
			police rate ${average}kbps burst ${average}kb mtu 64kb drop flowid :1
	done
}

# As lab/schedulers/administrator.c, and a qdisc named for the leaves: HTB makes them pfifo, whatever net.core.default_qdisc is.
htb_with_leaves() { # qdisc...
	local v minor=10
	run tc qdisc add dev up0 root handle 1: htb
	run tc class add dev up0 parent 1: classid 1:1 htb rate ${capacity}kbit ceil ${capacity}kbit
	for v in web batch; do
		run tc class add dev up0 parent 1:1 classid 1:$minor htb rate "$(share_kbit $v)kbit" ceil ${capacity}kbit
		run tc qdisc add dev up0 parent 1:$minor handle $minor: "$@"
		run tc filter add dev up0 parent 1: protocol ip u32 match ip src "${src_ip[$v]}/32" flowid 1:$minor
		minor=$((minor + 10))
	done
}

under_htb+fq_codel() {
	htb_with_leaves fq_codel
}

under_htb+sfq() {
	htb_with_leaves sfq perturb 10
}

# Equal parts for source addresses is all that CAKE can be told; it has no shares.
under_cake() {
	run tc qdisc add dev up0 root cake bandwidth ${capacity}kbit dual-srchost
}

under_device() {
	cat >"$tmp/divvy.yaml" <<-END
		uplinks:
		  - name: up0
		    capacity: ${capacity}kbit
		    overhead: 0
		    devices:
		      - {name: web, nic: n0, share: 60}
		      - {name: batch, nic: n1, share: 40}
	END
	divvy_start
	echo "@command divvy apply divvy.yaml"
	sed 's/^/@command (divvy.yaml) /' "$tmp/divvy.yaml"
	divvy apply "$tmp/divvy.yaml" >"$tmp/apply.log" 2>&1 || {
		diag <"$tmp/apply.log"
		bail "divvy refuses the specification"
	}
	await 10 both_bound || bail "divvy does not find the senders"
}

both_bound() {
	[[ $(divvy status --json | tr -d ' \n' | grep -o '"state":"bound"' | wc -l) == 2 ]]
}

# --- steps -----------------------------------------------------------------------------------------------
step() { # udp | tcp, name, sender...
	local traffic=$1 name=$2 before="$queues $on_wire" v
	shift 2
	done_steps=$((done_steps + 1))
	echo "# $done_steps of $((repeat * ${#unders[@]} * 3)): $name, under $under"
	echo "@phase $traffic $name"
	echo "@sends $*"
	sample
	for v in "$@"; do
		"${traffic}_start" "$v"
	done
	sleep $warm_up
	sample
	sleep $((seconds - warm_up))
	sample
	for v in "$@"; do
		"${traffic}_end" "$v"
	done
	drain
	sample
	queues=$(dropped) on_wire=$(wire_dropped)
	echo "@drops $((queues - ${before% *})) $((on_wire - ${before#* }))"
	echo "@end"
}

udp_start() { # sender
	vm_ask "$1" "flood 60 $frame ${server_mac[$1]} ${src_ip[$1]} ${server[$1]} ${port[$1]}"
}

udp_end() { # sender
	vm_ask "$1" stop
	vm_reply "$1"
	[[ $REPLY == written=* ]] || bail "sender $1: $REPLY"
	local taken=$REPLY
	vm_ask "$1" sndbuf
	vm_reply "$1"
	echo "@written $1 $(field written "$taken") $(field again "$taken") $(field sndbuf "$REPLY")"
}

tcp_start() { # sender
	local ns=${netns[$1]}
	ip netns exec "$ns" iperf3 -c "${server[$1]}" -t 60 >"$tmp/iperf-$1" 2>&1 &
	iperf_pid[$1]=$!
	{
		sleep $warm_up
		exec ip netns exec "$ns" busybox ping -i 0.1 -w $((seconds - warm_up)) "${server[$1]}"
	} >"$tmp/ping-$1" 2>&1 &
}

tcp_end() { # sender
	kill "${iperf_pid[$1]}"
	wait "${iperf_pid[$1]}" 2>/dev/null
	unset "iperf_pid[$1]"
	echo "@rtt $1 $(sed -n 's/.* time=\([0-9.]*\) ms.*/\1/p' "$tmp/ping-$1" | tr '\n' ' ')"
}

taps() {
	local v
	src_ip=([web]=${sender[web]} [batch]=${sender[batch]})
	for v in web batch; do
		vm_start $v
		vm_ready $v
	done
	"under_$under"
	step udp "UDP flood vs UDP flood" web batch
	step udp "UDP flood, the other idle" web
	vm_stop_all
}

containers() {
	local v
	src_ip=([web]=${sender[web]} [batch]=${sender[batch]})
	for v in web batch; do
		ip netns exec "${server_netns[$v]}" iperf3 -s >/dev/null 2>&1 &
		iperf_server_pid[$v]=$!
	done
	"under_$under"
	step tcp "TCP vs TCP" web batch
	kill "${iperf_server_pid[@]}"
	wait "${iperf_server_pid[@]}" 2>/dev/null
}

try() { # tap | veth
	echo "@state $repetition $under"
	make_namespaces "$1"
	make_wire
	make_servers "$1"
	make_host "$1"
	tell_bridges
	queues=0 on_wire=0
	meter_start
	case $1 in
	tap) taps ;;
	veth) containers ;;
	esac
	divvy_stop
	meter_stop
	remove_topology
}

for under in "${unders[@]}"; do
	declare -F "under_$under" >/dev/null || bail "no scheduler is called $under"
done
[[ $(cat /proc/sys/kernel/hostname) == testhost ]] || bail "this is for a test host: tests/hosts/run.sh"
lib_init
echo "@kernel $(uname -r)"
echo "@run $capacity ${wire_mbit}000 $frame"
for ((repetition = 1; repetition <= repeat; repetition++)); do
	for under in "${unders[@]}"; do
		try tap
		try veth
	done
done
echo "# done"
