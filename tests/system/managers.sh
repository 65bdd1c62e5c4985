#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# managers.sh [CASE...]: VMs start, and their managers' tc commands work, with divvy there before, meanwhile and after.
# "starts" comes first: the other cases use its VMs. The managers are stand-ins that send the commands of libvirt,
# Proxmox and Open vSwitch in their order, with pauses between the commands. Where the kernel has no act_police a plain
# u32 filter stands for theirs. In a slow test host: MANAGERS="libvirt" SELECTORS="nic" ROUNDS=4. Prints TAP.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/system/lib.sh
. "$root/tests/system/lib.sh"

read -ra managers <<<"${MANAGERS:-libvirt proxmox ovs}"
read -ra selectors <<<"${SELECTORS:-nic vm mac}"
# Seconds, one a round: before the first command and between "del" and "add". divvy waits for 0.3 s of silence.
pauses=(0 0.3 0.6 0.1 0.28 0.02 1.2 0.05 0.4 0.2)
# Stand-ins' VMs: a name for each manager and selector.
names=()
declare -A tap_of vm_mac

make_names() {
	local m s n=0
	for m in "${managers[@]}"; do
		for s in "${selectors[@]}"; do
			names+=("$m-$s")
			tap_of[$m-$s]=${m:0:2}$s
			vm_mac[$m-$s]=52:54:00:79:00:$((10 + n++))
		done
	done
}

# What the managers' filters do; sets filter_libvirt, filter_proxmox, filter_ovs.
find_police() {
	local police=(police rate 100mbit burst 100k mtu 64kb drop flowid :1)
	filter_libvirt=(u32 match u32 0 0 "${police[@]}")
	filter_proxmox=(basic "${police[@]}")
	filter_ovs=(matchall action police rate 100mbit burst 100k mtu 64kb conform-exceed drop)
	tc -n "$host" qdisc add dev up0 ingress
	tc -n "$host" filter add dev up0 parent ffff: protocol all "${filter_libvirt[@]}" 2>/dev/null || {
		echo "# this kernel has no act_police: u32 filters stand for it"
		filter_libvirt=(u32 match ip dport 9999 0xffff flowid :1)
		filter_proxmox=("${filter_libvirt[@]}")
		filter_ovs=("${filter_libvirt[@]}")
	}
	tc -n "$host" qdisc del dev up0 ingress
}

specification() {
	local v
	printf 'uplinks:\n  - name: up0\n    capacity: %smbit\n    devices:\n' "$capacity_mbit"
	for v in "${names[@]}"; do
		case $v in
		*-nic) echo "      - {name: $v, nic: ${tap_of[$v]}}" ;;
		*-vm) echo "      - {name: $v, vm: $v}" ;;
		*-mac) echo "      - {name: $v, mac: \"${vm_mac[$v]}\"}" ;;
		esac
	done
}

# --- what managers do ----------------------------------------------------------------------------------
# A command that has to succeed; one that does not is a line in the VM's result.
must() { # VM, command...
	local said
	said=$("${@:2}" 2>&1) || echo "failed: ${*:2}: $said" >>"$tmp/$1.result"
}

launch() { # program, VM, script: a process with the VM's tap open; it has said "ready" at the end
	local in=$tmp/$2.in out=$tmp/$2.out line
	[[ -p $in ]] || mkfifo "$in" "$out"
	# shellcheck disable=SC2016
	ip netns exec "$host" bash -c 'exec -a "$0" "$@"' "$1" "$tapflood" -name "$2" \
		-netdev "tap,id=net0,ifname=${tap_of[$2]},script=$3,downscript=no" \
		-device "virtio-net-pci,netdev=net0,mac=${vm_mac[$2]}" <>"$in" 1<>"$out" 2>>"$tmp/$2.result" &
	echo $! >"$tmp/$2.pid"
	disown $!
	read -t 20 -r line <>"$out"
	[[ $line == ready ]] || echo "failed: $1 does not start" >>"$tmp/$2.result"
}

make_tap() { # name
	ip -n "$host" -b - <<-END
		tuntap add $1 mode tap vnet_hdr
		link set $1 master br0 up
	END
}

