# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# rx_lib.sh: what VMs receive. Two servers flood two containers through the uplink. Sourced; the test has cases case_NAME, and
# calls rx_cases.
#
#	servers (stand-in VMs) -- n0, n1 -- brs -- srv0 | up0 -- br0 -- va, vb | ga, gb (containers)

# shellcheck disable=SC2154 # root is the test's
# shellcheck source=tests/system/undivided_lib.sh
. "$root/tests/system/undivided_lib.sh"

vms=divvy-dp-vms-$$
flood_rate=3000 # frames a second
early_on=va
veth_queues=
vnics=veths     # make_veths() and the like: what va and vb are
tx_mbit=1000    # the uplink's capacity the other way round
mac_a=02:00:00:77:0a:01 mac_b=02:00:00:77:0a:02
declare -A to_mac to_ip # what the servers send to

make_rx_topology() {
	local trunk=srv0 # what the servers' bridge leads to
	to_mac=([web]=$mac_a [batch]=$mac_b)
	to_ip=([web]=10.77.0.11 [batch]=10.77.0.12)
	ip netns add "$host" && ip netns add "$srv" && ip netns add "$vms" || bail "cannot make a network namespace"
	for ns in "$host" "$srv" "$vms"; do
		ip netns exec "$ns" sysctl -qw net.ipv6.conf.default.disable_ipv6=1 net.ipv6.conf.all.disable_ipv6=1 2>/dev/null
	done
	ip -n "$host" -b - <<-END || bail "cannot make the host's links"
		link set lo up
		link add up0 type veth peer name srv0 netns $srv
		link set up0 up
	END
	"make_$vnics" || bail "cannot make the vNICs"
	ip -n "$srv" -b - <<-END || bail "cannot make the servers' links"
		link add brs type bridge
		tuntap add n0 mode tap vnet_hdr
		tuntap add n1 mode tap vnet_hdr
		link set n0 master brs up
		link set n1 master brs up
		link set srv0 up
		link set $trunk up master brs
		link set brs address 02:00:00:77:09:01 up
		addr add 10.77.0.1/24 dev brs
	END
}

# Containers behind veths, bridged.
make_veths() {
	ip -n "$host" -b - <<-END || return
		link add br0 type bridge
		link add va $veth_queues type veth peer name ga netns $vms address $mac_a
		link add vb $veth_queues type veth peer name gb netns $vms address $mac_b
		link set up0 master br0
		link set va master br0 up
		link set vb master br0 up
		link set br0 up
	END
	ip -n "$vms" -b - <<-END || return
		addr add 10.77.0.11/24 dev ga
		link set ga up
		link set gb up
	END
	# Nothing is flooded to all ports, whatever the containers send.
	bridge -n "$host" fdb replace $mac_a dev va master static
	bridge -n "$host" fdb replace $mac_b dev vb master static
}

# Containers behind veths with several queues.
make_queues() {
	veth_queues="numtxqueues 4 numrxqueues 4"
	make_veths
	veth_queues=
}

make_routed() {
	to_ip=([web]=10.77.1.2 [batch]=10.77.2.2)
	to_mac=([web]=02:00:00:77:09:02 [batch]=02:00:00:77:09:02)
	ip -n "$host" -b - <<-END && ip -n "$vms" -b - <<-END2 && in_host sysctl -qw net.ipv4.ip_forward=1
		link set up0 address 02:00:00:77:09:02
		addr add 10.77.0.2/24 dev up0
		link add va type veth peer name ga netns $vms address $mac_a
		link add vb type veth peer name gb netns $vms address $mac_b
		addr add 10.77.1.1/24 dev va
		addr add 10.77.2.1/24 dev vb
		link set va up
		link set vb up
		neigh add 10.77.1.2 lladdr $mac_a dev va nud permanent
		neigh add 10.77.2.2 lladdr $mac_b dev vb nud permanent
	END
		addr add 10.77.1.2/24 dev ga
		addr add 10.77.2.2/24 dev gb
		link set ga up
		link set gb up
	END2
}

