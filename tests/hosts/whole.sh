#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# whole.sh [SUITE...]: a whole Debian host under QEMU for each suite (default: trixie and bookworm), with systemd, cgroup v2
# alone, nftables, a bridge, vhost_net, and divvy's packages of build/deb (make deb). What is tried there is in whole_guest.sh,
# which runs as a service of the host and reboots it once. Prints its TAP. About nine minutes a suite without KVM, on a machine with little other work.
# ACCEL=kvm where KVM works; TIMEOUT=seconds (default 1200); CONSOLE=file shows the console while it runs. CASES="install suites":
# only these of whole_guest.sh, and no reboot; TESTS="state:full exporter": only these system tests, TESTS=all: all of them. (Not SUITES:
# `make check-host SUITES=bookworm` puts that into the environment.)
set -u
CASES=${CASES:-} TESTS=${TESTS:-}
root=$(cd "$(dirname "$0")/../.." && pwd)
tmp=$(mktemp -d /var/tmp/divvy-whole.XXXXXX)
qemu=
cleanup() {
	[[ -z $qemu ]] || kill "$qemu" 2>/dev/null
	rm -rf "$tmp"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

boot() { # kernel's directory: runs the host to its end
	local deadline=$((SECONDS + ${TIMEOUT:-1200})) console=${CONSOLE:-$tmp/console}
	# Without cx16: see run.sh.
	qemu-system-x86_64 -nodefaults -no-user-config -display none -m 1G -smp "${CPUS:-2}" -cpu max,cx16=off -accel "${ACCEL:-tcg}" \
		-kernel "$1/vmlinuz" -initrd "$tmp/initrd" \
		-append "console=ttyS0 quiet panic=-1 softlockup_panic=1 mitigations=off random.trust_cpu=on systemd.show_status=0 fsck.mode=skip \
divvy.cases=${CASES// /+} divvy.tests=${TESTS// /+}" \
		-drive "file=$tmp/disk.img,format=raw,if=virtio,cache=unsafe" \
		-netdev user,id=port,restrict=on -device virtio-net-pci,netdev=port,speed=1000,duplex=full,romfile= \
		-chardev "file,id=serial,path=$console" -serial chardev:serial -monitor none </dev/null >"$tmp/qemu" 2>&1 &
	qemu=$!
	while kill -0 "$qemu" 2>/dev/null && ((SECONDS < deadline)); do
		sleep 0.2
	done
	kill "$qemu" 2>/dev/null && echo "# no end within ${TIMEOUT:-1200} s"
	wait "$qemu"
	qemu=
	tr -d '\r' <"$console" >"$tmp/said"
}

status=0
(($# > 0)) || set -- trixie bookworm
"$root/tests/deb/before.sh" || exit 1
for suite; do
	start=$SECONDS
	kernel=$("$root/tests/hosts/kernels.sh" "$suite") && "$root/tests/hosts/whole_image.sh" "$suite" "$tmp" || {
		echo "Bail out! $suite: no host"
		exit 1
	}
	echo "## $suite: made in $((SECONDS - start)) s"
	start=$SECONDS
	boot "$kernel"
	grep -aE '^(ok|not ok|# |Bail out!|[0-9]+\.\.[0-9]+)' "$tmp/said"
	echo "## $suite: took $((SECONDS - start)) s"
	if ! grep -aqE '^##exit 0$' "$tmp/said"; then
		grep -aqE '^##exit ' "$tmp/said" || { tail -n 40 "$tmp/said" "$tmp/qemu" | sed 's/^/# /'; echo "Bail out! $suite: the host did not finish"; }
		status=1
	fi
done
exit $status
