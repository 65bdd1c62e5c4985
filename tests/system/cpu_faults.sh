#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# cpu_faults.sh [CASE...]: CPU slots where others interfere, and where what they depend on goes away. Prints TAP.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/system/cpu_lib.sh
. "$root/tests/system/cpu_lib.sh"

v2=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
theirs=$v2/theirs-$$ # a cgroup that somebody else made

flips() { # name: it is paused and let run in turn
	local before
	before=$(of "$1" pauses)
	sleep 0.3
	[[ $before =~ ^[0-9] && $(of "$1" pauses) -gt $before ]]
}

left_running() { # name
	local before
	before=$(of "$1" pauses)
	sleep 0.3
	[[ $before =~ ^[0-9] && $(of "$1" pauses) == "$before" ]] && nobody_paused
}

frozen() { # name
	[[ $(cat "$(cgroup_dir "$1")/cgroup.freeze") == 1 ]]
}

give_back() { # name: to the root, and away with the cgroup of others
	echo "${vm_pid[$1]}" >"$v2/cgroup.procs"
	await 3 rmdir "$theirs"
}

case_idle() { # one that is idle is left running, but where nobody may run outside its turn
	apply_cpu ", policy: smooth"
	vm_ask web "flood 60 $frame ${dst_mac[web]} ${src_ip[web]} 10.77.0.1 ${port[web]}"
	await 5 left_running batch
	check "smooth: an idle VM is left running" "$? == 0"
	divvy set schedule.policy=paper
	await 3 flips batch
	check "paper, set while it is idle: it is paused outside its slots" "$? == 0"
	divvy set schedule.policy=smooth
	await 5 left_running batch
	check "smooth again: it is left running" "$? == 0"
	divvy set schedule.strict=true
	await 3 flips batch
	check "strict, set while it is idle: its slots are its own, and it is paused outside of them" "$? == 0"
}

case_moved() { # somebody moves a VM to another cgroup, in the middle of slots
	apply_cpu ""
	busy
	await 3 flips web
	local dir
	dir=$(cgroup_dir web)
	[[ $dir == *divvy-* ]]
	check "a VM started by hand has a cgroup of divvy's" "$? == 0"
	mkdir "$theirs"
	echo "${vm_pid[web]}" >"$theirs/cgroup.procs"
	await 20 eval '[[ $(cat "$theirs/cgroup.freeze") == 1 ]]'
	check "moved to another: it is paused there" "$? == 0"
	[[ ! -d $dir ]]
	check "moved to another: divvy's is gone" "$? == 0"
	give_back web
	check "moved back: so can theirs go" "$? == 0"
	await 4 eval '[[ $(cgroup_dir web) == *divvy-* ]] && flips web'
	check "its cgroup vanished: it has one of divvy's again, and slots" "$? == 0"
	grep -q 'its cgroup vanished' "$tmp/divvyd.log"
	check "its cgroup vanished: the log says so" "$? == 0"
}

case_frozen() { # another program has frozen the VM's own cgroup
	mkdir "$theirs"
	echo "${vm_pid[web]}" >"$theirs/cgroup.procs"
	echo 1 >"$theirs/cgroup.freeze"
	apply_cpu ""
	of web why | grep -q 'anotherprogramhasfrozen'
	check "frozen before: it takes no part, and status says why" "$? == 0" || json | diag
	! json | grep -q sendbuffer
	check "CPU slots: no word of send buffers" "$? == 0" || json | diag
	await 3 eval '[[ $(of batch slots_run_total) -gt 10 ]]'
	check "frozen before: the other one has slots" "$? == 0"
	[[ $(cat "$theirs/cgroup.freeze") == 1 ]]
	check "frozen before: it is not thawed behind their back" "$? == 0"
	echo 0 >"$theirs/cgroup.freeze"
	await 20 flips web
	check "thawed by them: it takes part, without anybody's doing" "$? == 0"
	divvy release --all
	give_back web
	check "released: it is theirs again" "$? == 0"
}

case_frozen_above() { # somebody else freezes the cgroup that the VM is in, above divvy's
	mkdir "$theirs" "$theirs/vm" || return
	echo "${vm_pid[web]}" >"$theirs/vm/cgroup.procs"
	apply_cpu ""
	echo 1 >"$theirs/cgroup.freeze"
	await 10 eval 'divvy status | grep -q "another program has frozen"'
	check "frozen by somebody else: status says so" "$? == 0"
	echo 0 >"$theirs/cgroup.freeze"
	await 10 eval '! divvy status | grep -q "another program has frozen"'
	check "thawed by them: so it does" "$? == 0"
	divvy release --all
	[[ $(cgroup_dir web) == "$theirs/vm" ]]
	check "release: the VM is in their cgroup" "$? == 0"
	echo "${vm_pid[web]}" >"$v2/cgroup.procs"
	rmdir "$theirs/vm" "$theirs"
	divvy_apply on
}