# The uplink is a trunk, and the vNICs are ports of VLAN 10 of the bridge.
make_vlan() {
	make_veths && ip -n "$host" link set br0 type bridge vlan_filtering 1 && bridge -n "$host" -b - <<-END &&
		vlan add dev up0 vid 10
		vlan add dev va vid 10 pvid untagged
		vlan add dev vb vid 10 pvid untagged
		fdb replace $mac_a dev va vlan 10 master static
		fdb replace $mac_b dev vb vlan 10 master static
	END
		ip -n "$srv" link add link srv0 name srv10 type vlan id 10 && trunk=srv10
}

# Open vSwitch in place of the bridge.
make_ovs() {
	command -v ovs-dpctl >/dev/null && in_host ovs-dpctl add-dp dp0 && make_veths || return
	ip -n "$host" link del br0
	in_host ovs-dpctl add-if dp0 up0 && in_host ovs-dpctl add-if dp0 va && in_host ovs-dpctl add-if dp0 vb &&
		in_host ovs-dpctl add-flow dp0 "in_port(1),eth(src=00:00:00:00:00:00/00:00:00:00:00:00,dst=$mac_a),eth_type(0x0800),ipv4()" 2 &&
		in_host ovs-dpctl add-flow dp0 "in_port(1),eth(src=00:00:00:00:00:00/00:00:00:00:00:00,dst=$mac_b),eth_type(0x0800),ipv4()" 3
}

remove_rx_topology() {
	ip netns del "$vms" 2>/dev/null
	remove_topology
}

spec() { # keys of a, of b
	cat >"$tmp/divvy.yaml" <<-END
		uplinks:
		  - name: up0
		    capacity: ${tx_mbit}mbit
		    rx_capacity: ${capacity_mbit}mbit
		    overhead: 0
		    devices:
		      - {name: a, nic: va, share: 60$1}
		      - {name: b, nic: vb, share: 40$2}
	END
}

apply_spec() {
	divvy apply "$tmp/divvy.yaml" >"$tmp/apply.log" 2>&1 || {
		diag <"$tmp/apply.log"
		return 1
	}
}

# The rx of a device in the status: a field that is a string, a number or a word.
rx_of() { # device, field
	json | grep -o "{\"name\":\"$1\".*" | sed "s/},{\"name\".*//" | grep -o '"rx":{[^}]*}' | grep -o "\"$2\":[^,}]*" |
		head -n 1 | sed 's/^[^:]*://; s/"//g'
}

rx_is() { # device, field, value
	[[ $(rx_of "$1" "$2") == "$3" ]]
}

# Each sends more than the capacity. At full speed two floods take all that an emulated kernel has: 15 of 20 Mbit/s came out then.
servers() { # start | stop
	local v
	for v in web batch; do
		if [[ $1 == start ]]; then
			vm_ask $v "flood 600 $frame ${to_mac[$v]} 10.77.0.1 ${to_ip[$v]} ${port[$v]} rate=$flood_rate"
		else
			vm_ask $v stop
			vm_reply $v
		fi
	done
}

