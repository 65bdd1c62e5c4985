#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# whole_guest.sh: runs in the host that whole.sh boots, as a service. Before a reboot: install, all verbs, faults of divvyd and of
# the host, an upgrade under flood, CPU slots; behind it: VMs are divided, and the package is removed and purged. divvyd,
# divvy-guard and divvy-exporter run in their installed units all the time, also for the system tests of "suites": a right, a
# system call or a path that a unit denies and a fault needs is found by them. Prints TAP, "##exit N" at its end, and powers
# the host off.
set -u
root=/divvy
export NO_SKIP=1 HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive
# shellcheck source=tests/system/cpu_lib.sh
. "$root/tests/system/cpu_lib.sh"
kept=/var/lib/whole-test # over the reboot: how many tests there were
host=whole srv=srv       # the host's own namespace has a name, too
spec=/etc/divvy/divvy.yaml
# shellcheck disable=SC2034 # lib.sh floods for so long at most; dpkg takes a while under emulation
flood_seconds=300
# System tests, each with its cases behind a colon: all that can be played here (make check-unit), or by default a few that need
# rights, system calls and paths of different kinds.
suites_all=(faults_daemon:two_daemons:stale_socket:restart:reboot:peers faults_others state:system_file:text:full:read_only
	repair:vnic:uplink:ifb:dead control:dry_run:groups:timeout:watch:no_descriptors:start faults_vms:vm_killed:bound_later:namesake
	cpu_faults:idle:moved:frozen exporter)
suites=(state:full control:dry_run:groups cpu_faults:moved faults_others:nft exporter)
! grep -q 'VERSION_ID="12"' /etc/os-release || suites=(state:full exporter)

divvy() {
	/usr/bin/divvy "$@"
}

finish() {
	local status=$1
	((status == 0)) || journalctl -b --no-pager -n 60 -u divvyd -u divvy-guard | diag
	if dmesg | grep -E 'WARNING: |BUG: |Oops|general protection' | grep -v 'soft lockup' | diag | grep .; then
		status=1
	fi
	echo "##exit $status"
	systemctl poweroff --force --force
	sleep 60
}
trap 'finish 1' EXIT

kept_counts() {
	echo "tests=$tests failed=$failed" >"$kept"
}

make_host() { # lib.sh's bridge, in the host's own namespace
	sysctl -qw net.ipv6.conf.default.disable_ipv6=1 net.ipv6.conf.all.disable_ipv6=1
	mkdir -p /run/netns
	ip netns attach $host 1
	ip netns add $srv
	ip -b - <<-END || bail "cannot make the host's links"
		link add up0 address 02:00:00:77:09:02 type veth peer name srv0 netns $srv address 02:00:00:77:09:01
		tuntap add n0 mode tap vnet_hdr
		tuntap add n1 mode tap vnet_hdr
		link set n0 address 02:00:00:77:10:01 up
		link set n1 address 02:00:00:77:10:02 up
		link set up0 up
	END
	ip -n $srv -b - <<-END || bail "cannot make the server's links"
		addr add 10.77.0.1/24 dev srv0
		link set srv0 up
	END
	count_arrivals $srv
	make_bridge || bail "cannot make the bridge"
}

# As libvirt does: a scope of machine.slice for each VM. The shell that systemd-run becomes is the VM's process.
# shellcheck disable=SC2086 # {array[$1]} is a subscript, no word
vm_scope() { # name
	local in=$tmp/$1.in out=$tmp/$1.out vhost=""
	[[ $vm_kind == tap ]] || vhost=,vhost=on
	[[ -p $in ]] || mkfifo "$in" "$out"
	exec {vm_in[$1]}<>"$in" {vm_out[$1]}<>"$out"
	systemd-run --quiet --scope --collect --slice=machine.slice --unit="machine-qemu-$1.scope" \
		bash -c 'exec -a "$0" "$@"' qemu-system-x86_64 "$tapflood" -name "$1" \
		-netdev "tap,id=net0,ifname=${tap[$1]},script=no,downscript=no$vhost" \
		-device "virtio-net-pci,netdev=net0,mac=${mac[$1]}" <"$in" >"$out" 2>/dev/null {vm_in[$1]}>&- {vm_out[$1]}>&- &
	vm_pid[$1]=$!
}

start_vms() {
	vm_scope web
	vm_scope batch
	vm_ready web
	vm_ready batch
}

active() { # unit...
	systemctl -q is-active "$@"
}

main_pid() {
	systemctl show -P MainPID divvyd
}

restarted() { # another process than that one runs, and answers
	local pid
	pid=$(main_pid)
	[[ $pid != 0 && $pid != "$1" ]] && divvy status >/dev/null 2>&1
}

