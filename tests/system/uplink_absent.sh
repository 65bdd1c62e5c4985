#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# uplink_absent.sh [CASE...]: an uplink that goes away, comes back, or is not there when divvyd starts. Prints TAP.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/system/faults_lib.sh
. "$root/tests/system/faults_lib.sh"

present() { # uplink, true | false
	json | grep -q "\"name\":\"$1\",\"present\":$2"
}

class_of_rate() { # Mbit/s: there is a class of that rate
	[[ $(classes | grep -c "rate ${1}Mbit") -ge 1 ]]
}

logged() { # pattern: lines of the log
	grep -cE -- "$1" "$tmp/divvyd.log"
}

up0_add() {
	ip -n "$host" link add up0 address 02:00:00:77:09:02 type veth peer name srv0 netns "$srv" address 02:00:00:77:09:01
	ip -n "$srv" -b - <<-END
		addr add 10.77.0.1/24 dev srv0
		link set srv0 up
	END
	ip -n "$host" -b - <<-END
		link set up0 master br0
		link set up0 up
	END
	bridge -n "$host" fdb replace 02:00:00:77:09:01 dev up0 master static
}

works_meanwhile() { # which case: set, apply and release, with the uplink away
	divvy set web=70 batch=30 >"$tmp/said" 2>&1
	check "$1: set works meanwhile" "$? == 0" || diag <"$tmp/said"
	class_of_rate 14
	check "$1: what was set is in force" "$? == 0" || classes | diag
	divvy set --dry-run web=50 >"$tmp/said" 2>&1
	check "$1: set --dry-run works meanwhile" "$? == 0" || diag <"$tmp/said"
	divvy apply "$tmp/divvy.yaml" >"$tmp/said" 2>&1
	check "$1: apply of what runs works meanwhile" "$? == 0" || diag <"$tmp/said"
	class_of_rate 12
	check "$1: what was applied is in force" "$? == 0" || classes | diag
	sed 's/up0/eth77/' "$tmp/divvy.yaml" >"$tmp/try.yaml"
	divvy apply "$tmp/try.yaml" >"$tmp/said" 2>&1
	check "$1: apply of an uplink that never was there is refused" "$? == 1"
	says said ':[0-9]+: unknown uplink "eth77"'
	check "$1: with its line" "$? == 0" || diag <"$tmp/said"
}

case_gone() { # deleted and made again, while divvyd runs
	ip -n "$host" link del up0
	await 1 present up0 false
	check "gone: status says so within a second" "$? == 0" || json | diag
	divvy status | grep -q 'up0:.*no such interface now'
	check "gone: in words, too" "$? == 0"
	works_meanwhile "gone"
	check "gone: the log says it once" "$(logged 'uplink up0.*not there') == 1" || diag <"$tmp/divvyd.log"
	up0_add
	await 1 present up0 true
	check "back: status says so within a second" "$? == 0" || json | diag
	check "back: the log says it once" "$(logged 'uplink up0.*there again') == 1" || diag <"$tmp/divvyd.log"
	await 1 divvy_bound on
	check "back: the devices are bound" "$? == 0"
	flood measure_shares 10
	check_shares "back"
	check_lossless "back"
	ip -n "$host" link del up0
	await 1 present up0 false
	divvy release batch >"$tmp/said" 2>&1
	check "gone again: release of a device works" "$? == 0" || diag <"$tmp/said"
	! json | grep -q '"name":"batch","nic":"n1"'
	check "gone again: it is released" "$? == 0"
	divvy release --all >"$tmp/said" 2>&1
	check "gone again: release --all works" "$? == 0" || diag <"$tmp/said"
	await 3 untouched
	check "gone again: nothing is left" "$? == 0"
}

case_renamed() { # to another name and back
	ip -n "$host" link set up0 name wan7
	await 1 present up0 false
	check "renamed: status says that it is not there" "$? == 0" || json | diag
	divvy set web=70 batch=30 >"$tmp/said" 2>&1
	check "renamed: set works" "$? == 0" || diag <"$tmp/said"
	ip -n "$host" link set wan7 name up0
	await 1 present up0 true
	check "renamed back: status says that it is there" "$? == 0" || json | diag
}