got=got_by_containers # sets got_a, got_b (bytes), and got_us, the time
got_by_containers() {
	local words
	words=$(ip netns exec "$vms" cat /proc/net/dev | sed -n 's/^ *g\([ab]\): *\([0-9]*\) .*/\1=\2/p')
	got_us=${EPOCHREALTIME/./}
	got_a=${words#*a=} got_a=${got_a%%$'\n'*}
	got_b=${words#*b=} got_b=${got_b%%$'\n'*}
}

holds_capacity() {
	((capacity_mbit * 850 <= kbit && kbit <= capacity_mbit * 1080))
}

# "TIME A B": the frames that each server has sent, and when that was read, microseconds; empty: not known. A process of its own
# takes milliseconds to start, under emulation tens of them: it reads the time itself.
offered=offered_by_servers
offered_by_servers() {
	# shellcheck disable=SC2016 # that shell's
	ip netns exec "$srv" bash -c 'mapfile -t l </proc/net/dev; printf "%s\n" "${EPOCHREALTIME/./}" "${l[@]}"' |
		sed -n 's/^ *n[01]: *[0-9]* *\([0-9]*\) .*/\1/; /^[0-9]*$/p' | xargs
}

# Whether each server, which does nothing but send, sent what it should from one reading to the other. It does not make up for
# what it missed (vm/flood.h): while it is held up, its queue is empty, and the other VM has its share.
sent_all() { # before, after
	local -a a b
	local i
	read -r -a a <<<"$1"
	read -r -a b <<<"$2"
	for i in 1 2; do
		((b[i] - a[i] >= flood_rate * (b[0] - a[0]) * 98 / 100000000)) || return
	done
}

# One window of three has to be right (measure_shares() of lib.sh says why). One in which a server was held up tells nothing of
# shares: it is not counted, so often at most.
not_counted_most=9

measure() { # permille of a that is expected
	local try=0 left=$not_counted_most a b t sent word
	sleep 0.3
	while ((try < 3)); do
		$got
		a=$got_a b=$got_b t=$got_us sent=$($offered)
		sleep $window_seconds
		$got
		a=$((got_a - a)) b=$((got_b - b)) t=$((got_us - t)) word=counted
		((++try))
		if [[ -n $sent ]] && ! sent_all "$sent" "$($offered)" && ((left-- > 0)); then
			((try--))
			word="not counted: a server was held up"
		fi
		share_permille=$((a + b > 0 ? (1000 * a + (a + b) / 2) / (a + b) : 0))
		kbit=$((8000 * (a + b) / t))
		echo "# window: share of a $((share_permille / 10)).$((share_permille % 10)) %, total $kbit kbit/s; $word"
		(($1 - 10 > share_permille || share_permille > $1 + 10)) || ! holds_capacity || break
	done
}

check_rx_shares() { # of which case, permille of a
	measure "$2"
	check "$1: shares are as they should be, within 1 point" "$2 - 10 <= share_permille && share_permille <= $2 + 10"
	holds_capacity
	check "$1: the capacity is used and kept" "$? == 0"
}

tc_on_host() { # tc commands, one an argument
	printf '%s\n' "$@" | tc -n "$host" -b -
}

ping_a() { # three pings from a to the server
	ip netns exec "$vms" ping -q -c 3 -i 0.1 -W 1 10.77.0.1 >"$tmp/ping.log" 2>&1
}

divided() { # vNIC: divvy has a filter at its egress
	local parent
	for parent in "parent d177:" "parent 1:" egress; do
		# An `ingress` shows its filters there, too.
		[[ $parent != egress ]] || tc -n "$host" qdisc show dev "$1" | grep -q clsact || continue
		# shellcheck disable=SC2086 # words
		tc -n "$host" filter show dev "$1" $parent 2>/dev/null | grep -q divvy && return 0
	done
	return 1
}

qdiscs() { # of the vNICs, without what a kernel numbers anew
	tc -n "$host" qdisc show | grep -E 'dev (va|vb) ' | sed -E 's/ refcnt [0-9]+//' | sort
}

run_case() {
	: >"$tmp/divvyd.log"
	! declare -F "make_$1" >/dev/null || local vnics=$1
	make_rx_topology
	for v in web batch; do
		host=$srv vm_start $v
		vm_ready $v
	done
	divvy_start
	"case_$1"
	divvy release --all 2>&1 | diag
	await 3 gone
	check "$1: nothing is left behind" "$? == 0" || qdiscs | diag
	divvy_stop
	vm_stop_all
	remove_rx_topology
}

gone() { # divvy's own: others' roots and clsact stay
	! ip -n "$host" -o link show type ifb | grep -q divvy && ! qdiscs | grep -qE 'd177|ingress'
}

cleanup() {
	trap - EXIT INT TERM
	divvy_stop
	vm_stop_all
	remove_rx_topology
	rm -rf "$tmp"
}

rx_cases() { # names
	local c
	lib_init
	for c; do
		run_case "$c"
	done
	tap_done
}