classes() {
	tc -d class show dev divvy0 2>/dev/null | sort
}

enforced() { # without quanta, which follow demand
	classes | sed 's/ quantum.*//'
}

write_spec() { # file, share of web
	cat >"$1" <<-END
		uplinks:
		  - name: up0
		    capacity: ${capacity_mbit}mbit
		    overhead: 0
		    devices:
		      - {name: web, vm: web, share: $2}
		      - {name: batch, nic: n1, share: $((100 - $2))}
	END
}

# --- cases ---
case_install() {
	try "install" dpkg -i /divvy/deb/divvy_*~before_amd64.deb
	try "divvyd and divvy-guard run" active divvyd divvy-guard
	try "and are enabled" systemctl -q is-enabled divvyd divvy-guard
	check "with the unit's filter of system calls" "$(awk '/^Seccomp:/ { print $2 }' "/proc/$(main_pid)/status") == 2"
	local u limit
	for u in "divvyd 35" "divvy-guard 25"; do
		limit=${u#* }
		systemd-analyze security --no-pager --threshold="$limit" "${u% *}" >"$tmp/said" 2>&1
		check "systemd-analyze security ${u% *} here: $(sed -n 's/.*level for .*: \([0-9.]*\).*/\1/p' "$tmp/said")" "$? == 0"
	done
}

suite() { # script, case...: its results become this test's
	local line ended=0
	while IFS= read -r line; do
		case $line in
		"ok "*) check "$1: ${line#ok * - }" 1 ;;
		"not ok "*) check "$1: ${line#not ok * - }" 0 ;;
		1..*) ended=1 ;;
		*) echo "# ${line#\# }" ;;
		esac
	done < <(DIVVY_UNIT=1 timeout 400 "$root/tests/system/$1.sh" "${@:2}" 2>&1)
	check "$1: came to its end" $ended
	echo "# up $(cut -d ' ' -f 1 /proc/uptime) s"
}