case_frozen_itself() { # another program has frozen the VM's own cgroup before divvy comes
	mkdir "$theirs" "$theirs/vm" || return
	echo "${vm_pid[web]}" >"$theirs/vm/cgroup.procs"
	echo 1 >"$theirs/vm/cgroup.freeze"
	apply_cpu ""
	of web why | grep -q "anotherprogramhasfrozen.*thaw"
	check "frozen before: it takes no part, and status says why" "$? == 0" || json | diag
	churn_start 0.05
	sleep 1
	churn_stop
	check "the log says it once, whatever links do meanwhile" "$(grep -c "VM web: takes no part" "$tmp/divvyd.log") == 1" ||
		diag <"$tmp/divvyd.log"
	echo 0 >"$theirs/vm/cgroup.freeze"
	await 20 eval '[[ $(of web pauses) =~ [0-9] ]] && grep -q "VM web: takes part" "$tmp/divvyd.log"'
	check "thawed by them: it takes part" "$? == 0" || diag <"$tmp/divvyd.log"
	divvy release --all
	echo "${vm_pid[web]}" >"$v2/cgroup.procs"
	rmdir "$theirs/vm" "$theirs"
	divvy_apply on
}

# With divvyd stopped no turn begins, and the guard waits for longer than a slot before it lets all run: both can be killed.
stop_while_paused() { # name; divvyd is stopped if it succeeds
	local daemon
	daemon=$(pgrep -P "$divvyd_pid" divvyd || echo "$divvyd_pid")
	frozen "$1" || return 1
	kill -STOP "$daemon"
	frozen "$1" && return 0
	kill -CONT "$daemon" # its turn had just begun
	return 1
}

case_both_killed() { # divvyd and its guard die while a VM is paused that is in a cgroup of its own
	local guard paused
	mkdir "$theirs"
	echo "${vm_pid[web]}" >"$theirs/cgroup.procs"
	apply_cpu ", slot: 1s"
	busy
	guard=$(pgrep -f "divvy-guard.*$tmp")
	await 20 stop_while_paused web
	paused=$?
	kill -KILL "$guard"
	divvyd_kill
	check "it is paused in its own cgroup" "$paused == 0"
	sleep 0.2
	[[ $(cat "$theirs/cgroup.freeze") == 1 ]]
	check "both killed: nobody is there to let it run" "$? == 0"
	divvy_start # without a specification
	[[ $(cat "$theirs/cgroup.freeze") == 0 ]] && ! stopped web
	check "the next start lets it run" "$? == 0"
	give_back web
	divvy_apply on
}

case_let_run() { # the guard took divvyd for dead, and let a VM run whose next turn is far off
	apply_cpu ", policy: smooth, slots: 10000"
	divvy set web=9999 batch=1 >/dev/null
	busy 120
	await 5 frozen batch
	check "a VM with one slot in a hundred seconds is paused" "$? == 0"
	local daemon ran=0 again=0
	daemon=$(pgrep -P "$divvyd_pid" divvyd || echo "$divvyd_pid")
	# An audit each second would pause it, too: at once, and nearly each time, it is not the audit's doing.
	for _ in 1 2 3 4 5; do
		kill -STOP "$daemon"
		await 2 eval '! frozen batch' && ran=$((ran + 1))
		kill -CONT "$daemon"
		sleep 0.2
		frozen batch && again=$((again + 1))
		await 2 frozen batch
	done
	check "divvyd silent: it runs" "ran == 5"
	check "divvyd goes on: it is paused again, long before its turn" "again >= 4"
}

case_files() { # more VMs than there may be files open
	divvy_stop
	divvyd_in=(sh -c 'ulimit -Sn 24; exec "$@"' sh)
	divvyd_launch
	apply_cpu ""
	await 3 flips web && flips batch
	check "a limit of 24 open files: both VMs take part" "$? == 0" || json | diag
	divvy_stop
	divvyd_in=()
	divvyd_launch
}

all_run() { # for so many looks at the cgroups
	local i
	for ((i = 0; i < $1; i++)); do
		nobody_paused || return 1
		sleep 0.02
	done
}

case_no_guard() { # the guard dies, and its successor hangs while it starts
	divvy_stop
	mkdir "$tmp/bin"
	cp "$root/build/divvyd" "$root/build/divvy-guard" "$tmp/bin"
	divvyd_in=(sh -c 'shift; exec "$0" "$@"' "$tmp/bin/divvyd")
	divvyd_launch
	apply_cpu ", slot: 70ms" # longer than a look takes, or 50 of them may all miss the VM that is paused
	busy
	await 3 flips web
	check "slots go on" "$? == 0"
	printf '#!/bin/sh\nsleep 3\nexit 1\n' >"$tmp/bin/hangs"
	chmod +x "$tmp/bin/hangs"
	mv -f "$tmp/bin/hangs" "$tmp/bin/divvy-guard"
	kill -KILL "$(pgrep -f "divvy-guard.*$tmp")"
	await 10 all_run 50
	check "no guard, and none can be started: every VM runs" "$? == 0"
	await 10 grep -q 'divvy-guard is gone' "$tmp/divvyd.log" # after two attempts
	check "the log says so" "$? == 0"
	cp "$root/build/divvy-guard" "$tmp/bin/new"
	mv -f "$tmp/bin/new" "$tmp/bin/divvy-guard"
	await 12 flips web
	check "a guard again: slots go on" "$? == 0"
	divvy_stop
	divvyd_in=()
	divvyd_launch
}

lib_init
[[ -n $v2 ]] || bail "no cgroup v2 is mounted"
cases=(idle moved frozen frozen_above frozen_itself both_killed let_run files no_guard)
(($# > 0)) || set -- "${cases[@]}"
for c; do
	run_case "$c"
done
tap_done