# virNetDevBandwidthSet() of libvirt, with <outbound> and <inbound>.
commands_libvirt() { # VM, seconds between "del" and "add"
	local t=${tap_of[$1]}
	tc -n "$host" qdisc del dev "$t" root 2>/dev/null
	tc -n "$host" qdisc del dev "$t" ingress 2>/dev/null
	sleep "$2"
	must "$1" tc -n "$host" qdisc add dev "$t" root handle 1: htb default 1
	must "$1" tc -n "$host" class add dev "$t" parent 1: classid 1:1 htb rate 100mbit
	must "$1" tc -n "$host" qdisc add dev "$t" ingress
	must "$1" tc -n "$host" filter add dev "$t" parent ffff: protocol all "${filter_libvirt[@]}"
}

# libvirtd makes the tap, sets it up while it alone holds it, and hands it to a QEMU that it starts.
start_libvirt() { # VM, seconds
	local line
	make_tap "${tap_of[$1]}"
	launch libvirtd "$1" no
	sleep "$2"
	commands_libvirt "$1" "$2"
	echo "exec qemu-system-x86_64 $1" 1<>"$tmp/$1.in" # does not wait for a reader: a VM may have failed to start
	read -t 20 -r line <>"$tmp/$1.out"
	echo "${EPOCHREALTIME/./}" >"$tmp/$1.last"
}

# PVE::Network, tap_rate_limit().
commands_proxmox() { # VM, seconds
	local t=${tap_of[$1]}
	tc -n "$host" qdisc del dev "$t" ingress 2>/dev/null
	tc -n "$host" qdisc del dev "$t" root 2>/dev/null
	sleep "$2"
	must "$1" tc -n "$host" qdisc add dev "$t" handle ffff: ingress
	must "$1" tc -n "$host" filter add dev "$t" parent ffff: prio 50 protocol ip "${filter_proxmox[@]}"
	must "$1" tc -n "$host" qdisc add dev "$t" root tbf rate 100mbit latency 25ms burst 1mb
}

# QEMU makes the tap, and runs a script that sets it up.
start_proxmox() { # VM, seconds
	{
		echo '#!/bin/bash'
		declare -f must commands_proxmox make_tap
		declare -p host tmp tap_of filter_proxmox
		echo "sleep $2"
		echo "ip -n $host link set \$1 master br0 up"
		echo "commands_proxmox $1 $2"
		echo "echo \${EPOCHREALTIME/./} >$tmp/$1.last"
	} >"$tmp/$1.bridge"
	chmod +x "$tmp/$1.bridge"
	launch qemu-system-x86_64 "$1" "$tmp/$1.bridge"
}

# netdev_linux_set_policing() of Open vSwitch: netlink messages, one right after the other.
commands_ovs() { # VM
	local t=${tap_of[$1]} said
	said=$(tc -n "$host" -force -batch - 2>&1 <<-END
		qdisc del dev $t handle ffff: ingress
		qdisc add dev $t handle ffff: ingress
		filter add dev $t parent ffff: protocol all prio 49 ${filter_ovs[*]}
	END
	)
	[[ $said != *"failed -:"[23]* ]] || echo "failed: ovs: $said" >>"$tmp/$1.result"
}

# The policy comes with the port, in one transaction. No pause is divvy's own: from 6.6 on the kernel refuses "del" in
# the very millisecond in which a filter is added.
start_ovs() { # VM, seconds
	make_tap "${tap_of[$1]}"
	ip -n "$host" link set "${tap_of[$1]}" nomaster
	launch qemu-system-x86_64 "$1" no
	sleep "$(awk -v s="$2" 'BEGIN { print s / 2.5 }')"
	ip -n "$host" link set "${tap_of[$1]}" master br0
	commands_ovs "$1"
	echo "${EPOCHREALTIME/./}" >"$tmp/$1.last"
}

is_gone() { # process, or a zombie
	local stat
	! stat=$(cat "/proc/$1/stat" 2>/dev/null) || [[ $stat == *") Z "* ]]
}

stop_vm() { # VM
	local pid
	pid=$(<"$tmp/$1.pid")
	kill -KILL "$pid" 2>/dev/null
	await 5 is_gone "$pid" # and its tap is no longer open
	ip -n "$host" link del "${tap_of[$1]}" 2>/dev/null
	rm -f "$tmp/$1.pid"
}

# --- what comes of it -----------------------------------------------------------------------------------
# The manager's filter is in force, and divvy's stands behind it.
divided() { # VM
	[[ $(tc -n "$host" filter show dev "${tap_of[$1]}" parent ffff: 2>/dev/null) == *@(u32|basic|matchall)*divvy* ]]
}