# An uplink as hosts have it: no veth, and so nothing that could be a VM's.
case_port() {
	ip -n "$host" link add wan0 type bridge
	sed 's/up0/wan0/' "$tmp/divvy.yaml" >"$tmp/port.yaml"
	divvy apply "$tmp/port.yaml" >"$tmp/said" 2>&1
	check "port: applied" "$? == 0" || diag <"$tmp/said"
	ip -n "$host" link set wan0 name wan7
	await 1 present wan0 false
	check "port: renamed: status says that it is not there" "$? == 0" || json | diag
	ip -n "$host" link del wan7
	divvy set web=70 batch=30 >"$tmp/said" 2>&1
	check "port: gone: set works" "$? == 0" || diag <"$tmp/said"
	ip -n "$host" link add wan0 type bridge
	await 1 present wan0 true
	check "port: back: status says so within a second" "$? == 0" || json | diag
}

case_start() { # it is not there when divvyd starts
	divvy_stop
	ip -n "$host" link del up0
	: >"$tmp/divvyd.log"
	divvyd_launch
	present up0 false
	check "start: status says that the uplink is not there" "$? == 0" || json | diag
	check "start: the log says it once" "$(logged 'uplink up0.*not there') == 1" || diag <"$tmp/divvyd.log"
	works_meanwhile "start"
	check "start: the log still says it once" "$(logged 'uplink up0.*not there') == 1" || diag <"$tmp/divvyd.log"
	up0_add
	await 1 present up0 true
	check "start: it comes: status says so within a second" "$? == 0" || json | diag
	await 1 divvy_bound on
	check "start: it comes: the devices are bound" "$? == 0"
}

# What else of the host must not stand in the way of `set`: a firewall's hook that came with a VM.
case_hook() {
	vm_stop_all
	ip -n "$host" link del n1
	ip -n "$host" tuntap add n1 mode tap vnet_hdr
	in_host nft -f - <<-END
		table netdev divvy_fw {
			chain in { type filter hook ingress device n1 priority 0; }
		}
	END
	vm_start web
	vm_start batch
	vm_ready web
	vm_ready batch
	ip -n "$host" link set n1 up
	await 3 is web state bound
	await 3 eval 'of batch why | grep -q nft'
	check "hook: the device waits, and says for what" "$? == 0" || json | diag
	divvy set web=70 batch=30 >"$tmp/said" 2>&1
	check "hook: set works" "$? == 0" || diag <"$tmp/said"
	divvy release web >"$tmp/said" 2>&1
	check "hook: release works" "$? == 0" || diag <"$tmp/said"
	in_host nft delete table netdev divvy_fw
}

# A tap tells the speed that its owner gives it, as ethtool(8) does.
set_speed() { # interface, Mbit/s
	in_host perl -e '
		use Socket; my ($if, $mbit) = @ARGV;
		socket(my $s, AF_INET, SOCK_DGRAM, 0) or die;
		# struct ethtool_cmd: cmd, supported, advertising, speed, duplex, port, phy, ..., speed_hi
		my $cmd = pack("L L L S C C C C C C L L S C C L L L", 2, 0, 0, $mbit & 0xffff, 1, 0, 0, 0, 0, 0, 0, 0,
			$mbit >> 16, 0, 0, 0, 0, 0);
		ioctl($s, 0x8946, my $ifr = pack("a16 P", $if, $cmd)) or die "ioctl: $!\n";' "$1" "$2"
}

capacity_is() { # Mbit/s: of the IFB's root class, and in status
	{ classes; tc -n "$host" class show dev divvy1 2>/dev/null; } | grep -q "htb [0-9a-f]*:1 root .*ceil ${1}Mbit" &&
		json | grep -q "\"capacity_bps\":${1}000000,"
}

