#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# pid_reuse.sh: a VM ends without a sign (another process still holds its tap), and a stranger gets its pid. It runs in a pid
# namespace of its own, where the kernel can be told which pid comes next. Prints TAP.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
if [[ -z ${DIVVY_PID_NAMESPACE:-} ]]; then
	[[ $(id -u) == 0 ]] || { echo "Bail out! root is needed, for a pid namespace"; exit 1; }
	unshare --mount true 2>/dev/null || exec echo "1..0 # SKIP no mount namespace can be made here: / is no mount point (a chroot?)"
	DIVVY_PID_NAMESPACE=1 exec unshare --pid --fork --mount-proc "$0" "$@"
fi
# shellcheck source=tests/system/cpu_lib.sh
. "$root/tests/system/cpu_lib.sh"

v2=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
holder=
stranger=

# Like a program that libvirt starts beside QEMU: it holds the tap, and is no VMM. It keeps the tap's carrier up.
hold_tap() { # VM's name
	perl -e '
		my ($pid, $tap) = @ARGV;
		my $pidfd = syscall(434, $pid + 0, 0);
		for my $fd (map { s,.*/,,r } glob("/proc/$pid/fd/*")) {
			open(my $info, "<", "/proc/$pid/fdinfo/$fd") or next;
			grep { /^iff:\s*\Q$tap\E\b/ } <$info> or next;
			syscall(438, $pidfd, $fd + 0, 0) >= 0 or next;
			print "held\n";
			close(STDOUT);
			sleep(1) while 1;
		}
		print "failed: $!\n";' "${vm_pid[$1]}" "${tap[$1]}" >"$tmp/holder" &
	holder=$!
	await 3 grep -qs held "$tmp/holder"
}

# A process that only computes, with this pid.
take_pid() { # pid
	local i
	for ((i = 0; i < 50; i++)); do
		echo $(($1 - 1)) >/proc/sys/kernel/ns_last_pid || return 1
		perl -e '1 while 1' &
		stranger=$!
		[[ $stranger != "$1" ]] || return 0
		kill "$stranger"
		wait "$stranger" 2>/dev/null
	done
	return 1
}

where() { # pid: its cgroup
	sed -n 's/^0:://p' "/proc/$1/cgroup"
}

vm_is_not() { # pid: what status says of web's VM
	! json | grep -q "\"pid\":$1,"
}

# Until divvyd has looked: its audit comes every ten seconds.
touched_or_told() { # pid
	[[ $(where "$1") != "$home" ]] || vm_is_not "$1"
}

lib_init
[[ -w /proc/sys/kernel/ns_last_pid ]] || {
	skip "pid reuse" "this kernel has no ns_last_pid (CONFIG_CHECKPOINT_RESTORE)"
	tap_done
	exit
}
: >"$tmp/divvyd.log"
set_up bridge
apply_cpu ""
busy 60
await 3 eval '[[ $(cgroup_dir web) == *divvy-* ]]'
check "the VM has a cgroup of divvy's" "$? == 0"
made=$(cgroup_dir web)
hold_tap web
check "another process holds its tap" "$? == 0" || diag <"$tmp/holder"
pid=${vm_pid[web]}
vm_kill web
take_pid "$pid"
check "the VM has ended, and a stranger has its pid" "$? == 0"
home=$(where "$stranger")
await 13 touched_or_told "$pid"
check "the stranger stays in its cgroup" "$(($([[ $(where "$stranger") == "$home" ]]; echo $?) == 0))" ||
	where "$stranger" | diag
vm_is_not "$pid"
check "status does not call it the VM" "$? == 0" || json | diag
sleep 0.5
[[ $(cat "$v2$(where "$stranger")/cgroup.freeze" 2>/dev/null || echo 0) == 0 ]]
check "nobody pauses it" "$? == 0"
grep -q "process $pid" "$tmp/divvyd.log"
check "the log says that the process is gone" "$? == 0" || diag <"$tmp/divvyd.log"
kill "$stranger" "$holder"
wait "$stranger" "$holder" 2>/dev/null
divvy release --all 2>&1 | diag
divvy_stop
[[ ! -d $made ]]
check "no cgroup of divvy's is left" "$? == 0"
vm_stop_all
remove_topology
tap_done
