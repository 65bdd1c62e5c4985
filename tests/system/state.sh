#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# state.sh [CASE...]: a state file that cannot be used, and one that cannot be written. Prints TAP.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/system/faults_lib.sh
. "$root/tests/system/faults_lib.sh"

sndbuf() { # name: of its tap
	vm_ask "$1" sndbuf
	vm_reply "$1"
	echo "${REPLY#sndbuf=}"
}

in_force() { # what the kernel enforces: classes, filters, send buffers
	classes
	tc -n "$host" filter show dev n0 ingress | grep -o 'divvy0'
	tc -n "$host" filter show dev n1 ingress | grep -o 'divvy0'
	echo "$(sndbuf web) $(sndbuf batch)"
}

# Of an apply of 60:40 and a set of 70:30, what is left when divvyd ends.
leave_state() {
	divvy_apply on
	divvy set web=70 batch=30
	divvy_stop
	before=$(in_force)
	[[ $before == *"rate 14Mbit"* && $before == *divvy0*divvy0* && $before != *2147483647* ]]
	check "$1: shares are in force without divvyd" "$? == 0" || diag <<<"$before"
	: >"$tmp/divvyd.log"
}

logged() { # pattern: lines of the log
	grep -cE -- "$1" "$tmp/divvyd.log"
}

same_as_before() { # what
	local now
	now=$(in_force)
	[[ $now == "$before" ]]
	check "$1: what the kernel enforces stays" "$? == 0" || diff <(echo "$before") <(echo "$now") | diag
}

all_given_back() { # what
	divvy release --all >"$tmp/said" 2>&1
	check "$1: release --all works" "$? == 0" || diag <"$tmp/said"
	[[ "$(sndbuf web) $(sndbuf batch)" == "2147483647 2147483647" ]]
	check "$1: release gives the send buffers back" "$? == 0" || echo "$(sndbuf web) $(sndbuf batch)" | diag
	await 3 untouched
	check "$1: and leaves nothing" "$? == 0" || tc -n "$host" qdisc show | diag
}

damage() { # how, file
	case $1 in
	cut) truncate -s 100 "$2" ;;
	empty) : >"$2" ;;
	garbage) head -c 5000 /dev/urandom >"$2" ;;
	number) echo 7 >"$2" ;;
	version) sed -i 's/"version":1/"version":2/' "$2" ;;
	shape) sed -i 's/"held":\[/"held":[7,/' "$2" ;;
	directory) rm "$2" && mkdir "$2" && touch "$2/file" ;;
	owner) chown 65534 "$2" ;;
	writable) chmod 666 "$2" ;;
	fifo) rm "$2" && mkfifo "$2" ;;
	loop) rm "$2" && ln -s state.json "$2" ;;
	boot) sed -i 's/"boot":"[^"]*"/"boot":"00000000-0000-0000-0000-000000000000"/; s/"spec":"[^"]*",//' "$2" ;;
	missing) rm "$2" ;;
	esac
}

unusable() { # how
	local kept=$state_dir/state.json.bad-1 sum
	leave_state "$1"
	damage "$1" "$state_dir/state.json"
	sum=$([[ -f $state_dir/state.json ]] && md5sum <"$state_dir/state.json")
	divvyd_launch
	same_as_before "$1"
	if [[ $1 != missing && $1 != boot ]]; then
		[[ -L $kept ]] || { [[ -e $kept ]] && { [[ ! -f $kept ]] || [[ $(md5sum <"$kept") == "$sum" ]]; }; }
		check "$1: the file is kept aside, as it was" "$? == 0" || find "$state_dir" -ls | diag
		check "$1: the log says so, once" "$(logged 'state.json.*kept as .*state.json.bad-1') == 1" || diag <"$tmp/divvyd.log"
	fi
	divvy status >"$tmp/said" 2>&1
	grep -qi 'state.*lost' "$tmp/said" && grep -q 'stays' "$tmp/said" && ! grep -q 'Nothing is divided' "$tmp/said"
	check "$1: status says so" "$? == 0" || diag <"$tmp/said"
	divvy set web=50 >"$tmp/said" 2>&1
	check "$1: set is refused" "$? == 1"
	grep -q 'divvy apply' "$tmp/said"
	check "$1: with the way out" "$? == 0" || diag <"$tmp/said"
	divvy set schedule.slot=20ms >"$tmp/said" 2>&1
	check "$1: so is set of the schedule" "$? == 1"
	divvy_stop
	divvyd_launch
	same_as_before "$1, after another start"
	if [[ $1 == cut ]]; then
		ip -n "$host" link set n0 down
		ip -n "$host" link set n0 up
		sleep 0.3
		same_as_before "$1, after a link event"
	fi
	if [[ $1 == empty ]]; then
		all_given_back "$1"
	else
		divvy_apply on
		check "$1: apply works" "$? == 0" || json | diag
		! divvy status | grep -qi lost
		check "$1: and status says no more" "$? == 0"
		all_given_back "$1"
	fi
	rm -rf "$kept"
}

