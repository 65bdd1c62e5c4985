#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# CPU slots of VMs with vhost-net: the workers that nothing pauses are told, and a cgroup that others have frozen is noticed
# although a kernel thread in it keeps it from saying "frozen". Runs inside a test host (long.sh). Prints TAP.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/system/cpu_lib.sh
. "$root/tests/system/cpu_lib.sh"

v2=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
above=$v2/machine-qemu-1-web.scope # libvirt's; divvy takes its word that it holds one VM, whatever else is in it

kernel_threads() { # name: how many of its workers are
	local n=0 p
	for p in /proc/[0-9]*; do
		# Kernel threads have no command line.
		[[ $(cat "$p/comm" 2>/dev/null) == "vhost-${vm_pid[$1]}" && -z $(tr -d '\0' <"$p/cmdline") ]] && n=$((n + 1))
	done
	echo $n
}

kernel_threads_in() { # cgroup
	local p
	while read -r p; do
		[[ -n $(tr -d '\0' <"/proc/$p/cmdline") ]] || cat "/proc/$p/comm"
	done <"$1/cgroup.procs" | paste -sd ' '
}

told() { # name, pattern
	divvy status | grep -qE "$1: .*$2|$2"
}

workers_are() { # number: of web and of batch
	is web unpaused_workers "$1" && is batch unpaused_workers "$1"
}

case_workers() {
	local n
	n=$(kernel_threads web)
	apply_cpu "" || diag <"$tmp/said"
	await 3 workers_are "$n"
	check "$n kernel threads of each VM: status counts them" "$? == 0" || json | diag
	busy 5
	sleep 1.5
	if ((n > 0)); then
		told web "vhost goes on sending for it while it is paused"
		check "status says that they are not paused" "$? == 0" || divvy status | diag
		check "the log says it once a VM" "$(grep -c 'vhost goes on sending' "$tmp/divvyd.log") == 2"
		check "status counts their CPU time" "$(of web unpaused_ns) + $(of batch unpaused_ns) > 0"
	else
		check "none is told of" "$(divvy status | grep -c vhost) == 0"
	fi
	check "the VMs take turns" "$(of web pauses) > 10"
}

held_is() { # 0 | 1
	local n
	n=$(divvy status | grep -c 'another program has frozen its cgroup')
	((n == $1))
}

case_held() {
	local me
	vm_stop_all
	me=$v2$(sed -n 's/^0:://p' /proc/$$/cgroup)
	mkdir -p "$above/libvirt"
	echo $$ >"$above/libvirt/cgroup.procs" # vhost's worker belongs to the cgroup of who opens the device
	vm_start web
	vm_ready web
	echo $$ >"$me/cgroup.procs"
	apply_cpu "" || diag <"$tmp/said"
	busy_web 40
	sleep 1
	[[ $(cgroup_dir web) == "$above/libvirt" ]]
	check "the VM is paused in the cgroup of its own" "$? == 0"
	echo "# with it: $(kernel_threads_in "$above/libvirt")"
	held_is 0
	check "nobody has frozen it" "$? == 0" || divvy status | diag
	echo 1 >"$above/cgroup.freeze"
	await 13 held_is 1
	check "another program freezes the cgroup above: status says so" "$? == 0" || divvy status | diag
	echo "# cgroup.events of the VM: $(paste -sd ' ' "$above/libvirt/cgroup.events")"
	echo 0 >"$above/cgroup.freeze"
	await 13 held_is 0
	check "it thaws it: status does not say so any more" "$? == 0" || divvy status | diag
}

busy_web() { # seconds
	vm_ask web "flood $1 $frame ${dst_mac[web]} ${src_ip[web]} 10.77.0.1 ${port[web]}"
}

lib_init
use_kind vhost
for what in workers held; do
	run_case $what
done
[[ ! -d $above ]] || rmdir "$above/libvirt" "$above"
tap_done
