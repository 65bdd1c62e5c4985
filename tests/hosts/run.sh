#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# run.sh SUITE [COMMAND...]: boots that Debian suite's kernel as a test host under QEMU and runs the command there,
# in a copy of this tree's tests and programs (image.sh); words of it that name files of the tree take these along,
# and so does FILES="...". The host has cgroup v2 alone, with all controllers, and its processes in the root;
# CGROUP=v1 or hybrid gives it the cpu,cpuacct and freezer hierarchies of v1, without or with an empty v2 beside them.
# Prints what it prints, and exits as it does. Without a command: the data path's system test.
#
# Where the suite's kernel cannot be had: "1..0 # SKIP why", except for bookworm, which is there wherever apt works.
# ACCEL=kvm where KVM works (default tcg); TIMEOUT=seconds (default 400); MEMORY=2G (default 1G); CPUS=number of virtual
# ones (default 2). PROGRAMS="..." of this machine come along, and LAYERS="..." of image.sh.
# CONSOLE=file shows the host's console while it runs; APPEND="..." goes to the kernel's command line.
set -euo pipefail

suite=${1:?usage: run.sh SUITE [COMMAND...]}
shift
(($# > 0)) || set -- env NO_SKIP=1 tests/system/datapath.sh bridge br_netfilter routed leaf bridge/vhost/2
root=$(cd "$(dirname "$0")/../.." && pwd)
tmp=$(mktemp -d)
console=${CONSOLE:-$tmp/serial}
qemu=

cleanup() {
	[[ -z $qemu ]] || kill "$qemu" 2>/dev/null || :
	rm -rf "$tmp"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

kernel=$("$root/tests/hosts/kernels.sh" "$suite" 2>"$tmp/why") || {
	if [[ $suite == bookworm ]]; then
		echo "Bail out! $(tail -n 1 "$tmp/why")"
		exit 1
	fi
	echo "1..0 # SKIP $(tail -n 1 "$tmp/why")"
	exit 0
}
files=()
# shellcheck disable=SC2086
for word in "$@" ${FILES:-}; do
	[[ $word == /* || ! -f $root/$word ]] || files+=("$word")
done
printf '%q ' "$@" | "$root/tests/hosts/image.sh" "$suite" "$tmp/initrd" "${files[@]}"

# Without cx16: under QEMU 7.2's TCG with two CPUs, Linux 6.12 dies in kmalloc()'s cmpxchg16b within seconds of two
# processes making namespaces (2 of 2 runs; 0 of 2 without it). SLUB takes another way then.
boot() { # runs the test host to its end
	qemu-system-x86_64 -nodefaults -no-user-config -display none -no-reboot -m "${MEMORY:-1G}" -smp "${CPUS:-2}" -cpu max,cx16=off \
		-accel "${ACCEL:-tcg}" -kernel "$kernel/vmlinuz" -initrd "$tmp/initrd" \
		-append "console=ttyS0 quiet panic=-1 softlockup_panic=1 mitigations=off random.trust_cpu=on testhost.cgroup=${CGROUP:-v2} ${APPEND:-}" \
		-chardev "file,id=serial,path=$console" -serial chardev:serial -monitor none </dev/null >"$tmp/qemu" 2>&1 &
	qemu=$!
	deadline=$((SECONDS + ${TIMEOUT:-400}))
	while kill -0 "$qemu" 2>/dev/null && ((SECONDS < deadline)); do
		sleep 0.1
	done
	if kill -0 "$qemu" 2>/dev/null; then
		echo "# no end within ${TIMEOUT:-400} s"
		kill "$qemu"
	fi
	wait "$qemu" || :
	qemu=
	tr -d '\r' <"$console" >"$tmp/console"
}

boot
# Emulation has killed kernels before, see above. What divvy does to one happens again.
if [[ ${ACCEL:-tcg} == tcg ]] && ! grep -q '^##exit ' "$tmp/console" &&
	grep -qE 'Kernel panic|BUG: |Oops: ' "$tmp/console"; then
	echo "# $suite: its kernel died under emulation; once more"
	grep -m 40 -A 40 -E 'Kernel panic|BUG: |Oops: ' "$tmp/console" | sed 's/^/# /'
	boot
fi
if ! grep -q '^##start ' "$tmp/console"; then
	sed 's/^/# /' "$tmp/qemu" "$tmp/console"
	echo "Bail out! $suite: the test host does not boot"
	exit 1
fi
echo "# $suite: $(sed -n 's/^##start //p' "$tmp/console"), ${ACCEL:-tcg}"
awk '/^##exit / { on = 0 } on { print } /^##start / { on = 1 }' "$tmp/console"
status=$(sed -n 's/^##exit //p' "$tmp/console")
if [[ -z $status ]]; then
	tail -n 40 "$tmp/console" | sed 's/^/# /'
	echo "Bail out! $suite: the test host did not finish"
	exit 1
fi
exit "$status"
