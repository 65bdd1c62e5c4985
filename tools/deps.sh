#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# deps.sh [GOAL]: what building, testing and the lab need, from Debian's packages; installs what is missing. GOAL: of make; the
# evaluation ("figures") needs more. Says in one line what this machine lacks and how to get it.
set -eu

die() {
	echo "divvy: $*" >&2
	exit 1
}

[ "$(uname -s)" = Linux ] || die "needs Linux"
[ "$(id -u)" = 0 ] || die "must be root: sudo make ${1:-check}"
[ -c /dev/net/tun ] || die "no /dev/net/tun on this machine: modprobe tun"
[ -r /sys/kernel/btf/vmlinux ] || die "this kernel has no BTF (/sys/kernel/btf/vmlinux): use one built with CONFIG_DEBUG_INFO_BTF, as Debian's are"
command -v apt-get >/dev/null && command -v dpkg-query >/dev/null ||
	die "this is not Debian (no apt-get): install what tools/deps.sh lists by hand, then run make"

build="gcc make pkgconf libc6-dev clang bpftool libbpf-dev libmnl-dev libyaml-dev libjansson-dev libsystemd-dev libcap-dev"
tests="libcmocka-dev perl iproute2 nftables procps kmod xz-utils zstd util-linux man-db mandoc"
lab="qemu-system-x86 busybox-static cpio iperf3 iperf iputils-ping ethtool gnuplot-nox fonts-dejavu-core"

# Large, so only where the whole evaluation is run. Video is streamed by ffmpeg.
# And libvirt: the daemons without libvirt-daemon-system, which would have the machine run them from then on. Debian 13 has
# virtlogd in a package of its own.
case " $* " in *" figures "*)
	lab="$lab ffmpeg libvirt-daemon libvirt-daemon-driver-qemu libvirt-clients"
	! apt-cache show libvirt-daemon-log >/dev/null 2>&1 || lab="$lab libvirt-daemon-log"
	;;
esac

# libFuzzer and the sanitizers of clang, which only recommends them.
case " $* " in *" fuzz "*) tests="$tests libclang-rt-dev" ;; esac

missing=
for p in $build $tests $lab; do
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null || :)" = installed ] || missing="$missing $p"
done
[ -n "$missing" ] || exit 0

echo "divvy: installing$missing"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086
if ! { apt-get update && apt-get install -y --no-install-recommends $missing; } >"$log" 2>&1; then
	tail -n 5 "$log" >&2
	die "apt-get could not install$missing"
fi
