#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# check.sh [--failed]: every test, as `make check` runs them, or those that failed last. All is built by then. Two stages,
# for each test keeps a core busy or waits most of its time, and a machine of two cores is to have something to do:
#	1. side by side, three at a time. One of them is from the list of those that pause VMs: these come one after the
#	   other, for VMs that are paused share control groups.
#	2. alone, one after the other: what measures rates or CPU time, and what boots VMs and test hosts. A kernel under
#	   QEMU that gets less than a core cannot fill an uplink: 15.6 of 20 Mbit/s, and a check of the rate failed.
# Tests of stage 1 have namespaces, sockets, state and control groups of their own, and no bound on how long something
# takes that other work on this machine could break: each passes beside three busy loops.
# At the end: which checks failed and what they printed, what was skipped and why, and the time. The exit code says
# whether all succeeded. KEPT=folder keeps what they print elsewhere.
set -u
cd "$(dirname "$0")/.." || exit 1
export KEPT=${KEPT:-build/kept}
failed=()
if [[ ${1:-} == --failed ]]; then
	mapfile -t failed < <(cat "$KEPT/failed" 2>/dev/null)
	((${#failed[@]} > 0)) || { echo "check.sh: no test failed in the last run" >&2; exit 1; }
fi
rm -rf "$KEPT"
mkdir -p "$KEPT"

run() { # prove's arguments
	prove --timer --exec tests/kept.sh "$@"
}

summary() { # status
	local log name
	for log in "$KEPT"/*.log; do
		awk -v name="${log##*/}" '
			/^# skipped: / { why = ": " substr($0, 12) } # cmocka itself names the test alone
			/^ok [0-9]+ # SKIP/ { print "skipped: " name ": " $NF why; why = ""; next }
			/^not ok/ { print "failed: " name ": " $0; rest = 12; next }
			/^#/ && rest-- > 0 { print "    " $0; next }
			{ rest = 0 }
			/^ok .*# SKIP/ { sub(/^ok [0-9]+ - /, ""); print "skipped: " name ": " $0 }
			/^1\.\.0 # SKIP/ { print "skipped: " name ": all of it" substr($0, 5) }' "$log"
	done
	[[ ! -e $KEPT/failed ]] || while read -r name; do
		echo "failed: $name"
		tail -n 5 "$KEPT/${name//\//_}.log.err" | sed 's/^/    /'
	done < <(sort -u "$KEPT/failed")
	echo "check.sh: $( (($1 == 0)) && echo 'all passed' || echo 'FAILED'), $((SECONDS / 60)) min $((SECONDS % 60)) s"
	exit "$1"
}

if ((${#failed[@]} > 0)); then
	run "${failed[@]}"
	summary $?
fi
echo "check.sh: all tests; on two cores they take 16 minutes"

alone=() turns=() others=(tests/lint.sh) # lint takes longest: it begins
for t in tests/system/*.sh tests/unit/*.sh tests/unit/*_test.c; do
	case ${t##*/} in
	*lib.sh) continue ;;
	rx_order.sh | macvtap.sh) continue ;; # make check-rx, and on Debian's kernels make check-kernels
	*.c) run=build/${t%.c} ;;
	*) run=$t ;;
	esac
	case ${t##*/} in
	cpu.sh | datapath.sh | kernel_*.sh | killed.sh | lab_ground.sh | nics.sh | reserve.sh | rx.sh) alone+=("$run") ;;
	kernel_datapath_test.c | kernel_gate*_test.c | slots_guard*_test.c | lab_peer_run_test.c | lab_video_test.c) alone+=("$run") ;;
	cpu_faults.sh | pid_reuse.sh) turns+=("$run") ;;
	*) others+=("$run") ;;
	esac
done

run "${turns[@]}" >"$KEPT/turns" 2>&1 &
turns_pid=$!
run -j2 "${others[@]}"
status=$?
wait "$turns_pid" || status=1
cat "$KEPT/turns"
run "${alone[@]}" || status=1
summary $status