case_suites() {
	local s
	try "install divvy-exporter" dpkg -i /divvy/deb/divvy-exporter_*.deb
	try "divvy-exporter runs" active divvy-exporter
	for s in "${suites[@]}"; do
		# shellcheck disable=SC2086 # words
		suite ${s//:/ }
	done
}

verb() { # pattern of the output, verb...
	local pattern=$1
	shift
	divvy "$@" >"$tmp/said" 2>&1 && grep -qE -- "$pattern" "$tmp/said"
	check "divvy $*" "$? == 0" || diag <"$tmp/said"
}

case_verbs() {
	make_host
	start_vms
	verb 'n0.*web' discover
	nic=$(basename /sys/bus/virtio/drivers/virtio_net/*/net/*)
	ip link set "$nic" master br0 up
	verb 'capacity: 995mbit' discover --spec # the port's speed is asked from the kernel
	ip link set "$nic" nomaster
	write_spec $spec 60
	verb . check $spec
	verb . apply --dry-run $spec
	verb 'applied' apply $spec
	await 5 divvy_bound on
	check "both VMs are bound, with backpressure" "$? == 0" || divvy status | diag
	verb 'web .*60' status
	verb '"name": "web"' status --json
	verb 'share: 60' show
	try "divvy set" divvy set web=50 batch=50
	is web share 50
	check "divvy set: it is set" "$? == 0"
	divvy set web=60 batch=40
	timeout 3 /usr/bin/divvy top </dev/null >"$tmp/top" 2>&1
	grep -q web "$tmp/top"
	check "divvy top, piped" "$? == 0" || diag <"$tmp/top"
	timeout 3 /usr/bin/divvy watch --json </dev/null >"$tmp/watch" 2>&1 &
	sleep 1
	divvy set web=61
	divvy set web=60
	wait $!
	grep -q web "$tmp/watch"
	check "divvy watch" "$? == 0" || diag <"$tmp/watch"
	try "divvy release DEVICE" divvy release batch
	verb . apply $spec
	await 5 divvy_bound on
	sed 's/share: 60/shares: 60/' $spec >"$tmp/wrong.yaml"
	! divvy apply "$tmp/wrong.yaml" >"$tmp/said" 2>&1 && says said ':6:[0-9]+: '
	check "a wrong specification: one line, and refused" "$? == 0" || diag <"$tmp/said"
	setpriv --reuid 65534 --regid 65534 --clear-groups /usr/bin/divvy status >/dev/null 2>&1
	check "a stranger is refused" "$? != 0"
	setpriv --reuid 65534 --regid 65534 --groups divvy /usr/bin/divvy status >"$tmp/said" 2>&1
	check "a member of group divvy is served" "$? == 0" || diag <"$tmp/said"
	setpriv --reuid 65534 --regid 65534 --groups divvy-read /usr/bin/divvy status >"$tmp/said" 2>&1
	check "a member of group divvy-read may ask" "$? == 0" || diag <"$tmp/said"
	! setpriv --reuid 65534 --regid 65534 --groups divvy-read /usr/bin/divvy set web=1 >/dev/null 2>&1
	check "and change nothing" "$? == 0"
}

under_flood() { # what, command: while both VMs flood nothing is lost, and shares hold
	doing=$2
	flood "doing_it" 10
	check_lossless "$1"
	check_shares "$1"
	await 10 divvy_bound on
	check "$1: both are bound" "$? == 0" || divvy status | diag
}

doing_it() {
	measure_shares
	$doing
	measure_shares
}

upgrade() {
	dpkg -i /divvy/deb/divvy_[0-9.]*[0-9]_amd64.deb >"$tmp/dpkg" 2>&1 || diag <"$tmp/dpkg"
}

case_upgrade() {
	local before pid
	before=$(enforced)
	pid=$(main_pid)
	under_flood "upgrade under flood" upgrade
	await 10 restarted "$pid"
	check "upgrade: divvyd was restarted" "$? == 0"
	[[ $(/usr/bin/divvy --version) != *before ]]
	check "upgrade: the new version runs" "$? == 0"
	[[ $(enforced) == "$before" ]]
	check "upgrade: releases nothing: the classes are as they were" "$? == 0" || { echo "$before"; enforced; } | diag
}

stop_start() {
	systemctl stop divvyd
	sleep 1
	[[ $(classes | grep -c htb) -ge 3 ]] || echo "# the classes went"
	systemctl start divvyd
}
restart() {
	systemctl restart divvyd
}
be_killed() {
	systemctl kill -s KILL --kill-whom=main divvyd
	await 10 restarted "$killed" || echo "# no divvyd after SIGKILL"
}
oom() {
	systemctl set-property --runtime divvyd MemoryMax=256K MemorySwapMax=0
	divvy status >/dev/null 2>&1
	sleep 2
	systemctl set-property --runtime divvyd MemoryMax=infinity
	systemctl reset-failed divvyd 2>/dev/null
	active divvyd || systemctl start divvyd
}

case_ends() {
	under_flood "systemctl stop, start" stop_start
	under_flood "systemctl restart" restart
	killed=$(main_pid)
	under_flood "SIGKILL" be_killed
	killed=$(main_pid)
	under_flood "the OOM killer" oom
	await 10 restarted "$killed"
	check "the OOM killer: divvyd runs again" "$? == 0"
	journalctl -b -u divvyd --no-pager | grep -q 'oom-kill'
	check "the OOM killer: it was it" "$? == 0" || journalctl -b -u divvyd --no-pager -n 20 | diag
}

said_unsaved() {
	divvy status | grep -q 'cannot save'
}
saved() {
	! said_unsaved
}

case_full_disk() {
	dd if=/dev/zero of=/var/full bs=1M status=none 2>/dev/null
	dd if=/dev/zero of=/var/fuller bs=1k status=none 2>/dev/null
	divvy set web=70 batch=30 >"$tmp.full" 2>&1 # the message goes nowhere
	await 5 is web share 70
	check "full disk: shares change all the same" "$? == 0"
	await 12 said_unsaved
	check "full disk: status says that it is not saved" "$? == 0" || divvy status | diag
	rm -f /var/full /var/fuller
	await 25 saved
	check "full disk: saved once there is room" "$? == 0" || divvy status | diag
	divvy set web=60 batch=40
	[[ -z $(find /var/lib/divvy -name '*.bad*') ]]
	check "full disk: no state was spoilt" "$? == 0"
}

running_vms() {
	local v
	for v in web batch; do
		[[ $(sed -n 's/^frozen //p' "/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/${vm_pid[$v]}/cgroup")/cgroup.events") == 0 ]] || return 1
	done
}

takes_turns() {
	(($(of web pauses) > 10))
}

case_cpu() {
	local pid
	apply_cpu ""
	check "CPU slots: applied" "$? == 0" || diag <"$tmp/said"
	busy 120
	await 20 takes_turns
	check "CPU slots: VMs in scopes of machine.slice take turns" "$? == 0" || { divvy status; divvy slots; } | diag
	verb . slots
	echo "# web is in $(sed -n 's/^0:://p' "/proc/${vm_pid[web]}/cgroup")"
	within 520 680 3
	check "CPU slots: 60:40 within 8 points" "$? == 0"
	pid=$(main_pid)
	systemctl kill -s KILL --kill-whom=main divvyd
	await 2 running_vms
	check "CPU slots: divvyd killed: both VMs run" "$? == 0"
	await 10 restarted "$pid"
	await 20 takes_turns
	check "CPU slots: the next divvyd goes on" "$? == 0" || divvy status | diag
	systemctl kill -s KILL --kill-whom=main divvy-guard
	await 10 active divvy-guard
	await 20 takes_turns
	check "CPU slots: divvy-guard killed: turns go on" "$? == 0"
	systemctl stop divvyd
	await 5 running_vms
	check "CPU slots: stopped: both VMs run" "$? == 0"
	[[ $(sed -n 's/^0:://p' "/proc/${vm_pid[web]}/cgroup") == */machine-qemu-web.scope ]]
	check "CPU slots: stopped: a VM is where systemd has put it" "$? == 0" || diag <"/proc/${vm_pid[web]}/cgroup"
	systemctl start divvyd
	vm_ask web stop
	vm_ask batch stop
	vm_reply web
	vm_reply batch
	divvy apply $spec
	await 10 divvy_bound on
	check "CPU slots: devices again" "$? == 0" || divvy status | diag
}