# How long it takes until the VM is divided, since the last command: a line in its result.
measure() { # VM
	local last
	await 10 divided "$1" || echo "failed: not divided after 10 s" >>"$tmp/$1.result"
	last=$(<"$tmp/$1.last")
	echo "ms $(((${EPOCHREALTIME/./} - last) / 1000))" >>"$tmp/$1.result"
}

all_bound() {
	[[ $(json | grep -o '"state":"bound"' | wc -l) -eq ${#names[@]} ]]
}

# Sets bad (how many failures, which are shown), and slow and middle: milliseconds of the slowest and of the one half-way.
sum_up() { # begin of the VMs' names
	local list
	cat "$tmp/$1"*.result >"$tmp/results"
	grep failed "$tmp/results" | sort | uniq -c | diag
	# shellcheck disable=SC2034 # check() evaluates it
	bad=$(grep -c failed "$tmp/results")
	mapfile -t list < <(awk '$1 == "ms" { print $2 }' "$tmp/results" | sort -n)
	slow=${list[-1]:-99999} middle=${list[$((${#list[@]} / 2))]:-99999}
	echo "# $1: ${#list[@]} times, divided after $middle ms (p50), $slow ms (slowest)"
}

check_results() { # what
	local m
	for m in "${managers[@]}"; do
		sum_up "$m-"
		check "$1, $m: every command succeeds" "bad == 0"
		check "$1, $m: divided within a second" "middle <= 1000 && slow <= 3000"
	done
	rm -f "$tmp"/*.result
}

# Changes that have nothing to do with the VM that starts must not attach to it early.
set_all_the_time() {
	local i=1
	while divvy set "${names[0]}=$((1 + i++ % 50))" >/dev/null 2>"$tmp/set.log"; do
		sleep 0.07
	done
}

# --- cases ----------------------------------------------------------------------------------------------
start_all() { # seconds
	local v
	for v in "${names[@]}"; do
		{
			"start_${v%-*}" "$v" "$1"
			measure "$v"
		} &
		waits+=($!)
	done
	wait "${waits[@]}"
	waits=()
}

case_starts() { # divvyd is there before
	local pause v waits=() setter
	set_all_the_time &
	setter=$!
	for pause in "${pauses[@]:0:${ROUNDS:-10}}"; do
		for v in "${names[@]}"; do
			[[ ! -e $tmp/$v.pid ]] || stop_vm "$v"
		done
		start_all "$pause"
	done
	kill "$setter" 2>/dev/null
	wait "$setter" 2>/dev/null
	check_results "start"
	await 2 all_bound
	check "start: status says that all are bound" "$? == 0" || divvy status | diag
}

case_changes() { # of a running VM: domiftune, Proxmox's rate, ingress_policing_rate
	local i v waits
	for i in 1 2 3; do
		waits=()
		for v in "${names[@]}"; do
			{
				"commands_${v%-*}" "$v" 0
				echo "${EPOCHREALTIME/./}" >"$tmp/$v.last"
				measure "$v"
			} &
			waits+=($!)
		done
		wait "${waits[@]}"
	done
	check_results "change"
}

case_late() { # a manager takes its time, and no event tells that the VM has the tap then
	local v
	for v in libvirt-vm libvirt-mac; do
		[[ ! -e $tmp/$v.pid ]] || stop_vm "$v"
		start_libvirt "$v" 1.2
		measure "$v"
	done
	sum_up libvirt-
	check "late, libvirt: divided within a second" "bad == 0 && slow <= 1500"
	rm -f "$tmp"/*.result
}

case_after() { # divvyd comes when all is set up
	local v there=0
	divvy release --all
	for v in "${names[@]}"; do
		[[ $(tc -n "$host" filter show dev "${tap_of[$v]}" parent ffff:) != *@(u32|basic|matchall)* ]] || there=$((there + 1))
	done
	check "release: the managers' qdiscs and filters stay" "there == ${#names[@]}"
	sleep 0.4
	divvy apply "$tmp/spec.yaml" >"$tmp/said" 2>&1
	all_bound
	check "apply: VMs that have run for a while are bound at once" "$? == 0" || diag <"$tmp/said"
}

busy_start() { # VM: tc events of its vNIC without a pause, until busy_stop
	local t=${tap_of[$1]}
	rm -f "$tmp/enough"
	while [[ ! -e $tmp/enough ]]; do
		echo "filter add dev $t parent ffff: protocol ip pref 7 u32 match ip dport 9998 0xffff flowid :1"
		echo "filter del dev $t parent ffff: protocol ip pref 7 u32"
		sleep 0.1
	done | tc -n "$host" -force -batch - 2>/dev/null &
}

busy_stop() {
	touch "$tmp/enough"
	wait $!
}

case_told() { # while a vNIC settles, status says so; its class stays
	local v=ovs-nic before
	before=$(tc -n "$host" class show dev divvy0 | wc -l)
	commands_ovs $v
	busy_start $v
	await 1 is $v state waiting
	check "settling: status says that the device waits" "$? == 0"
	of $v why | grep -q settling
	check "settling: and why" "$? == 0" || of $v why | diag
	divvy apply "$tmp/spec.yaml" >"$tmp/said" 2>&1
	grep -q "$((${#names[@]} - 1)) of ${#names[@]}\|1 wait" "$tmp/said"
	check "settling: apply counts it as waiting" "$? == 0" || diag <"$tmp/said"
	[[ $(tc -n "$host" class show dev divvy0 | wc -l) -eq $before ]]
	check "settling: its class stays" "$? == 0"
	busy_stop
	await 2 is $v state bound
	check "settling: bound then" "$? == 0"
}

case_no_pause() { # another program changes the vNIC's tc settings all the time; a busy machine makes it pause now and then
	local v=ovs-nic t0 try
	for try in 1 2 3; do
		: >"$tmp/divvyd.log"
		commands_ovs $v
		t0=${EPOCHREALTIME/./}
		busy_start $v
		await 6 divided $v || break
		t0=$(((${EPOCHREALTIME/./} - t0) / 1000))
		busy_stop
		echo "# try $try: attached after $t0 ms"
		! await 1 grep -q "${tap_of[$v]}: .*without a pause" "$tmp/divvyd.log" || break
		await 2 is $v state bound
	done
	check "no pause: attached all the same, but not at once" "1500 <= t0 && t0 <= 4000"
	grep -q "${tap_of[$v]}: .*without a pause" "$tmp/divvyd.log"
	check "no pause: the log says so" "$? == 0"
}

case_own() { # who made the qdisc is known over a restart
	local t=${tap_of[ovs-nic]} u=${tap_of[ovs-vm]}
	tc -n "$host" qdisc del dev "$t" ingress
	tc -n "$host" qdisc del dev "$u" ingress
	tc -n "$host" qdisc add dev "$u" ingress
	await 2 eval "tc -n '$host' filter show dev '$t' parent ffff: | grep -q divvy"
	check "qdisc removed: divvy's own takes its place" "$? == 0"
	await 2 eval "tc -n '$host' filter show dev '$u' parent ffff: | grep -q divvy"
	check "qdisc replaced: divvy's filter is there again" "$? == 0"
	commands_libvirt ovs-nic 0
	echo "${EPOCHREALTIME/./}" >"$tmp/ovs-nic.last"
	measure ovs-nic
	sum_up ovs-nic
	check "the first limit of a VM that divvy divides: the manager's commands succeed" "bad == 0 && slow <= 3000"
	rm -f "$tmp"/*.result
	tc -n "$host" qdisc del dev "$t" root
	tc -n "$host" qdisc del dev "$t" ingress
	await 2 eval "tc -n '$host' filter show dev '$t' parent ffff: | grep -q divvy"
	divvyd_kill
	divvyd_launch
	divvy release --all
	tc -n "$host" qdisc show dev "$t" | grep -q ingress
	check "release after a restart: divvy's own qdisc is gone" "$? == 1"
	tc -n "$host" qdisc show dev "$u" | grep -q ingress
	check "release after a restart: the manager's is there" "$? == 0"
}

lib_init
make_names
make_topology bridge
find_police
specification >"$tmp/spec.yaml"
divvy_start
divvy apply "$tmp/spec.yaml" >/dev/null || bail "the specification is refused"
stop_all() {
	local v
	for v in "${names[@]}"; do
		[[ ! -e $tmp/$v.pid ]] || stop_vm "$v"
	done
	cleanup
}
trap stop_all EXIT
(($# > 0)) || set -- starts changes late after told no_pause own
for c; do
	"case_$c"
done
tap_done
