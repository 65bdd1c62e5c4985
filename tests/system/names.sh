#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# names.sh [CASE...]: names that other people give. VMs and interfaces whose names are no text, are long, alike, or would be
# obeyed by a terminal; interfaces by altname; what divvyd may not look into. Prints TAP.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/system/lib.sh
. "$root/tests/system/lib.sh"

hash64=6d7a044eaf30a067109f46e5352d9398eaa121c1841a52dcd7947e4682754c59
awkward=(
	$'a\ndivvyd: release: all' # forges a line of the log
	$'\ndivvyd: apply: 9 devices, 9 bound'
	$'good\rbad'
	$'\e[31mred\e[0m'          # colours
	$'\e]0;owned\a'            # the window's title
	$'\xc2\x9b31mred'          # CSI as one character
	$'\x9b31mred'              # CSI as one byte
	$'b\xfcro'                 # Latin-1
	$'caf\xc3'                 # cut inside a character
	$'a\xc0\xafb'              # overlong
	$'\xed\xa0\x80'            # a surrogate
	$'web\u202egnp'            # right to left
	$'\u2066db\u2069'          # isolates
	$'w\u200beb'               # zero width
	$'\ufeffweb'
	$'w\u00adeb'
	$'web\U000e0041'           # a tag
	' web '
	$'root\b\b\b\bweb'
	$'web\x7f'
	'a\x0adivvyd: release: all' # the escape of another name
	$'tab\tbed'
	'База-données-数据'
	"sandbox-$hash64"           # Kata's 72 bytes
	"sandbox-$hash64-$hash64-1" # longer than what is shown, and different at its end
	"sandbox-$hash64-$hash64-2"
)
# What a terminal could obey, or shows wrongly.
raw='[\x00-\x08\x0b-\x1f\x7f-\x{a0}\x{ad}\x{61c}\x{200b}-\x{200f}\x{202a}-\x{202e}\x{2060}-\x{206f}\x{feff}\x{e0000}-\x{e0fff}]'

prints() { # file: all of it is UTF-8 that prints
	! LC_ALL=C.UTF-8 grep -aqvx '.*' "$1" && ! LC_ALL=C.UTF-8 grep -aqP "$raw" "$1"
}

check_prints() { # what, file
	prints "$2"
	check "$1: no byte of a name reaches a terminal raw" "$? == 0" || { LC_ALL=C grep -anP '[^\n -~]' "$2" | cat -v | head -n 5 | diag; }
}

held=()
hold_tap() { # tap, VM's name, further arguments of the VMM; a process that has it open until it is killed
	local nic=$1 name=$2
	shift 2
	# shellcheck disable=SC2154 # never: opened by the caller
	ip netns exec "$host" bash -c 'exec -a "$0" "$@"' "$vmm" "$tapflood" -name "$name" \
		-netdev "tap,id=net0,ifname=$nic,script=no" -device "virtio-net-pci,netdev=net0,mac=52:54:00:78:00:$(printf %02x ${#held[@]})" \
		"$@" <&"$never" >/dev/null &
	held+=($!)
}

