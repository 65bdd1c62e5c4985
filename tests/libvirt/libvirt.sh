#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# libvirt.sh [CASE...]: a real libvirtd and divvyd on one host. It runs in a test host (tests/hosts/run.sh) or in namespaces
# (tests/hosts/here.sh) whose image has the layer of tests/hosts/libvirt_layer.sh: the root of both is thrown away after it.
#	starts	domains with <bandwidth> start: needs act_police, sch_sfq and cls_fw
#	tunes	domiftune changes it while they run; needs the same, and "starts" before it
#	plug	NICs are plugged in and out of a guest that runs: needs a guest's kernel, GUEST_KERNEL=file
#	stops	suspend, reset, managed save
# ROUNDS=10: how often each domain starts. SHOW_LOG=1 shows the log of divvyd at the end. Prints TAP.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/system/lib.sh
. "$root/tests/system/lib.sh"
export LC_ALL=C LIBVIRT_DEFAULT_URI=qemu:///system
selectors=(nic vm mac)
declare -A mac=([nic]=52:54:00:79:01:01 [vm]=52:54:00:79:01:02 [mac]=52:54:00:79:01:03)

# All is in the namespace that the test runs in: libvirtd starts QEMU in its own.
divvyd_launch() {
	"$root/build/divvyd" --config "$tmp/none.yaml" --state "$tmp/state" --runtime "$tmp/run" \
		--socket "$tmp/socket" >>"$tmp/divvyd.log" 2>&1 &
	divvyd_pid=$!
	await 10 divvy status >/dev/null 2>&1 || {
		diag <"$tmp/divvyd.log"
		bail "divvyd does not answer"
	}
}

make_host() {
	ip link add up0 type veth peer name srv0
	ip link add br0 type bridge
	ip link set up0 master br0
	ip link set up0 up
	ip link set srv0 up
	ip link set br0 up
}

start_libvirtd() {
	cat >/etc/libvirt/qemu.conf <<-END
		stdio_handler = "file"
		security_driver = "none"
		namespaces = []
		cgroup_controllers = []
	END
	mkdir -p /run/libvirt
	# The child cannot outlive this test: here.sh and init end all.
	libvirtd >"$tmp/libvirtd.log" 2>&1 &
	libvirtd_pid=$!
	await 10 virsh -q version >"$tmp/said" 2>&1 || {
		tail -n 3 "$tmp/said" "$tmp/libvirtd.log" | diag
		bail "libvirtd does not answer"
	}
	echo "# $(virsh version | sed -n 's/^Using library: /with /p; s/^Running hypervisor: //p' | tr '\n' ' ')"
}

# A domain: a name, and the text of its interfaces. BOOT: more of its <os>.
define() {
	cat >"$tmp/$1.xml" <<-END
		<domain type='qemu'>
		  <name>$1</name>
		  <memory unit='MiB'>${GUEST_MIB:-32}</memory>
		  <vcpu>1</vcpu>
		  <os><type arch='x86_64' machine='pc'>hvm</type>${BOOT:-}</os>
		  <features><acpi/></features>
		  <devices>
		    <emulator>/usr/bin/qemu-system-x86_64</emulator>
		    <controller type='usb' model='none'/>
		    <memballoon model='none'/>
		    $2
		  </devices>
		</domain>
	END
	virsh -q define "$tmp/$1.xml" >"$tmp/said" 2>&1 || {
		diag <"$tmp/said"
		bail "libvirt refuses domain $1"
	}
}

interface() { # MAC, model, more
	echo "<interface type='bridge'><mac address='$1'/><source bridge='br0'/><model type='$2'/>${3:-}</interface>"
}

must() { # command...: it has to succeed
	local said
	said=$("$@" 2>&1) || {
		echo "failed: $*: $said" >>"$tmp/failed"
		return 1
	}
}

failures() { # sets bad: how many commands failed since the latest call; they are shown
	[[ ! -e $tmp/failed ]] || sort "$tmp/failed" | uniq -c | diag
	# shellcheck disable=SC2034 # check() evaluates it
	bad=$(wc -l 2>/dev/null <"$tmp/failed" || echo 0)
	rm -f "$tmp/failed"
}

