#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# datapath.sh [--plain] [CASE...]: does the data path do on this kernel what divvy promises? Prints TAP. A case is
# bridge, br_netfilter, routed, killed, leaf or segments; or one of the first three with the kind of the VMs, tap or vhost, and the
# number of their queues: routed/vhost/4.
#
# Two stand-ins for VMs (tapflood.c) flood, on a bridge, on a bridge with br_netfilter on, and routed with
# masquerading. With backpressure: shares 60:40 at the receiver, no queue drops anything, and every frame that a
# VM could write arrives. Without it the same flood must lose frames, or the test would see nothing.
#
# --plain does the same by tc and tapflood's own TUNSETSNDBUF, without divvy: it tells what this kernel can do
# from what divvy does. Runs as root, in two network namespaces of its own; nothing else is touched.
# NO_SKIP=1: what this machine cannot do is a failure.
set -u

root=$(cd "$(dirname "$0")/../.." && pwd)
plain_sndbuf=250000 # bytes
# shellcheck source=tests/system/lib.sh
. "$root/tests/system/lib.sh"

# u32 at both places: kernels without skbedit or matchall have it. VMs are told apart by port.
plain_start() {
	ip -n "$host" -b - <<-END && tc -n "$host" -b - <<-END2 || bail "tc cannot do it by hand"
		link add ifb0 type ifb
		link set ifb0 txqueuelen 1000 up
	END
		qdisc add dev ifb0 root handle 1: htb default 12 r2q 100
		class add dev ifb0 parent 1: classid 1:1 htb rate ${capacity_mbit}mbit burst 50k cburst 50k
		class add dev ifb0 parent 1:1 classid 1:10 htb rate 12mbit ceil ${capacity_mbit}mbit burst 30k cburst 30k quantum 96000
		class add dev ifb0 parent 1:1 classid 1:11 htb rate 8mbit ceil ${capacity_mbit}mbit burst 20k cburst 20k quantum 64000
		class add dev ifb0 parent 1:1 classid 1:12 htb rate 8kbit ceil ${capacity_mbit}mbit quantum 64000
		filter add dev ifb0 parent 1: protocol ip pref 1 u32 match ip dport ${port[web]} 0xffff flowid 1:10
		filter add dev ifb0 parent 1: protocol ip pref 1 u32 match ip dport ${port[batch]} 0xffff flowid 1:11
		qdisc add dev n0 clsact
		qdisc add dev n1 clsact
		filter add dev n0 ingress pref 65000 u32 match u32 0 0 action mirred egress redirect dev ifb0
		filter add dev n1 ingress pref 65000 u32 match u32 0 0 action mirred egress redirect dev ifb0
	END2
}

plain_apply() { # on | off
	local v bytes=$plain_sndbuf
	[[ $1 == on ]] || bytes=2147483647
	for v in web batch; do
		vm_ask $v "sndbuf $bytes"
		vm_reply $v
		[[ $REPLY == "sndbuf=$bytes" ]] || return 1
	done
}

plain_release() {
	plain_apply off
	tc -n "$host" qdisc del dev n0 clsact
	tc -n "$host" qdisc del dev n1 clsact
	ip -n "$host" link del ifb0
}

plain_stop() {
	:
}

# status and discover know of both VMs whether vhost-net serves them.
vhost_is_told() { # tap | vhost
	local word=false
	[[ $1 == tap ]] || word=true
	is web vhost $word && is batch vhost $word &&
		[[ $(divvy discover --json | tr -d ' \n' | grep -o "\"vhost\":$word" | wc -l) -eq 2 ]]
}

run_topology() { # topology, or topology/kind/queues
	local kind
	IFS=/ read -r _ kind queues <<<"$1"
	use_kind "${kind:-tap}"
	queues=${queues:-1}
	if [[ $1 == br_netfilter* ]]; then
		modprobe br_netfilter 2>/dev/null
		[[ -d /proc/sys/net/bridge ]] || {
			skip "$1" "no br_netfilter on this machine"
			return
		}
	fi
	set_up "$1"
	arrivals_start
	flood measure_shares 3
	check_shares "$1"
	[[ $backend != divvy ]] || vhost_is_told "$vm_kind"
	check "$1: divvy says whether it is vhost" "$? == 0"
	check "$1: backpressure is felt" "again_web > 0 && again_batch > 0"
	check_lossless "$1"
	if [[ $1 == br_netfilter* ]]; then
		local hooked
		hooked=$(in_host nft list counters table ip divvy_test | awk '$1 == "packets" { print $2 }')
		check "$1: frames pass IP's hooks" "${hooked:-0} == written_web + written_batch"
	fi

	"${backend}_apply" off
	check "$1: backpressure is off" "$? == 0"
	flood "sleep 0.4" 0
	echo "# lost $lost, dropped $drops"
	check "$1: without it the same flood loses frames" "lost > 0 && drops > 0"
	tear_down "$1"
}