case_vhost() {
	vm_stop_all
	use_kind vhost
	start_vms
	await 5 divvy_bound on
	check "vhost_net: both VMs are bound" "$? == 0" || divvy status | diag
	under_flood "vhost_net" true
	vm_stop_all
	use_kind tap
}

bound_at() { # microseconds since the boot, by divvyd's log
	journalctl -b -u divvyd -o short-monotonic --no-pager | sed -n 's/^\[ *\([0-9]*\)\.\([0-9]*\)\].*web: bound to n0.*/\1\2/p' | tail -n 1
}

bound_ms() { # sets ms: from when the VM's scope is there, and its VMM starts, until it is divided
	local began
	vm_scope web
	await 15 is web state bound
	began=$(systemctl show -P ActiveEnterTimestampMonotonic machine-qemu-web.scope)
	ms=$((($(bound_at) - began) / 1000))
	vm_ready web
}

case_reboot() {
	try "after a reboot: divvyd and divvy-guard run" active divvyd divvy-guard
	make_host
	bound_ms
	check "after a reboot: a VM is divided $ms ms after its start, at most 3,000" "ms <= 3000" || divvy status | diag
	vm_scope batch
	vm_ready batch
	await 5 divvy_bound on
	is web share 60
	check "after a reboot: with the shares that were set" "$? == 0"
	under_flood "after a reboot" true
}

case_remove() {
	try "remove, with what depends on it, as apt does" dpkg -r divvy-exporter divvy
	await 5 untouched
	check "remove: nothing of divvy's is left at links" "$? == 0" || { ip -br link; tc qdisc show; } | diag
	vm_ask web sndbuf
	vm_reply web
	[[ $REPLY == sndbuf=2147483647 ]]
	check "remove: send buffers are as they were" "$? == 0" || diag <<<"$REPLY"
	! active divvyd && ! active divvy-guard
	check "remove: no daemon runs" "$? == 0"
	try "purge" dpkg --purge divvy divvy-exporter
	find / -xdev -iname '*divvy*' ! -path '/divvy*' ! -path '/proc/*' ! -path '/var/log/*' 2>/dev/null >"$tmp/left"
	find /run /sys/fs/cgroup -iname '*divvy*' 2>/dev/null >>"$tmp/left"
	check "purge: no file, cgroup or unit is left" "$(wc -l <"$tmp/left") == 0" || diag <"$tmp/left"
	vm_stop_all
}

tmp=/run/whole-test
mkdir -p $tmp
echo "##start $(uname -r), systemd $(systemctl --version | awk 'NR == 1 { print $2 }'), up in $(cut -d ' ' -f 1 /proc/uptime) s"
asked() { # of the kernel's command line: words
	sed -n "s/.* divvy\.$1=\([^ ]*\).*/\1/p" /proc/cmdline | tr + ' '
}
if [[ ! -e $kept ]]; then
	read -ra cases <<<"$(asked cases)"
	read -ra only <<<"$(asked tests)"
	((${#only[@]} == 0)) || suites=("${only[@]}")
	[[ ${only[*]} != all ]] || suites=("${suites_all[@]}")
	((${#cases[@]} > 0)) && part=1 || part=0 cases=(install suites verbs upgrade ends full_disk cpu vhost)
	for c in "${cases[@]}"; do
		"case_$c"
		echo "# up $(cut -d ' ' -f 1 /proc/uptime) s"
	done
	((part == 0)) || {
		trap - EXIT
		tap_done
		finish $?
	}
	kept_counts
	trap - EXIT
	sync
	systemctl reboot
	exit 0
fi
# shellcheck disable=SC1090
. $kept
case_reboot
case_remove
trap - EXIT
tap_done
finish $?