# By libvirt's own record, for virsh takes its time in a test host.
tap_of_domain() { # name, MAC
	local line found=
	[[ -e /run/libvirt/qemu/$1.xml ]] || return 1
	while read -r line; do
		case $line in
		*"<mac address='$2'/>"*) found=1 ;;
		*"</interface>"*) found= ;;
		*"<target dev='"*)
			[[ -z $found ]] || {
				line=${line#*dev=\'}
				echo "${line%%\'*}"
				return 0
			}
			;;
		esac
	done <"/run/libvirt/qemu/$1.xml"
	return 1
}

specification() { # device's lines
	printf 'uplinks:\n  - name: up0\n    capacity: %smbit\n    devices:\n' "$capacity_mbit"
	printf '      - %s\n' "$@"
}

apply() { # device's lines
	specification "$@" >"$tmp/spec.yaml"
	divvy apply "$tmp/spec.yaml" >"$tmp/said" 2>&1 || {
		diag <"$tmp/said"
		bail "the specification is refused"
	}
}

# --- domains with bandwidth -----------------------------------------------------------------------------
# libvirt's filter is in force, and divvy's stands behind it.
divided() { # tap
	[[ $(tc filter show dev "$1" parent ffff: 2>/dev/null) == *u32*police*divvy* ]]
}

# How long it takes from now until the domain is divided: a line "ms N", or "failed".
measure() { # selector
	local from=${EPOCHREALTIME/./} tap
	tap=$(tap_of_domain "by-$1" "${mac[$1]}")
	if await 10 divided "$tap"; then
		echo "ms $(((${EPOCHREALTIME/./} - from) / 1000))" >>"$tmp/times-$1"
	else
		echo "failed: by-$1 is not divided after 10 s" >>"$tmp/failed"
	fi
}

