#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# deps.sh [GOAL...]: the Debian packages that these goals of make need; installs what is missing.
#
# Every goal gets what building needs. These get more:
#	demo, check, check-kernels, check-libvirt, check-host, check-unit, figures	the lab, which runs virtual machines on this host; a line says so first
#	these, check-rows, check-rx, check-killed, bench	what network namespaces are set up with
#	bench				what counts system calls
#	exporter, and those with tests	what serves HTTP
#	check-views			a Prometheus and a browser that look at it
#	check, check-rows, check-rx, check-killed, check-kernels, check-libvirt, lint	what tests are written with, and what looks at the sources
#	figures				what the whole evaluation needs
#	fuzz				libFuzzer
#	deb, check-deb, check-host, check-unit	what packages are built with
#	check-deb, check-host, check-unit	clean Debian trees; what looks at packages
#
# A package that is there is never removed. apt-get first says what it would do; where that is a removal, nothing is
# installed, and one line names what would go. The removal is also refused where apt-get does the work (--no-remove).
# Exit code 1, with one line of what this machine lacks and how to get it; 0 otherwise.
set -eu
export LC_ALL=C

die() {
	echo "divvy: $*" >&2
	exit 1
}

asked=${*:-deps}
wants() { # goal...: one of them was asked for
	for goal; do
		case " $asked " in *" $goal "*) return 0 ;; esac
	done
	return 1
}

must_be_root() {
	[ "$(id -u)" = 0 ] || die "must be root: sudo make $asked"
}

no_btf="this kernel has no BTF (/sys/kernel/btf/vmlinux): \
use one built with CONFIG_DEBUG_INFO_BTF, as Debian's are"

[ "$(uname -s)" = Linux ] || die "needs Linux"
if wants demo check check-rows check-rx check-killed check-views picture check-kernels check-libvirt figures bench check-deb check-host check-unit; then
	must_be_root
	[ -c /dev/net/tun ] || die "no /dev/net/tun on this machine: modprobe tun"
	[ -r /sys/kernel/btf/vmlinux ] || die "$no_btf"
elif wants install && [ -z "${DESTDIR:-}" ] && ! [ -r /sys/kernel/btf/vmlinux ]; then
	echo "divvy: divvyd will not run here: $no_btf" >&2
fi
{ command -v apt-get && command -v dpkg-query; } >/dev/null ||
	die "this is not Debian (no apt-get): install what tools/deps.sh lists by hand, then run make"

build="gcc make pkgconf libc6-dev clang bpftool libbpf-dev libmnl-dev libyaml-dev libjansson-dev libsystemd-dev libcap-dev \
libxml2-dev libsmartcols-dev libncurses-dev"
namespaces="iproute2 nftables procps kmod util-linux"
tests="systemd libcmocka-dev python3-jinja2 perl man-db mandoc clang-tidy shellcheck tmux curl zsh patch"
exporter="libmicrohttpd-dev"
views="prometheus chromium curl jq fonts-dejavu-core"
bench="strace curl"
lab="qemu-system-x86 busybox-static cpio iperf3 iperf iputils-ping ethtool gnuplot-nox fonts-dejavu-core xz-utils zstd \
python3"

# Large. Video is streamed by ffmpeg; the report is written with jinja2. Of libvirt the daemons without
# libvirt-daemon-system, which would have the machine
# run them from then on. Debian 13 has virtlogd in a package of its own.
evaluation="ffmpeg python3-jinja2 libvirt-daemon libvirt-daemon-driver-qemu libvirt-clients"

# libFuzzer and the sanitizers of clang, which only recommends them.
fuzz="libclang-rt-dev"

packages="build-essential debhelper dpkg-dev fakeroot"
# apt-utils makes the archive that the packages are installed from.
trees="lintian mmdebstrap apt-utils"

missing() { # package...: those that are not installed
	for p; do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null || :)" = installed ] || printf ' %s' "$p"
	done
}

# shellcheck disable=SC2086 # lists
{
	wanted=$(missing $build)
	! wants demo check check-rows check-rx check-killed check-views picture check-kernels check-libvirt figures bench check-deb check-host check-unit ||
		wanted=$wanted$(missing $namespaces)
	! wants bench || wanted=$wanted$(missing $bench)
	! wants check-views || wanted=$wanted$(missing $views)
	! wants picture || wanted=$wanted$(missing tmux perl)
	! wants exporter install-exporter deb check-deb check-host check-unit bench check-views check check-rows check-rx check-killed check-kernels \
		check-libvirt lint ||
		wanted=$wanted$(missing $exporter)
	! wants deb check-deb check-host check-unit || wanted=$wanted$(missing $packages)
	! wants check-deb check-host check-unit || wanted=$wanted$(missing $trees)
	! wants fuzz || wanted=$wanted$(missing $fuzz)
	! wants check check-rows check-rx check-killed check-kernels check-libvirt lint || wanted=$wanted$(missing $tests)
	wanted_lab=
	! wants demo check check-kernels check-libvirt figures check-host check-unit || wanted_lab=$(missing $lab)
	if wants figures; then
		! apt-cache show libvirt-daemon-log >/dev/null 2>&1 || evaluation="$evaluation libvirt-daemon-log"
		wanted_lab=$wanted_lab$(missing $evaluation)
	fi
}
[ -n "$wanted$wanted_lab" ] || exit 0
must_be_root

[ -z "$wanted" ] || echo "divvy: installing$wanted"
[ -z "$wanted_lab" ] || echo "divvy: make $asked runs virtual machines on this host, and installs the lab for it:$wanted_lab"

log=$(mktemp)
trap 'rm -f "$log"' EXIT
# needrestart, where it is there, lists services and leaves them alone.
export DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l

apt() { # arguments of apt-get install
	# shellcheck disable=SC2086 # lists
	apt-get install --no-install-recommends "$@" $wanted $wanted_lab >"$log" 2>&1 || {
		tail -n 5 "$log" >&2
		die "apt-get cannot install$wanted$wanted_lab"
	}
}

# A list that cannot be had (a subscription's) need not have what is wanted: the next call tells.
apt-get update >"$log" 2>&1 || tail -n 1 "$log" >&2
apt --simulate
removed=$(sed -n 's/^Remv \([^ ]*\).*/ \1/p' "$log" | tr -d '\n')
[ -z "$removed" ] ||
	die "nothing was installed, for apt-get would remove$removed; use another machine: doc/install.md, \"Building elsewhere\""
apt -y --no-remove