# capacity: 50% of link, and the link's speed changes, is unknown, and the port goes away.
case_speed() {
	ip -n "$host" tuntap add sp0 mode tap
	set_speed sp0 40 >"$tmp/said" 2>&1
	check "speed: a tap takes a speed" "$? == 0" || diag <"$tmp/said"
	sed 's/up0/sp0/; s/capacity: .*/capacity: 50% of link/' "$tmp/divvy.yaml" >"$tmp/speed.yaml"
	divvy apply "$tmp/speed.yaml" >"$tmp/said" 2>&1
	check "speed: applied" "$? == 0" || diag <"$tmp/said"
	capacity_is 20
	check "speed: half of it is the capacity" "$? == 0" || classes | diag
	set_speed sp0 60
	await 2 capacity_is 30
	check "speed: it is followed" "$? == 0" || { json; cat "$tmp/divvyd.log"; } | diag
	divvy show | grep -q 'capacity: 50% of link'
	check "speed: show says what was written" "$? == 0"
	set_speed sp0 4294967295 # SPEED_UNKNOWN
	await 8 eval 'divvy status | grep -q "sp0 tells no speed now: its capacity is still a part of 60 Mbit/s"'
	check "speed: a port that tells none keeps the last, and status says so" "$? == 0" || divvy status | diag
	capacity_is 30
	check "speed: the capacity stays" "$? == 0"
	divvy_stop
	divvyd_launch
	capacity_is 30
	check "speed: over a restart, too" "$? == 0" || classes | diag
	set_speed sp0 80
	await 8 capacity_is 40
	check "speed: it tells again" "$? == 0" || classes | diag
	ip -n "$host" link set sp0 mtu 9000
	ip -n "$host" link set sp0 up
	ip -n "$host" link set sp0 down
	divvy set sp0.capacity=25mbit >"$tmp/said" 2>&1 && capacity_is 25
	check "speed: MTU, up and down change nothing, and set gives it a rate" "$? == 0" || diag <"$tmp/said"
	ip -n "$host" link add br7 type bridge
	sed 's/sp0/br7/' "$tmp/speed.yaml" >"$tmp/try.yaml"
	divvy apply "$tmp/try.yaml" >"$tmp/said" 2>&1
	check "speed: a port without one is refused" "$? == 1"
	says said ':[0-9]+: capacity of br7: it tells no speed .*expected a rate'
	check "speed: with its line" "$? == 0" || diag <"$tmp/said"
}

# A bond's speed is that of its members that are up, together; veths tell 10 Gbit/s.
bond_followed() {
	local m
	in_host ip link set kind0 type bond mode balance-rr miimon 50
	for m in m0 m1; do
		in_host ip link add $m type veth peer name ${m}p
		in_host ip link set ${m}p up
		in_host ip link set $m master kind0
	done
	in_host ip link set kind0 up
	sed 's/up0/kind0/; s/capacity: .*/capacity: 95% of link/' "$tmp/divvy.yaml" >"$tmp/kind.yaml"
	await 2 divvy apply "$tmp/kind.yaml" >"$tmp/said" 2>&1
	await 3 eval 'json | grep -q "\"capacity_bps\":19000000000,"'
	check "kinds: bond: its capacity is a part of both members' speed" "$? == 0" || { cat "$tmp/said"; json; } | diag
	in_host ip link set m1p down
	await 3 eval 'json | grep -q "\"capacity_bps\":9500000000,"'
	check "kinds: bond: a member fails, and the capacity follows" "$? == 0" || json | diag
	in_host ip link set m1p up
	await 3 eval 'json | grep -q "\"capacity_bps\":19000000000,"'
	check "kinds: bond: it comes back" "$? == 0" || json | diag
	in_host ip link del m0
	in_host ip link del m1
	await 3 eval 'divvy status | grep -q "kind0 tells no speed now"'
	check "kinds: bond: no member is left, and status says that the last speed counts" "$? == 0" || divvy status | diag
}

# An uplink may be any interface but a VM's: what this kernel can make.
case_kinds() {
	local kind args tried=""
	in_host ip link add lower0 type veth peer name lower1 2>/dev/null
	for kind in bridge vxlan vlan bond dummy macvlan gre gretap ip6tnl ip6gre ipip sit wireguard geneve; do
		args=()
		case $kind in
		vxlan) args=(id 7 dev lower0 dstport 4789) ;;
		vlan) args=(id 7) ;;
		gre | gretap | ipip | sit) args=(remote 10.77.0.1 local 10.77.0.9) ;;
		ip6tnl | ip6gre) args=(remote fd00::1 local fd00::9) ;;
		geneve) args=(id 7 remote 10.77.0.1) ;;
		esac
		case $kind in
		vlan | macvlan) in_host ip link add link lower0 name kind0 type "$kind" "${args[@]}" 2>/dev/null ;;
		*) in_host ip link add kind0 type "$kind" "${args[@]}" 2>/dev/null ;;
		esac || continue
		tried+=" $kind"
		sed 's/up0/kind0/' "$tmp/divvy.yaml" >"$tmp/kind.yaml"
		divvy apply "$tmp/kind.yaml" >"$tmp/said" 2>&1 && present kind0 true && divvy_bound on
		check "kinds: $kind as uplink: applied, and both are bound" "$? == 0" || diag <"$tmp/said"
		[[ $kind != bond ]] || bond_followed
		in_host ip link del kind0
		await 1 present kind0 false
		check "kinds: $kind: it goes, and status says so" "$? == 0" || json | diag
	done
	echo "# kinds of this kernel:$tried"
}

cases=(gone renamed port kinds speed start hook)
(($# > 0)) || set -- "${cases[@]}"
run_cases "$@"
