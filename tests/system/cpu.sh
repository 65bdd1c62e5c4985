#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# cpu.sh [CASE...]: CPU slots on real processes: shares of CPU time, live changes, and what goes wrong. Prints TAP.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/system/cpu_lib.sh
. "$root/tests/system/cpu_lib.sh"

case_shares() {
	local policy
	busy 200
	for policy in paper smooth credit boost adrr; do
		apply_cpu ", policy: $policy" || diag <"$tmp/said"
		within 580 620 2
		check "$policy: CPU time is 60:40 within 2 points" "$? == 0"
		check "$policy: one VM at a time" "lanes_permille <= 1050"
	done
	divvy set web=20 batch=80
	within 180 220 2
	check "set 20:80 while they run" "$? == 0"
	divvy set schedule.policy=smooth schedule.lanes=2
	several_at_once
	check "two lanes: more than one VM at a time" "$? == 0"
	divvy set schedule.lanes=1 schedule.slot=50ms schedule.gate=quota web=60 batch=40 >"$tmp/said" 2>&1
	check "gate: quota, changed while they run" "$? == 0" || diag <"$tmp/said"
	within 550 650 3
	check "quota: CPU time is 60:40 within 5 points" "$? == 0"
	[[ $(of web pauses) -gt 10 ]]
	check "status counts the pauses" "$? == 0"
	divvy set schedule.resource=device
	measure_cpu 1
	check "back to the device: no VM is paused any more" "lanes_permille >= 1050 || web_permille >= 400"
	[[ $(cgroup_dir web) != *divvy-* ]]
	check "back to the device: VMs are in the cgroup they came from" "$? == 0"
}

widest() { # line of a table; sentences below its rows are indented
	grep -v '^ ' | awk '{ if (length() > n) n = length() } END { print n + 0 }'
}

case_tables() {
	apply_cpu ""
	sleep 0.3
	[[ $(divvy status | awk '$1 == "web" { print $7 }') == +0.00 ]]
	check "idle VMs: no error of next to nothing" "$? == 0" || divvy status | diag
	busy
	sleep 1
	check "discover: at most 80 columns" "$(divvy discover | widest) <= 80"
	check "status: at most 80 columns" "$(divvy status | widest) <= 80" || divvy status | diag
	divvy slots | tail -n 2 | grep -q ' web$' && divvy slots | tail -n 2 | grep -q ' batch$'
	check "slots: whose each is" "$? == 0" || divvy slots | tail -n 3 | diag
	divvy set schedule.resource=device
	check "status of devices: at most 80 columns" "$(divvy status | widest) <= 80" || divvy status | diag
}

case_nft() { # slots leave packets alone, and so nobody's chain is passed by
	divvy release --all
	in_host nft -f - <<-END
		table netdev theirs {
			chain in {
				type filter hook ingress device n1 priority 0
			}
		}
	END
	apply_cpu ""
	check "an nft ingress chain does not hinder CPU slots" "$? == 0" || diag <"$tmp/said"
	[[ $(of batch state) == bound ]]
	check "its vNIC is bound" "$? == 0"
	divvy set schedule.resource=device >"$tmp/said" 2>&1
	check "but it hinders that the device is scheduled" "$? == 1"
	grep -q 'nft chain theirs/in hooks n1 at ingress' "$tmp/said" && [[ $(of web pauses) =~ [0-9] ]]
	check "and the slots go on" "$? == 0" || diag <"$tmp/said"
}

case_refused() {
	apply_cpu ", slot: 1ms"
	check "a slot that is too short for the gate is refused" "$? == 1"
	grep -qE ':1:[0-9]+: .*slot.*at least' "$tmp/said"
	check "and told the bound and why" "$? == 0" || diag <"$tmp/said"
	apply_cpu ", slots: 100001"
	check "more slots than fit a round are refused" "$? == 1"
	grep -qE ':1:.*slots.*from 1 to 100000' "$tmp/said"
	check "and told how many do" "$? == 0" || diag <"$tmp/said"
	apply_cpu ", policy: lottery"
	check "an unknown policy is refused" "$? == 1"
	grep -q paper "$tmp/said"
	check "and told those that there are" "$? == 0"
	apply_cpu ""
	divvy set web=50 schedule.slot=1ms >"$tmp/said" 2>&1
	check "so is a slot that set makes too short" "$? == 1" || diag <"$tmp/said"
	! grep -q 'set: ' "$tmp/divvyd.log" && divvy show | grep -q 'web.*share: 60'
	check "and nothing of it is done, or logged as done" "$? == 0" || diag <"$tmp/divvyd.log"
	apply_cpu ", slots: 2"
	divvy set web=1000 batch=1 >/dev/null
	await 3 eval '[[ $(of batch raised) == true ]] && grep -q "less than one slot" "$tmp/divvyd.log"'
	check "a share worth no slot gets one, with a warning" "$? == 0"
}