kill_and_restart() { # during a flood
	divvyd_kill
	measure_shares
	check_shares "killed: without divvyd"
	divvyd_launch
	await 5 divvy_bound on
	check "killed: the next divvyd takes over, without an apply" "$? == 0"
	measure_shares
	check_shares "killed: after it"
}

run_killed() {
	[[ $backend == divvy ]] || return
	set_up killed
	flood kill_and_restart 3
	check_lossless killed
	tear_down killed
}

leaf_lines() { # of the devices' queues
	tc -n "$host" qdisc show dev divvy0 | grep ' parent ' | grep -v ' parent d177:fffe '
}

leaves_are() { # kind
	[[ $(leaf_lines | awk '{ print $2 }' | paste -sd ' ') == "$1 $1" ]]
}

leaf_handles() {
	leaf_lines | awk '{ print $3 }' | paste -sd ' '
}

drained() {
	! tc -n "$host" -s qdisc show dev divvy0 | grep -q 'backlog [1-9]'
}

counted_by_divvy() {
	divvy status --json | tr -d ' \n' | grep -o '"dropped_packets":[0-9]*' | awk -F: '{ n += $2 } END { print n + 0 }'
}

# As the kernel says, not as divvyd thinks.
kind_without_backpressure() {
	if in_host tc qdisc add dev lo root handle 99: fq_codel 2>/dev/null; then
		in_host tc qdisc del dev lo root
		echo fq_codel
	else
		echo bfifo
	fi
}

restart_over_another_leaf() { # kind that shall be there after it
	divvyd_kill
	tc -n "$host" qdisc replace dev divvy0 parent "$(leaf_lines | awk '{ print $5; exit }')" pfifo limit 10
	divvyd_launch
	await 5 leaves_are "$1"
}

counts_agree() { # drops before; sets drops, counted: the two are read one after the other
	drops=$(($(dropped) - $1))
	counted=$(counted_by_divvy)
	((counted > 0 && counted == drops))
}

# A device that loses and gains backpressure has the queue that fits, and so has the next divvyd's.
run_leaf() {
	local kind handles before counted
	[[ $backend == divvy ]] || return
	set_up leaf
	kind=$(kind_without_backpressure)
	echo "# without backpressure: $kind"
	check "leaf: a bfifo under backpressure" "$(leaves_are bfifo; echo $?) == 0"
	divvy_apply off
	check "leaf: without it, what the kernel has" "$(leaves_are "$kind"; echo $?) == 0"
	handles=$(leaf_handles) before=$(dropped)
	flood measure_shares 0
	check_shares "leaf: dropping"
	await 5 drained
	await 5 counts_agree "$before"
	echo "# lost $lost, dropped $drops, of which divvy status counts $counted"
	check "leaf: divvy status counts what is dropped" "counted > 0 && counted == drops"
	divvyd_kill
	divvyd_launch
	await 5 divvy_bound off
	check "leaf: the next divvyd keeps it" "$([[ $handles == "$(leaf_handles)" ]]; echo $?) == 0"
	restart_over_another_leaf "$kind"
	check "leaf: one of another kind is replaced" "$? == 0"
	divvy_apply on
	check "leaf: a bfifo again" "$(leaves_are bfifo; echo $?) == 0"
	flood measure_shares 3
	check_shares "leaf: not dropping"
	check_lossless leaf
	tear_down leaf
}

# A guest leaves it to the host to cut TCP into segments. Each counts, also where the kernel counts none.
run_segments() {
	local frame=20054 gso=1448 segments=14 v written
	[[ $backend == divvy ]] || return
	set_up bridge/segments
	arrivals_start
	flood "sleep 0.6" 5
	check_lossless segments
	await 5 drained
	for v in web batch; do
		written=written_$v
		echo "# $v: offered $(of $v offered_packets), sent $(of $v sent_packets) of ${!written} times $segments"
		check "segments: status counts those that $v sent" "$(of $v sent_packets) == ${!written} * segments"
	done
	tear_down segments
}

if [[ ${1:-} == --plain ]]; then
	backend=plain
	shift
fi
lib_init
(($# > 0)) || set -- bridge br_netfilter routed killed leaf segments
for topology; do
	vm_kind=tap queues=1
	case $topology in
	killed) run_killed ;;
	leaf) run_leaf ;;
	segments) run_segments ;;
	*) run_topology "$topology" ;;
	esac
done
tap_done
