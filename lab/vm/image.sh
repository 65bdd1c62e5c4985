#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# image.sh DIR [cloud|generic]: make the lab's guest image in DIR, or leave it as it is if its inputs are as they
# were. Prints a line before each step that takes time. Result: DIR/FLAVOUR/vmlinuz, initrd, release.
#
# The kernel is Debian's package, downloaded and unpacked, never installed. cloud: small, virtio only.
# generic: 70 MB to download, has the e1000 driver. DIVVY_LAB_KERNEL_DEB names a package's file to use instead.
# Needs: apt-get, dpkg-deb, gcc, busybox-static, iperf3, iperf, iputils-ping.
set -eu

here=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "${1:?usage: image.sh DIR [cloud|generic]}"
dir=$(cd "$1" && pwd)
flavour=${2:-cloud}
case $flavour in
cloud) meta=linux-image-cloud-amd64 extra= ;;
generic) meta=linux-image-amd64 extra=e1000 ;;
*) echo "image.sh: no such kernel flavour: $flavour" >&2; exit 2 ;;
esac
drivers="virtio_pci virtio_mmio virtio_console virtio_net $extra"

die() {
	echo "image.sh: $*" >&2
	exit 1
}

busybox=
for f in /bin/busybox /usr/bin/busybox; do
	[ -x "$f" ] && ! ldd "$f" >/dev/null 2>&1 && busybox=$f && break
done
[ -n "$busybox" ] || die "no static busybox: apt-get install busybox-static"
programs=
for p in iperf3:iperf3 iperf:iperf ping:iputils-ping; do
	f=$(command -v "${p%:*}") || die "no ${p%:*}: apt-get install ${p#*:}"
	programs="$programs $f"
done
command -v gcc >/dev/null || die "no gcc: apt-get install gcc libc6-dev"

out=$dir/$flavour
mkdir -p "$out/deb"
exec 9>"$out/.lock"
flock 9

kernel_package() {
	apt-cache depends "$meta" 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1
}

download() {
	package=$(kernel_package)
	[ -n "$package" ] || return 1
	echo "downloading $package"
	(cd "$out/deb" && apt-get -qq -o APT::Sandbox::User=root download "$package") >&2
}

# The package that is there is kept: the guest stays the same until its directory is removed.
find_deb() {
	deb=${DIVVY_LAB_KERNEL_DEB:-}
	[ -z "$deb" ] || return 0
	for deb in "$out"/deb/linux-image-*.deb; do
		[ -e "$deb" ] && return 0
	done
	command -v apt-get >/dev/null || die "no apt-get: set DIVVY_LAB_KERNEL_DEB to a Debian kernel package's file"
	# apt's lists may be missing, or older than what the mirror still has.
	if ! download; then
		echo "asking the mirror for its list of packages"
		apt-get -qq update >&2 || die "apt-get update failed"
		[ -n "$(kernel_package)" ] || die "apt knows no $meta: is this Debian?"
		download || die "apt-get cannot download $(kernel_package)"
	fi
	for deb in "$out"/deb/linux-image-*.deb; do
		[ -e "$deb" ] && return 0
	done
	die "no package came from apt-get download"
}

find_deb
# shellcheck disable=SC2086 # programs is a list
stamp=$({
	cat "$0" "$here/guest/init" "$here/guest/agent.c" "$busybox" $programs
	ls -l "$deb"
} | sha256sum)
[ "$(cat "$out/stamp" 2>/dev/null)" != "$stamp" ] || exit 0

echo "making the guest image ($flavour kernel)"
work=$out/work.$$
trap 'rm -rf "$work"' EXIT
rm -rf "$out"/work.*
mkdir -p "$work/deb" "$work/root"
dpkg-deb -x "$deb" "$work/deb"
modules=$(find "$work/deb" -type d -path '*lib/modules/*' -name kernel | head -n 1)
vmlinuz=$(find "$work/deb/boot" -name 'vmlinuz-*' | head -n 1)
[ -n "$modules" ] && [ -n "$vmlinuz" ] || die "$deb holds no kernel"

cd "$work/root"
mkdir -p bin dev proc sys tmp modules etc
cp "$busybox" bin/busybox
for applet in sh mount cat ip insmod usleep poweroff echo kill ls sleep sysctl ps top free head tail grep tc; do
	ln -s busybox "bin/$applet"
done
for f in $programs; do
	cp -L "$f" bin/
	ldd "$f" | sed -n 's/^.*=> \(\/[^ ]*\).*/\1/p; s/^[[:space:]]*\(\/[^ ]*\) (.*/\1/p'
done | sort -u | while read -r lib; do
	mkdir -p ".$(dirname "$lib")"
	cp -L "$lib" ".$lib"
done
gcc -std=gnu17 -O2 -Wall -Wextra -Werror -D_GNU_SOURCE -static -o bin/agent "$here/guest/agent.c"
cp "$here/guest/init" init
chmod 755 init

# Drivers with what they depend on, in load order. A driver that this kernel has built in, or lacks, is left out.
add_module() {
	file=$(find "$modules" -name "$1.ko" -o -name "$1.ko.*" | head -n 1)
	[ -n "$file" ] || return 0
	[ ! -e "modules/$1.ko" ] || return 0
	case $file in
	*.xz) "$busybox" unxz -c "$file" ;;
	*.gz) "$busybox" gunzip -c "$file" ;;
	*.zst) zstd -dc "$file" ;;
	*) cat "$file" ;;
	esac > "modules/$1.ko"
	for need in $(tr '\0' '\n' < "modules/$1.ko" | sed -n 's/^depends=//p' | tr ',' ' '); do
		add_module "$need"
	done
	# $1 of this call is intact: sh keeps positional parameters per function call.
	echo "$1.ko" >> modules/order
}
for driver in $drivers; do
	add_module "$driver"
done

find . | "$busybox" cpio -o -H newc > "$work/initrd" 2>/dev/null
basename "$(dirname "$modules")" > "$out/release"
mv "$work/initrd" "$out/initrd"
mv "$vmlinuz" "$out/vmlinuz"
echo "$stamp" > "$out/stamp"