case_no_cgroups() { # the system's file wants CPU slots, and the host cannot do them
	local before=("${divvyd_in[@]}")
	can_mount "no cgroups" || return
	divvy_stop
	cat >"$tmp/none.yaml" <<-END
		schedule: {resource: cpu}
		uplinks:
		  - {name: up0, capacity: 1gbit, devices: [{name: web, nic: n0}, {name: batch, nic: n1}]}
	END
	divvyd_in=(unshare --mount sh -c '
		umount -l $(awk "\$3 ~ /^cgroup/ { print \$2 }" /proc/mounts)
		exec "$@"' sh)
	divvy_start
	[[ $(of web backpressure) == on ]]
	check "no cgroups: devices are scheduled" "$? == 0" || json | diag
	divvy status | grep -q 'devices are scheduled, not the CPU.*no control groups: mount'
	check "and status says so, and why" "$? == 0" || divvy status | diag
	divvy set web=2
	! divvy status | grep -q 'not the CPU'
	check "until somebody says what they want" "$? == 0" || divvy status | diag
	divvy_stop
	rm "$tmp/none.yaml"
	local without=("${divvyd_in[@]}")
	divvyd_in=("${before[@]}")
	divvy_start
	apply_cpu ""
	divvy_stop
	divvyd_in=("${without[@]}")
	divvyd_launch
	divvy status | grep -q 'not the CPU'
	check "CPU slots were applied, and cannot be done at the next start" "$? == 0" || divvy status | diag
	divvy_stop
	divvyd_in=("${before[@]}")
	divvyd_launch
	await 3 eval '[[ $(of web pauses) -gt 2 ]]'
	check "they are not forgotten: the start after that has them" "$? == 0" || divvy status | diag
}

case_no_freezer() { # a host with cgroup v1 and without its freezer
	if ! grep -q ' cgroup [^ ]*,cpu[, ]' /proc/mounts; then
		skip "without a freezer" "this host has no cgroup v1 cpu controller"
		return
	fi
	can_mount "without a freezer" || return
	divvy_stop
	divvyd_in=(unshare --mount sh -c '
		umount -l $(awk "\$3 == \"cgroup2\" || (\$3 == \"cgroup\" && \$4 ~ /freezer/) { print \$2 }" /proc/mounts)
		exec "$@"' sh)
	divvyd_launch
	apply_cpu ""
	check "without a freezer: the gate freeze is refused" "$? == 1"
	grep -q 'freezer: use gate: quota, slot: 20ms' "$tmp/said"
	check "and told what to use instead" "$? == 0" || diag <"$tmp/said"
	apply_cpu ", gate: quota, slot: 50ms"
	check "which is taken" "$? == 0" || diag <"$tmp/said"
	busy
	within 560 640 3
	check "and holds the shares" "$? == 0"
	divvy_stop
	divvyd_in=()
	divvyd_launch
}

slots_ended_early() {
	json | grep -o '"early_slots":[0-9]*' | cut -d: -f2
}

case_wakes() { # a VM that was idle wakes up in the slot of another
	local policy before
	vm_ask batch "flood 60 $frame ${dst_mac[batch]} ${src_ip[batch]} 10.77.0.1 ${port[batch]}"
	for policy in credit boost; do
		apply_cpu ", policy: $policy, slot: 400ms" || diag <"$tmp/said"
		sleep 4 # three slots of web's, in which it does nothing
		before=$(slots_ended_early)
		vm_ask web "flood 1 $frame ${dst_mac[web]} ${src_ip[web]} 10.77.0.1 ${port[web]}"
		if [[ $policy == boost ]]; then
			await 1 eval '(($(slots_ended_early) > before))'
			check "boost: the slot under way ends for it" "$? == 0"
		else
			before=$(of batch pauses)
			sleep 0.3
			echo "# credit: within 0.3 s batch is paused $(($(of batch pauses) - before)) times"
		fi
		sleep 1.5
	done
}

bursts() { # seconds each: 20 of web's; sets batch_permille, what batch had of a core
	local i t0=${EPOCHREALTIME/./} used
	used=$(cpu_us batch)
	for i in {1..20}; do
		vm_ask web "flood $1 $frame ${dst_mac[web]} ${src_ip[web]} 10.77.0.1 ${port[web]}"
		sleep 0.1
	done
	batch_permille=$((1000 * ($(cpu_us batch) - used) / (${EPOCHREALTIME/./} - t0)))
	echo "# batch had $batch_permille permille of a core"
}

bursts_early() { # seconds each; sets early, the slots that ended early, too
	local before
	before=$(slots_ended_early)
	bursts "$1"
	early=$(($(slots_ended_early) - before))
	echo "# $early slots ended early"
}

case_bursts() { # a VM that is idle but for short bursts needs no slots, or short ones
	local before
	vm_ask batch "flood 60 $frame ${dst_mac[batch]} ${src_ip[batch]} 10.77.0.1 ${port[batch]}"
	apply_cpu ", policy: smooth, slot: 20ms" || diag <"$tmp/said"
	sleep 1
	before=$(of batch pauses)
	bursts 0.002
	check "smooth: for bursts of 2 ms nobody is paused" "$(of batch pauses) - before <= 5"
	apply_cpu ", policy: boost, slot: 20ms" || diag <"$tmp/said"
	sleep 1
	# For a burst one slot ends early, and its own does: two, or three where the host is busy.
	await 15 eval 'bursts_early 0.008; ((batch_permille >= 700 && 20 <= early && early <= 60))'
	check "boost: for bursts of 8 ms slots begin and end early, and nobody is paused for long" "$? == 0"
}

soon() { # command: begun right after a slot of 1 s began, it is done well before that would end; one try of three
	local t0 took before
	for _ in 1 2 3; do
		apply_cpu ", slot: 1s"
		before=$(of web pauses)
		await 6 eval '[[ $(of web pauses) -gt ${before:-0} ]]'
		t0=${EPOCHREALTIME/./}
		"$1"
		took=$(((${EPOCHREALTIME/./} - t0) / 1000))
		echo "# $1: $took ms"
		((took <= 700)) && return 0
	done
	return 1
}

short_slots() {
	local before
	before=$(of web pauses)
	divvy set schedule.slot=10ms
	await 5 eval '(($(of web pauses) > before + 5))'
}

no_slots() {
	divvy set schedule.resource=device
}

case_long_slots() { # nobody waits for the end of a slot
	busy
	soon short_slots
	check "from slots of 1 s to 10 ms: these begin at once" "$? == 0"
	soon no_slots
	check "in a slot of 1 s back to the device: at once" "$? == 0"
}

# Pausing a VM of many threads takes long. With 600 of them three to four times the tenth of a slot of which divvyd warns;
# with 1,500 the two processors were so busy waking them that divvyd itself waited for its turn.
case_slow_gate() {
	local dir i pids=()
	apply_cpu ", slot: 2ms"
	busy
	await 3 eval '[[ $(of web pauses) -gt 2 ]]'
	dir=$(cgroup_dir web)
	echo "# at first: $(json | grep -o '"switch_ms":[0-9.]*')"
	for ((i = 0; i < 600; i++)); do
		sleep 60 &
		pids+=($!)
	done
	printf '%s\n' "${pids[@]}" | while read -r i; do echo "$i" >"$dir/cgroup.procs"; done
	await 20 grep -q 'pausing and resuming VMs takes .* slot of 2 ms' "$tmp/divvyd.log"
	check "a slow gate: the log says so, and which slot would do" "$? == 0" || tail -n 5 "$tmp/divvyd.log" | diag
	json | grep -q '"switch_ms":[1-9]\|"switch_ms":0\.[1-9]'
	check "and status what it takes" "$? == 0"
	kill "${pids[@]}"
	wait "${pids[@]}" 2>/dev/null
}

case_exits() { # a VM ends while it is paused; a cgroup vanishes
	busy
	apply_cpu ", slot: 500ms"
	await 3 stopped batch
	check "batch is paused" "$? == 0"
	vm_kill batch
	await 2 eval '[[ $(of batch state) == waiting ]]'
	check "a VM that was killed while paused is gone" "$? == 0"
	await 2 eval '[[ $(of web running) == true ]]'
	local pauses
	pauses=$(of web pauses)
	sleep 1.5
	[[ -n $pauses && $(of web pauses) == "$pauses" ]]
	check "the other one is not paused any more" "$? == 0"
	vm_start batch
	vm_ready batch
	await 2 eval '[[ $(of batch pauses) =~ [0-9] ]]'
	check "started again: it takes part again" "$? == 0"
	await 7 eval '[[ $(of batch slots_run_total) =~ ^[1-9] ]]'
	check "started again: it gets slots" "$? == 0"
}

case_churn() { # a link that is nobody's changes faster than slots do
	apply_cpu ", policy: smooth"
	busy
	churn_start 0.007
	within 580 620 2
	check "a link that changes every 7 ms: CPU time is 60:40 within 2 points" "$? == 0"
	churn_stop
}

case_held() { # somebody else freezes the VM's cgroup's parent
	apply_cpu ""
	busy
	local dir
	dir=$(cgroup_dir web)
	[[ $dir == *divvy-* ]]
	check "a VM started by hand has a cgroup of divvy's" "$? == 0"
	divvy_stop
	await 1 nobody_paused
	check "divvyd stopped: nobody is paused" "$? == 0"
	[[ $(cgroup_dir web) != *divvy-* ]]
	check "divvyd stopped: the VM is back where it was" "$? == 0"
	divvyd_launch
	await 3 eval '[[ $(of web pauses) -gt 2 ]]'
	check "divvyd started: slots go on" "$? == 0"
	divvy_stop
	await 1 nobody_paused && [[ $(cgroup_dir web) != *divvy-* ]]
	check "stopped after a start with slots: the VM is back where it was" "$? == 0"
	[[ ! -e $tmp/socket ]]
	check "and the socket is gone" "$? == 0"
	divvyd_launch
}

case_no_vmm() { # a process that is no VMM holds a tap
	vm_kill batch
	vmm=vpnd
	vm_start batch
	vm_ready batch
	vmm=qemu-system-x86_64
	apply_cpu ""
	await 3 eval '[[ $(of batch state) == bound && $(of web running) == true ]]'
	check "no VMM: its tap is bound" "$? == 0"
	apply_cpu ""
	grep -q '^1 of them takes no part' "$tmp/said"
	check "no VMM: apply says that one takes no part" "$? == 0" || diag <"$tmp/said"
	[[ $(of batch pauses) == "" && $(cgroup_dir batch) != *divvy-* ]]
	check "no VMM: it takes no part" "$? == 0"
	of batch why | grep -q 'vpnd.*noVMMthatdivvyknows'
	check "no VMM: and status says why" "$? == 0" || json | diag
	vm_ask batch "exec qemu-system-x86_64 batch"
	vm_ready batch
	divvy discover >/dev/null
	await 1 eval '[[ $(of batch pauses) =~ [0-9] && $(cgroup_dir batch) == *divvy-* ]]'
	check "no VMM: it does once it is one" "$? == 0"
}

case_silent() { # divvyd is stopped for a second: as after a suspend, its deadlines have passed
	apply_cpu ""
	busy
	divvyd_child=$(pgrep -P "$divvyd_pid" divvyd || echo "$divvyd_pid")
	await 3 eval '[[ $(of web pauses) -gt 2 ]]'
	kill -STOP "$divvyd_child"
	sleep 0.2
	nobody_paused
	check "divvyd silent for 200 ms: nobody is paused" "$? == 0"
	sleep 0.8
	kill -CONT "$divvyd_child"
	# shellcheck disable=SC2034 # eval uses it
	local skipped
	await 2 eval 'skipped=$(json | grep -o "\"skipped_slots\":[0-9]*" | cut -d: -f2); ((skipped >= 50))'
	check "it goes on: the slots that passed are skipped, not made up for" "$? == 0"
	within 580 620 2
	check "and shares hold again" "$? == 0"
}

case_rights() { # what each thread of divvyd may do while slots run; see kernel/proc/privilege.c
	apply_cpu ""
	busy
	await 3 eval '[[ $(of web pauses) -gt 2 ]]'
	local daemon threads=0 bad=0 all eff
	daemon=$(pgrep -P "$divvyd_pid" divvyd || echo "$divvyd_pid")
	all=$(awk '/^CapEff/ { print $2 }' "/proc/$daemon/status")
	for t in "/proc/$daemon/task/"*; do
		eff=$(awk '/^CapEff/ { print $2 }' "$t/status")
		threads=$((threads + 1))
		# CAP_DAC_OVERRIDE is bit 1, CAP_SYS_ADMIN bit 21
		[[ $eff == "$all" ]] && (((0x$eff & (1 << 1 | 1 << 21)) == 0)) || bad=$((bad + 1))
		[[ $(awk '/^NoNewPrivs/ { print $2 }' "$t/status") == 1 ]] || bad=$((bad + 1))
	done
	echo "# $threads threads, CapEff $all"
	check "the slot thread is one of divvyd's threads" "threads >= 2"
	check "no thread has more rights in force than it needs" "bad == 0"
	apply_cpu ", slot: 20ms" && divvy set web=50 batch=50 >/dev/null
	eff=$(cat "/proc/$daemon/task/"*/status | awk '/^CapEff/ { print $2 }' | sort -u)
	[[ $eff == "$all" ]]
	check "nor after VMs were moved and the schedule was changed" "$? == 0"
}

case_killed() { # divvyd dies in the middle of slots
	local i still=0
	apply_cpu ""
	busy 120
	for ((i = 0; i < ${KILLS:-10}; i++)); do
		sleep "0.$((RANDOM % 400 + 100))"
		divvyd_kill
		sleep 0.1
		nobody_paused || still=$((still + 1))
		divvyd_launch
		await 3 eval '[[ $(of web pauses) -gt 1 ]]' || still=$((still + 1))
	done
	echo "# $i kills, VMs still paused 100 ms later: $still"
	check "divvyd killed: nobody is paused 100 ms later" "still == 0"
	local guard
	guard=$(pgrep -f "divvy-guard.*$tmp")
	check "there is one guard" "$(wc -w <<<"$guard") == 1"
	kill -KILL "$guard"
	await 3 eval 'guard2=$(pgrep -f "divvy-guard.*$tmp"); [[ -n $guard2 && $guard2 != '"$guard"' ]]'
	check "guard killed: divvyd starts another" "$? == 0"
	kill -KILL "$(pgrep -f "divvy-guard.*$tmp")"
	divvyd_kill
	divvyd_launch
	divvy set schedule.resource=device
	await 1 nobody_paused
	check "both killed: the next start lets everybody run" "$? == 0"
}

guard_cgroups() { # lists them; other guards of this host may be in them, as long as they live
	awk '$3 ~ /^cgroup/ { print $2 "/divvy.guard" }' /proc/mounts | while read -r dir; do
		[[ ! -d $dir ]] || echo "$dir" "$(tr '\n' ' ' <"$dir/cgroup.procs")"
	done
}

ours_in_cgroups() { # our guard is in one
	local guard
	guard=$(pgrep -f "divvy-guard.*$tmp") && guard_cgroups | grep -qw "$guard"
}

no_leftovers() { # of our guard or of one that is dead
	! pgrep -f "divvy-guard.*$tmp" >/dev/null && ! guard_cgroups | grep -qE 'guard *$'
}

none_left() { # seconds, what
	await "$1" no_leftovers
	check "$2: no cgroup of the guard is left" "$? == 0" || guard_cgroups | diag
}

case_leftovers() { # the guard's own cgroups, one in each hierarchy
	apply_cpu ""
	await 3 ours_in_cgroups
	check "the guard is in cgroups of its own" "$? == 0"
	divvy release --all >/dev/null
	none_left 3 "release"
	apply_cpu ""
	await 3 ours_in_cgroups
	divvy_stop
	none_left 3 "divvyd stopped"
	divvyd_launch
	await 3 eval '[[ $(of web pauses) -gt 2 ]]'
	divvyd_kill
	ours_in_cgroups
	check "divvyd killed: its guard is ready for the next one" "$? == 0"
	none_left 6 "divvyd killed, and no next one"
	divvyd_launch
	await 3 eval '[[ $(of web pauses) -gt 2 ]]'
	divvyd_kill
	kill -KILL "$(pgrep -f "divvy-guard.*$tmp")"
	await 3 eval '! pgrep -f "divvy-guard.*$tmp" >/dev/null'
	[[ -n $(guard_cgroups) ]]
	check "both killed: something is left" "$? == 0"
	divvy_start # without a specification: no guard
	none_left 1 "the next start, without CPU slots"
	divvy_apply on && apply_cpu ""
	await 3 ours_in_cgroups
	divvy_stop
	none_left 3 "and its end"
	divvyd_launch
}

lib_init
cases=(shares tables nft refused no_cgroups no_freezer wakes bursts long_slots slow_gate exits churn held no_vmm silent rights killed
	leftovers)
(($# > 0)) || set -- "${cases[@]}"
for c; do
	run_case "$c"
done
tap_done