case_unusable() {
	local how
	for how in cut empty garbage number version shape directory owner writable fifo loop boot missing; do
		unusable $how
	done
	leave_state "again"
	damage cut "$state_dir/state.json"
	echo "an earlier one" >"$state_dir/state.json.bad-1"
	divvyd_launch
	[[ -e $state_dir/state.json.bad-2 && $(cat "$state_dir/state.json.bad-1") == "an earlier one" ]]
	check "again: an earlier one is not replaced" "$? == 0" || find "$state_dir" -ls | diag
	divvy_apply on
}

case_system_file() { # what the operator has configured counts
	leave_state "system file"
	damage cut "$state_dir/state.json"
	sed 's/share: 60/share: 10/; s/share: 40/share: 30/' "$tmp/divvy.yaml" >"$tmp/none.yaml"
	divvyd_launch
	await 3 divvy_bound on
	is web share 10
	check "system file: it runs" "$? == 0" || json | diag
	divvy status | grep -qi 'state.*lost'
	check "system file: status says that what was set is lost" "$? == 0"
	all_given_back "system file"
	rm "$tmp/none.yaml"
}

of_the_file() { # what, reason: divvyd starts with the system's file as it is now; what was set runs on
	divvyd_launch
	await 3 divvy_bound on
	same_as_before "$1"
	is web share 70
	check "$1: what was set runs" "$? == 0" || json | diag
	check "$1: the line of the start says why" \
		"$(logged "devices, 2 bound.*kept in $state_dir, for $tmp/none.yaml$2.*release --all ends it") == 1" ||
		diag <"$tmp/divvyd.log"
	divvy status | grep -q "At divvyd's start: $tmp/none.yaml$2.*release --all ends it"
	check "$1: so does status" "$? == 0" || divvy status | diag
	divvy_stop
	: >"$tmp/divvyd.log"
}

case_no_file() { # the system's file goes, or goes wrong, while divvyd is away
	sed 's/share: 60/share: 10/; s/share: 40/share: 30/' "$tmp/divvy.yaml" >"$tmp/none.yaml"
	leave_state "no file"
	rm "$tmp/none.yaml"
	of_the_file "file gone" " is gone"
	echo "# to be written anew" >"$tmp/none.yaml"
	of_the_file "file blank" " says nothing"
	echo "uplinks: 7" >"$tmp/none.yaml"
	of_the_file "file wrong" ":1:10: uplinks: "
	sed 's/share: 60/share: 10/; s/share: 40/share: 30/' "$tmp/divvy.yaml" >"$tmp/none.yaml"
	divvyd_launch
	await 3 divvy_bound on
	is web share 70
	check "file back: what was set runs" "$? == 0" || json | diag
	divvy_stop
	sed -i 's/share: 10/share: 20/' "$tmp/none.yaml"
	divvyd_launch
	await 3 divvy_bound on
	is web share 20
	check "file edited: it runs" "$? == 0" || json | diag
	divvy_stop
	before=$(in_force)
	: >"$tmp/none.yaml"
	divvyd_launch
	same_as_before "file emptied that ran"
	divvy status | grep -q "State lost: $tmp/none.yaml, which ran, says nothing any more"
	check "file emptied that ran: status says so" "$? == 0" || divvy status | diag
	all_given_back "file emptied that ran"
	rm "$tmp/none.yaml"
}

case_text() { # the file can be read, but not the specification in it
	leave_state "text"
	sed -i 's/share: 70/shares: 70/' "$state_dir/state.json"
	grep -q 'shares: 70' "$state_dir/state.json" || bail "the state has no such text"
	divvyd_launch
	same_as_before "text"
	check "text: the log names it" "$(logged "specification saved in $state_dir/state.json:[0-9]+:[0-9]+: .*shares") == 1" ||
		diag <"$tmp/divvyd.log"
	check "text: and not the system's file" "$(logged 'none.yaml:') == 0"
	[[ -e $state_dir/state.json.bad-1 ]]
	check "text: it is kept aside" "$? == 0"
	all_given_back "text"
	divvy_apply on
}

