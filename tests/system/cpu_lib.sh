# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# cpu_lib.sh: what tests of CPU slots share. Sourced; the test calls lib_init, run_case for each case, and tap_done.
# The stand-ins for VMs flood without backpressure, so each is busy for as long as it may run.

# shellcheck disable=SC2154 # root is the test's
# shellcheck source=tests/system/lib.sh
. "$root/tests/system/lib.sh"
vm_under=(nice -n -10) # a slot is the VM's, whatever else this machine does

apply_cpu() { # keys of the schedule behind resource: cpu
	cat >"$tmp/cpu.yaml" <<-END
		schedule: {resource: cpu$1}
		uplinks:
		  - name: up0
		    capacity: 1gbit
		    devices:
		      - {name: web, nic: n0, share: 60}
		      - {name: batch, nic: n1, share: 40}
	END
	divvy apply "$tmp/cpu.yaml" >"$tmp/said" 2>&1
}

busy() {
	local v
	for v in web batch; do
		vm_ask $v "flood ${1:-60} $frame ${dst_mac[$v]} ${src_ip[$v]} 10.77.0.1 ${port[$v]}"
	done
}

cpu_us() { # name: CPU time of the VM's process
	awk '{ print int($1 / 1000) }' "/proc/${vm_pid[$1]:-none}/schedstat" 2>/dev/null || echo 0
}

measure_cpu() { # seconds; sets web_permille, lanes_permille
	local t0=${EPOCHREALTIME/./} w0 b0 w b
	w0=$(cpu_us web) b0=$(cpu_us batch)
	sleep "$1"
	w=$(($(cpu_us web) - w0)) b=$(($(cpu_us batch) - b0))
	web_permille=$((w + b > 0 ? 1000 * w / (w + b) : 0))
	lanes_permille=$((1000 * (w + b) / (${EPOCHREALTIME/./} - t0)))
	echo "# web $((w / 1000)) ms, batch $((b / 1000)) ms: $((web_permille / 10)).$((web_permille % 10)) %, $lanes_permille permille of a core"
}

# On a crowded host others take the CPU out of slots: of several windows one has to be undisturbed.
within() { # least, most (permille that web has), seconds
	local i
	for i in 1 2 3 4; do
		measure_cpu "$3"
		((lanes_permille > 600 && $1 <= web_permille && web_permille <= $2)) && return 0
	done
	return 1
}

several_at_once() {
	local i
	for i in 1 2 3 4; do
		measure_cpu 2
		((lanes_permille >= 1050)) && return 0
	done
	return 1
}

stopped() { # name: it makes no progress for 30 ms
	local before
	before=$(cpu_us "$1")
	sleep 0.03
	[[ $(cpu_us "$1") == "$before" ]]
}

cgroup_dir() { # name: of the cgroup that the VM is in, where it is paused
	local v2
	v2=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
	echo "$v2$(sed -n 's/^0:://p' "/proc/${vm_pid[$1]}/cgroup")"
}

nobody_paused() {
	local v
	for v in "${!vm_pid[@]}"; do
		[[ $(cat "$(cgroup_dir "$v")/cgroup.freeze" 2>/dev/null || echo 0) == 0 ]] || return 1
	done
}

run_case() {
	: >"$tmp/divvyd.log"
	set_up bridge
	"case_$1"
	divvy release --all 2>&1 | diag
	await 3 nobody_paused
	check "$1: nobody is paused after release" "$? == 0"
	divvy_stop
	vm_stop_all
	pkill -f "divvy-guard.*$tmp"
	remove_topology
}
