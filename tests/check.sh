#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# check.sh: every test, as `make check` runs them. All is built by then. Two stages, for each test keeps a core busy or
# waits most of its time, and a machine of two cores is to have something to do:
#	1. side by side, three at a time. One of them is from the list of those that pause VMs: these come one after the
#	   other, for VMs that are paused share control groups.
#	2. alone, one after the other: what measures rates or CPU time, and what boots VMs and test hosts. A kernel under
#	   QEMU that gets less than a core cannot fill an uplink: 15.6 of 20 Mbit/s, and a check of the rate failed.
# Tests of stage 1 have namespaces, sockets, state and control groups of their own, and no bound on how long something
# takes that other work on this machine could break: each passes beside three busy loops.
# The exit code says whether all succeeded.
set -u
cd "$(dirname "$0")/.." || exit 1
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

alone=() turns=() others=(tests/lint.sh) # lint takes longest: it begins
for t in tests/system/*.sh tests/unit/*.sh tests/unit/*_test.c; do
	case ${t##*/} in
	*lib.sh) continue ;;
	*.c) run=build/${t%.c} ;;
	*) run=$t ;;
	esac
	case ${t##*/} in
	cpu.sh | datapath.sh | kernel_*.sh | killed.sh | lab_ground.sh | reserve.sh) alone+=("$run") ;;
	kernel_datapath_test.c | kernel_gate*_test.c | slots_guard*_test.c | lab_peer_run_test.c | lab_video_test.c) alone+=("$run") ;;
	cpu_faults.sh | pid_reuse.sh) turns+=("$run") ;;
	*) others+=("$run") ;;
	esac
done

prove --timer "${turns[@]}" >"$tmp/turns" 2>&1 &
turns_pid=$!
prove --timer -j2 "${others[@]}"
status=$?
wait "$turns_pid" || status=1
cat "$tmp/turns"
prove --timer "${alone[@]}" || status=1
exit $status