state_on_tmpfs() {
	divvy_stop
	mount -t tmpfs -o size=64k,mode=700 divvy-state "$state_dir" || bail "cannot mount a tmpfs"
	divvyd_launch
	divvy_apply on
}

fill() {
	cat /dev/zero >"$state_dir/filler" 2>/dev/null
}

tells() { # what: the latest command succeeded and said that the change is not saved
	local status=$?
	check "$1 works" "$status == 0" || diag <"$tmp/said"
	grep -qE 'in force.*not survive a restart.*(No space left|Read-only)' "$tmp/said"
	check "$1 says that it will not survive a restart" "$? == 0" || diag <"$tmp/said"
}

case_full() { # no space where the state is saved
	state_on_tmpfs
	fill
	divvy set web=70 batch=30 >"$tmp/said" 2>&1
	tells "disk full: set"
	check "disk full: what was set is in force" "$(classes | grep -c 'rate 14Mbit') == 1"
	divvy set web=50 >"$tmp/said" 2>&1
	divvy apply "$tmp/divvy.yaml" >"$tmp/said" 2>&1
	tells "disk full: apply"
	grep -q '^applied: 2 of 2' "$tmp/said"
	check "disk full: apply says what it always says, too" "$? == 0"
	divvy set web=80 >"$tmp/said" 2>&1
	divvy release batch >"$tmp/said" 2>&1
	tells "disk full: release"
	check "disk full: the log says it once" "$(logged 'cannot save') == 1" || diag <"$tmp/divvyd.log"
	divvy status | grep -q 'No space left'
	check "disk full: status says it" "$? == 0"
	divvy_stop
	divvyd_launch
	is web share 60
	check "disk full: the next start runs what was saved last" "$? == 0" || json | diag
	await 3 divvy_bound on
	check "disk full: with both devices" "$? == 0"
	divvy status | grep -q 'No space left'
	check "disk full: and says that it cannot save" "$? == 0"
	divvy set web=70 batch=30 >"$tmp/said" 2>&1
	rm "$state_dir/filler"
	await 13 grep -q 'share: 70' "$state_dir/state.json"
	check "space again: the state is saved without anybody's doing" "$? == 0"
	! divvy status | grep -q 'No space left'
	check "space again: status says no more" "$? == 0"
	check "space again: the log says so" "$(logged 'saved again') == 1" || diag <"$tmp/divvyd.log"
	[[ -z $(find "$state_dir" -name '*.new') ]]
	check "space again: no half file is left" "$? == 0"
	divvy release --all
	divvy_stop
	umount "$state_dir"
	divvyd_launch
}

case_read_only() { # a file system that became read-only, as on an error
	state_on_tmpfs
	mount -o remount,ro "$state_dir"
	divvy set web=70 batch=30 >"$tmp/said" 2>&1
	tells "read-only: set"
	divvy_stop
	divvyd_launch
	is web share 60
	check "read-only: the next start runs what was saved last" "$? == 0" || json | diag
	divvy release --all 2>/dev/null
	divvy_stop
	umount "$state_dir"
	divvyd_launch
}

case_no_directory() { # it cannot be made, or something else has its name
	state_on_tmpfs
	mount -o remount,ro "$state_dir"
	divvy_stop
	state_dir=$tmp/state/not-there
	divvyd_launch
	state_dir=$tmp/state
	check "read-only: it starts also where the directory cannot be made" "$? == 0" || diag <"$tmp/divvyd.log"
	divvy_apply on
	check "read-only: and works" "$? == 0"
	divvy release --all 2>/dev/null
	divvy_stop
	umount "$state_dir"
	rm -rf "$state_dir"
	echo "no directory" >"$state_dir"
	divvyd_launch
	divvy_apply on
	check "a file where the directory should be: it works" "$? == 0"
	divvy status | grep -qi 'not a directory'
	check "a file where the directory should be: status says so" "$? == 0"
	[[ $(cat "$state_dir") == "no directory" ]]
	check "a file where the directory should be: it is left alone" "$? == 0"
	divvy release --all 2>/dev/null
	divvy_stop
	rm "$state_dir"
	divvyd_launch
}

lib_init
trap 'umount "$state_dir" 2>/dev/null; cleanup' EXIT
cases=(unusable system_file no_file text full read_only no_directory)
(($# > 0)) || set -- "${cases[@]}"
for c; do
	run_case "$c"
done
tap_done