let_taps_go() {
	((${#held[@]})) || return 0 # wait without a process waits for all
	kill "${held[@]}" 2>/dev/null
	wait "${held[@]}" 2>/dev/null
	held=()
}

taps_seen() { # how many VMs discover shows
	divvy discover --json >"$tmp/discover.json"
	[[ $(grep -c '"vmm": "qemu"' "$tmp/discover.json") -eq $1 ]]
}

came_again() { # taps: the log says that each is bound
	local nic
	for nic in "$@"; do
		grep -q "bound to $nic .*, VM " "$tmp/divvyd.log" || return 1
	done
}

case_awkward() {
	local i
	# Interfaces may be called anything, too.
	tap[web]=$'t\xff\e[1m' tap[batch]=$'n\u202e1'
	make_topology bridge
	for v in web batch; do
		ip -n "$host" tuntap add "${tap[$v]}" mode tap vnet_hdr
		ip -n "$host" link set "${tap[$v]}" master br0 up
	done
	for i in "${!awkward[@]}"; do
		echo "tuntap add a$i mode tap vnet_hdr"
		echo "link set a$i master br0 up"
	done | ip -n "$host" -b -
	ip -n "$host" addr add 10.77.0.2/24 dev up0
	ip -n "$host" route add default via 10.77.0.1
	exec {never}<> <(:)
	for i in "${!awkward[@]}"; do
		hold_tap "a$i" "${awkward[i]}"
	done
	start_vms
	divvy_start
	await 5 taps_seen $((${#awkward[@]} + 2))
	check "none of ${#awkward[@]} kinds of name vanishes" "$? == 0" || diag <"$tmp/discover.json"
	check "no two names become one" "$(grep '"vm":' "$tmp/discover.json" | sort -u | wc -l) == ${#awkward[@]} + 3" # and up0's ""
	divvy discover >"$tmp/discover"
	divvy discover --spec >"$tmp/spec.yaml"
	divvy check "$tmp/spec.yaml" >"$tmp/check" 2>&1
	check "discover --spec: passes check" "$? == 0" || diag <"$tmp/check"
	divvy apply --dry-run "$tmp/spec.yaml" >"$tmp/dry"
	divvy apply "$tmp/spec.yaml" >"$tmp/apply" 2>&1
	grep -q "^applied: $((${#awkward[@]} + 2)) of $((${#awkward[@]} + 2)) devices bound" "$tmp/apply"
	check "discover --spec: each vNIC is bound by it" "$? == 0" || diag <"$tmp/apply"
	# A VM that comes again is told of in the log, by its name.
	for i in 0 1 3; do
		kill "${held[i]}"
		wait "${held[i]}" 2>/dev/null
		hold_tap "a$i" "${awkward[i]}"
	done
	await 5 came_again a0 a1 a3
	check "log: VMs that come are told of" "$? == 0" || diag <"$tmp/divvyd.log"
	divvy status >"$tmp/status"
	divvy status --json >"$tmp/status.json"
	divvy show >"$tmp/show"
	check "status: a line for each" "$(grep -c 'qemu\[' "$tmp/status") == ${#awkward[@]} + 2"
	# What was applied is that over a restart; a vNIC whose name is no text is given back, too.
	divvyd_kill
	divvyd_launch
	divvy release --all >"$tmp/release" 2>&1
	vm_ask web sndbuf
	vm_reply web
	check "release after a restart: the send buffer of a tap whose name is no text is given back" "$([[ $REPLY == sndbuf=2147483647 ]]; echo $?) == 0" ||
		diag <<<"$REPLY"
	for i in discover discover.json spec.yaml check dry apply status status.json show release divvyd.log; do
		check_prints "$i" "$tmp/$i"
	done
	check "log: no name forges a line" "$(grep -cE '^divvyd: (release: all|apply: 9 devices)' "$tmp/divvyd.log") == 1"
	let_taps_go
	divvy_stop
	vm_stop_all
	remove_topology
	tap=([web]=n0 [batch]=n1)
}

# --- who is meant -------------------------------------------------------------------------------------------

apply_devices() { # lines of devices; what divvy says is in $tmp/said
	printf 'uplinks:\n- name: up0\n  capacity: 20mbit\n  devices:\n' >"$tmp/try.yaml"
	printf '  - {%s}\n' "$@" >>"$tmp/try.yaml"
	divvy apply "$tmp/try.yaml" >"$tmp/said" 2>&1
}

begin_pair() {
	make_topology bridge
	start_vms
	exec {never}<> <(:)
	divvy_start
}

end_pair() {
	let_taps_go
	divvy_stop
	vm_stop_all
	remove_topology
}

case_alike() {
	begin_pair
	ip -n "$host" tuntap add n2 mode tap vnet_hdr
	ip -n "$host" tuntap add n3 mode tap vnet_hdr
	ip -n "$host" link set n2 up
	ip -n "$host" link set n3 up
	hold_tap n2 web
	hold_tap n3 tenant -id 101
	await 5 taps_seen 4
	apply_devices 'name: web, vm: web' 'name: numbered, vm: "101"'
	divvy status >"$tmp/status"
	grep -qE "waiting: VM web is 2 VMs, process [0-9]+ \(n0\) and process [0-9]+ \(n2\): select one by nic: or mac:" "$tmp/status"
	check "two VMs of one name are told as two, with their taps" "$? == 0" || diag <"$tmp/status"
	is numbered nic n3
	check "a VM's number selects it" "$? == 0" || diag <"$tmp/status"
	end_pair
}

case_interfaces() {
	begin_pair
	ip -n "$host" link property add dev n0 altname frontend
	ip -n "$host" link property add dev up0 altname enp3s0
	printf 'uplinks:\n- name: enp3s0\n  capacity: 20mbit\n  devices:\n  - {name: web, nic: frontend}\n  - {name: batch, nic: n1}\n' >"$tmp/try.yaml"
	divvy apply "$tmp/try.yaml" >"$tmp/said" 2>&1
	await 3 is web state bound && is web nic n0
	check "an altname is understood, of a vNIC and of the uplink" "$? == 0" || { cat "$tmp/said"; divvy status; } | diag
	apply_devices 'name: web, nic: n0@if7'
	says said 'did you mean "n0"'
	check "a name as ip link writes it is refused, with the right one" "$? == 0" || diag <"$tmp/said"
	printf 'uplinks:\n- name: upp0\n  capacity: 20mbit\n  devices: [{name: web, nic: n0}]\n' >"$tmp/try.yaml"
	divvy apply "$tmp/try.yaml" >"$tmp/said" 2>&1
	says said 'unknown uplink "upp0": did you mean "up0"'
	check "an uplink that is nearly right: did you mean" "$? == 0" || diag <"$tmp/said"
	apply_devices 'name: web, vm: wbe' 'name: other, nic: n1'
	grep -q 'device web: no VM wbe on this host: did you mean web?' "$tmp/said"
	check "a VM that is nearly right: did you mean" "$? == 0" || diag <"$tmp/said"
	divvy set wbe=3 2>"$tmp/said"
	says said 'did you mean "web"'
	check "a device that is nearly right: did you mean" "$? == 0" || diag <"$tmp/said"
	divvy statsu 2>"$tmp/said"
	says said 'did you mean "status"'
	check "a verb that is nearly right: did you mean" "$? == 0" || diag <"$tmp/said"
	ip -n "$host" link add w0 up type veth peer name w1
	if ip -n "$host" link add mv0 link w0 type macvlan 2>/dev/null; then
		divvy discover >"$tmp/said"
		grep -A 1 '^mv0 ' "$tmp/said" | grep -q 'no backpressure: what is too much is dropped: a macvlan takes its packets before they can wait'
		check "a macvlan is told of, with the reason" "$? == 0" || diag <"$tmp/said"
	else
		skip "a macvlan is told of, with the reason" "no macvlan"
	fi
	end_pair
}

# --- what divvyd may not look into ------------------------------------------------------------------------------

logged_once() { # pattern
	[[ $(grep -cE -- "$1" "$tmp/divvyd.log") -eq 1 ]]
}

check_unseen() { # what, why as a pattern
	divvy discover >"$tmp/discover"
	grep -qE "^Warning: .*$2" "$tmp/discover"
	check "$1: discover says it" "$? == 0" || diag <"$tmp/discover"
	apply_devices 'name: web, vm: web' 'name: batch, nic: n1'
	divvy status >"$tmp/status"
	grep -qE "waiting: no VM web among those that divvyd may look into: .*$2" "$tmp/status" && grep -qE "^Warning: .*$2" "$tmp/status"
	check "$1: status says it, of the device, too" "$? == 0" || diag <"$tmp/status"
	is batch state bound
	check "$1: a vNIC is divided by its name" "$? == 0" || diag <"$tmp/status"
	await 12 logged_once "$2"
	check "$1: the log says it once" "$? == 0" || diag <"$tmp/divvyd.log"
}

case_unseen() {
	make_topology bridge
	start_vms
	divvyd_in=(setpriv "--bounding-set=-sys_ptrace" --)
	rm -f "$tmp/divvyd.log"
	divvy_start
	check_unseen "no CAP_SYS_PTRACE" 'divvyd lacks CAP_SYS_PTRACE'
	divvy_stop
	if can_mount "a /proc that hides processes"; then
		# shellcheck disable=SC2016 # for the other shell
		divvyd_in=(unshare --mount bash -c 'mount -t proc -o hidepid=2 proc /proc &&
			exec setpriv --bounding-set=-sys_ptrace -- "$@"' bash)
		rm -f "$tmp/divvyd.log"
		divvy_start
		check_unseen "a /proc that hides processes" '/proc hides processes'
	fi
	divvyd_in=()
	end_pair
}

check_netkit() {
	ip -n "$host" link add pod0 type netkit || bail "cannot make a netkit"
	ip -n "$host" link set pod0 up
	divvy discover >"$tmp/said"
	grep -A 1 '^pod0 *netkit *no ' "$tmp/said" | grep -q 'cannot be divided: netkit: its BPF program may send packets past the host.s tc'
	check "a netkit is told of, with the reason" "$? == 0" || diag <"$tmp/said"
	apply_devices 'name: pod, nic: pod0' 'name: web, nic: n0'
	is pod state waiting && is pod why "pod0:netkit:itsBPFprogrammaysendpacketspastthehost'stc"
	check "a netkit that is named waits, and status says why" "$? == 0" || { cat "$tmp/said"; json; } | diag
	! tc -n "$host" qdisc show dev pod0 | grep -qv noqueue
	check "a netkit that is named is left alone" "$? == 0" || tc -n "$host" qdisc show dev pod0 | diag
}

# Not among the default cases, but for test hosts: netkit needs Linux 6.7, and yama 3 lasts until the host boots again.
case_test_host() {
	local no_vm='waiting: no VM batch among those that divvyd may look into: .*kernel.yama.ptrace_scope is 3'
	make_topology bridge
	vm_start web
	vm_ready web
	divvy_start
	check_netkit
	apply_devices 'name: web, vm: web' 'name: batch, vm: batch'
	await 3 is web state bound
	check "before yama 3: bound" "$? == 0" || json | diag
	sysctl -qw kernel.yama.ptrace_scope=3 || bail "cannot set kernel.yama.ptrace_scope"
	vm_start batch
	vm_ready batch
	divvy discover >"$tmp/discover" # looks at /proc
	grep -qE '^Warning: .*kernel.yama.ptrace_scope is 3' "$tmp/discover"
	check "yama 3: discover says it" "$? == 0" || diag <"$tmp/discover"
	divvy status >"$tmp/status"
	grep -qE "$no_vm" "$tmp/status" && grep -qE '^Warning: .*kernel.yama.ptrace_scope is 3' "$tmp/status"
	check "yama 3: status says it, of the device, too" "$? == 0" || diag <"$tmp/status"
	sleep 0.2
	is web state bound
	check "yama 3: the VM that was divided before stays so" "$? == 0" || json | diag
	divvy_stop
	vm_stop_all
	remove_topology
}

lib_init
for c in "${@:-awkward alike interfaces unseen}"; do
	for name in $c; do
		"case_$name"
	done
done
tap_done