# Sets measured (how many), slowest and middle: milliseconds of the slowest and of the one half-way.
sum_up() { # what
	local s list
	for s in "${selectors[@]}"; do
		mapfile -t list < <(awk '$1 == "ms" { print $2 }' "$tmp/times-$s" 2>/dev/null | sort -n)
		((${#list[@]} > 0)) || continue
		echo "# $1, $s: ${#list[@]} times, divided after ${list[${#list[@]} / 2]} ms (p50), ${list[-1]} ms (slowest)"
	done
	mapfile -t list < <(cat "$tmp"/times-* 2>/dev/null | awk '$1 == "ms" { print $2 }' | sort -n)
	# shellcheck disable=SC2034 # check() evaluates them
	measured=${#list[@]} slowest=${list[-1]:-99999} middle=${list[${#list[@]} / 2]:-99999}
	rm -f "$tmp"/times-*
}

for_each_selector() { # command: with each selector, side by side
	local s waits=()
	for s in "${selectors[@]}"; do
		"$1" "$s" &
		waits+=($!)
	done
	wait "${waits[@]}"
}

start_one() { # selector
	must virsh -q start --paused "by-$1" && measure "$1"
}

tune_one() { # selector
	local tap
	tap=$(tap_of_domain "by-$1" "${mac[$1]}")
	must virsh -q domiftune "by-$1" "$tap" --live --outbound "$rate" --inbound "$rate" && measure "$1"
}

untune_one() { # selector
	local tap
	tap=$(tap_of_domain "by-$1" "${mac[$1]}")
	must virsh -q domiftune "by-$1" "$tap" --live --outbound 0 --inbound 0
}

destroy_one() { # selector
	must virsh -q destroy "by-$1"
}

all_bound() { # devices
	[[ $(json | grep -o '"state":"bound"' | wc -l) -eq $1 ]]
}

case_starts() {
	local s i n=${#selectors[@]} rounds=${ROUNDS:-10}
	local bandwidth="<bandwidth><inbound average='2000' burst='256'/><outbound average='1000' burst='128'/></bandwidth>"
	for s in "${selectors[@]}"; do
		# libvirt numbers the taps that it names itself
		define "by-$s" "$(interface "${mac[$s]}" virtio "$bandwidth$([[ $s != nic ]] || echo "<target dev='tap-nic'/>")")"
	done
	apply "{name: nic, nic: tap-nic}" "{name: vm, vm: by-vm}" "{name: mac, mac: \"${mac[mac]}\"}"
	for ((i = 0; i < rounds; i++)); do
		((i == 0)) || for_each_selector destroy_one
		for_each_selector start_one
	done
	failures
	sum_up start
	check "start: $rounds starts of each domain succeed" "bad == 0"
	check "start: all are divided, half of them within a second, on an emulated machine" \
		"measured == n * rounds && middle <= 1000 && slowest <= 3000"
	await 2 all_bound "$n"
	check "start: status says that all are bound" "$? == 0" || divvy status | diag
}

case_tunes() {
	local rate n=${#selectors[@]}
	for rate in 3000,4000,512 1500 800,1000,64; do
		for_each_selector tune_one
	done
	failures
	sum_up domiftune
	check "domiftune: each succeeds" "bad == 0"
	check "domiftune: all are divided again, half of them within a second" \
		"measured == 3 * n && middle <= 1000 && slowest <= 3000"
	for_each_selector untune_one
	failures
	await 2 all_bound "$n"
	check "domiftune without rates: all stay bound" "$? == 0 && bad == 0" || divvy status | diag
	for_each_selector destroy_one
}

# --- NICs that are plugged in and out --------------------------------------------------------------------
is_at() { # device, tap, backpressure
	is "$1" state bound && is "$1" nic "$2" && is "$1" backpressure "$3"
}

# Taps of the domain's process with the numbers of their descriptors: "vnet0=30 vnet1=11".
descriptors() { # domain
	local pid f
	pid=$(<"/run/libvirt/qemu/$1.pid")
	for f in /proc/"$pid"/fdinfo/*; do
		sed -n "s/^iff:[[:space:]]*\(.*\)/\1=${f##*/}/p" "$f"
	done | paste -sd' ' - 2>/dev/null || :
}

attach() { # domain, MAC, model, more
	interface "$2" "$3" "${4:-}" >"$tmp/nic.xml"
	must virsh -q attach-device "$1" "$tmp/nic.xml" --live
}

has_no_nic() { # domain, MAC
	[[ -z $(tap_of_domain "$1" "$2") ]]
}

detach() { # domain, MAC
	must virsh -q detach-interface "$1" bridge --mac "$2" --live
	await 20 has_no_nic "$1" "$2"
}

guest_with_kernel() {
	local dir=$tmp/guest
	mkdir -p "$dir/bin"
	cp "$(command -v busybox)" "$dir/bin/busybox"
	printf '#!/bin/busybox sh\n/bin/busybox echo guest is up >/dev/console\nexec /bin/busybox sleep 1000000\n' >"$dir/init"
	chmod +x "$dir/init"
	mkdir "$dir/dev"
	mknod "$dir/dev/console" c 5 1
	(cd "$dir" && find . -mindepth 1 | busybox cpio -o -H newc 2>/dev/null) >/var/lib/libvirt/guest.cpio
	cp "$GUEST_KERNEL" /var/lib/libvirt/guest.vmlinuz
	chmod 644 /var/lib/libvirt/guest.*
	BOOT="<kernel>/var/lib/libvirt/guest.vmlinuz</kernel><initrd>/var/lib/libvirt/guest.cpio</initrd>"
	BOOT+="<cmdline>console=ttyS0 quiet mitigations=off</cmdline>"
	GUEST_MIB=128
	console="<serial type='file'><source path='/tmp/console'/></serial>"
}

case_plug() {
	local a=52:54:00:79:02:0a b=52:54:00:79:02:0b c=52:54:00:79:02:0c x=52:54:00:79:02:1 i first reused tap
	guest_with_kernel
	define plug "$console$(interface "$a" virtio)"
	must virsh -q start plug
	apply "{name: a, mac: \"$a\"}"
	await 60 grep -q "guest is up" /tmp/console || bail "the guest does not come up"
	await 2 is_at a vnet0 on
	check "plug: the NIC of the command line is bound" "$? == 0" || divvy status | diag
	first=$(descriptors plug)
	echo "# the command line's NIC: $first"

	# A second NIC that no device names.
	attach plug "$b" virtio
	tap=$(tap_of_domain plug "$b")
	await 2 eval 'divvy status | grep -q "$tap"'
	check "plug: status names the second NIC, which nothing divides" "$? == 0" || divvy status | diag
	await 12 grep -q "$tap" "$tmp/divvyd.log"
	check "plug: so does the log" "$? == 0" || diag <"$tmp/divvyd.log"
	divvy discover | grep "$tap" | grep -q "$b"
	check "plug: discover shows its MAC address" "$? == 0" || divvy discover | diag

	apply "{name: a, mac: \"$a\"}" "{name: b, mac: \"$b\"}" "{name: c, mac: \"$c\"}"
	await 2 is_at b "$tap" on
	check "plug: named, it is bound, with its own model" "$? == 0" || divvy status | diag
	is_at a vnet0 on
	check "plug: the first is where it was" "$? == 0"
	attach plug "$c" e1000
	await 2 is_at c "$(tap_of_domain plug "$c")" unavailable
	check "plug: a third one of another model" "$? == 0" || divvy status | diag

	# The first goes, and its descriptor's number is used again.
	detach plug "$a"
	await 2 is a state waiting
	check "unplug: its device waits" "$? == 0" || divvy status | diag
	for i in 1 2 3 4 5 6 7 8; do
		attach plug "$x$i" e1000e "<driver name='qemu'/>"
		reused=$(descriptors plug | tr ' ' '\n' | sed -n "s/=${first#*=}\$//p")
		[[ -z $reused ]] || break
		attach plug "$x$i" virtio "<driver name='qemu' queues='8'/>" 2>/dev/null
		reused=$(descriptors plug | tr ' ' '\n' | sed -n "s/=${first#*=}\$//p")
		[[ -z $reused ]] || break
	done
	echo "# descriptors: $(descriptors plug)"
	check "plug: a NIC has the number of the first one's descriptor (${first#*=})" "${#reused} > 0"
	sleep 1
	is a state waiting
	check "plug: it is not taken for the first one" "$? == 0" || divvy status | diag
	divvy discover | grep -E "^ *$reused " | grep -q "$a"
	check "plug: discover does not call it so" "$? == 1" || divvy discover | diag

	plug_again
	must virsh -q destroy plug
}

plug_again() { # the first comes back; a, b and tap are case_plug's
	attach plug "$a" virtio
	await 2 is_at a "$(tap_of_domain plug "$a")" on
	check "plug again: the right NIC is bound" "$? == 0" || divvy status | diag
	is_at b "$tap" on
	check "plug again: the second is where it was" "$? == 0"
	failures
	check "plug: each command of virsh succeeded" "bad == 0"
	# divvyd starts anew: it knows as much.
	divvyd_kill
	divvyd_launch
	await 2 is_at a "$(tap_of_domain plug "$a")" on
	check "plug, divvyd started anew: the right NIC is bound" "$? == 0" || divvy status | diag
}

# --- suspend, reset, managed save ----------------------------------------------------------------------
case_stops() {
	local m=52:54:00:79:03:01 other=52:54:00:79:03:02 pid
	define stops "$(interface "$other" e1000)$(interface "$m" virtio)"
	apply "{name: a, mac: \"$m\"}"
	must virsh -q start stops
	await 2 is_at a "$(tap_of_domain stops "$m")" on
	check "stops: bound" "$? == 0" || divvy status | diag
	divvy status | grep -q "left alone"
	check "stops: what libvirt does to every tap is not told" "$? == 1" || divvy status | diag
	must virsh -q suspend stops
	sleep 0.5
	is_at a "$(tap_of_domain stops "$m")" on
	check "suspend: still bound" "$? == 0" || divvy status | diag
	must virsh -q resume stops
	must virsh -q reset stops
	sleep 0.5
	is_at a "$(tap_of_domain stops "$m")" on
	check "reset: still bound" "$? == 0" || divvy status | diag
	pid=$(</run/libvirt/qemu/stops.pid)
	must virsh -q managedsave stops
	await 2 is a state waiting
	check "managed save: it waits" "$? == 0" || divvy status | diag
	must virsh -q start stops
	await 2 is_at a "$(tap_of_domain stops "$m")" on
	check "restored: the right NIC is bound" "$? == 0" || divvy status | diag
	check "restored: by another process" "pid != $(</run/libvirt/qemu/stops.pid)"
	failures
	check "stops: each command of virsh succeeded" "bad == 0"
	must virsh -q destroy stops
}

[[ $(cat /proc/sys/kernel/hostname) == testhost ]] || bail "this is for a test host: tests/hosts/run.sh, here.sh"
lib_init
make_host
start_libvirtd
stop_all() {
	[[ -z ${SHOW_LOG:-} ]] || diag <"$tmp/divvyd.log"
	kill "$libvirtd_pid" 2>/dev/null
	cleanup
}
trap stop_all EXIT
divvy_start
(($# > 0)) || set -- starts tunes plug stops
for c; do
	"case_$c"
done
tap_done
