#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# libvirt_layer.sh: Debian's libvirtd, virsh and QEMU with what they need, as a layer for image.sh (LAYERS=...): a cpio
# archive with the programs, their libraries and data, Debian's configuration, and the users that they want. They are of
# this machine's own suite, as the programs of a test host are, and nothing is installed on this machine.
# Prints the archive's path; it is kept in build/hosts/libvirt. Exits with 77 and one line of reason on stderr if the
# packages cannot be had. REFRESH=1 fetches them again.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
out=$root/build/hosts/libvirt
packages="libvirt-daemon libvirt-daemon-driver-qemu libvirt-daemon-system libvirt-clients qemu-system-x86"
multiarch=$(dpkg-architecture -qDEB_HOST_MULTIARCH 2>/dev/null || gcc -print-multiarch 2>/dev/null || echo x86_64-linux-gnu)

skip() {
	echo "libvirt_layer.sh: $*" >&2
	exit 77
}

mkdir -p "$out"
exec 9>"$out/lock"
flock 9
if [[ -e $out/layer.cpio && ! $0 -nt $out/layer.cpio && -z ${REFRESH:-} ]]; then
	echo "$out/layer.cpio"
	exit 0
fi
command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || skip "apt and dpkg are needed: not a Debian machine"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# What an empty machine would install: apt knows the machine's sources, and not its packages.
mkdir -p "$work/archives/partial" "$work/lists"
: >"$work/status"
options=(-qq -o Dir::State::status="$work/status" -o Dir::Cache::archives="$work/archives" -o APT::Sandbox::User=root
	 -o APT::Install-Recommends=false -o Acquire::Retries=2 -o Acquire::http::Timeout=30)
apt-get -qq update >"$work/log" 2>&1 || :
# shellcheck disable=SC2086 # a list
apt-get "${options[@]}" -y --download-only install $packages >"$work/log" 2>&1 ||
	skip "the packages cannot be had: $(tail -n 1 "$work/log")"

tree=$work/tree layer=$work/layer
for dir in "$tree" "$layer"; do
	mkdir -p "$dir"/usr/{bin,sbin,lib,lib64}
	for m in bin sbin lib lib64; do
		ln -s usr/$m "$dir/$m"
	done
done
for deb in "$work"/archives/*.deb; do
	dpkg-deb --fsys-tarfile "$deb" | tar -C "$tree" -x --keep-directory-symlink --exclude='./usr/share/doc' \
		--exclude='./usr/share/man' --exclude='./usr/share/locale'
done

take() { # path in the tree...
	local p
	for p; do
		[[ ! -e $tree/$p ]] || (cd "$tree" && cp -a --parents "$p" "$layer")
	done
}

libraries() { # program or library in the tree: what the dynamic linker would load
	chroot "$tree" /lib64/ld-linux-x86-64.so.2 --list "/$1" 2>/dev/null | grep -oE '/[^ ]+\.so[^ ]*' || :
}

take usr/sbin/libvirtd usr/bin/virsh usr/bin/qemu-system-x86_64 usr/lib/libvirt/libvirt_iohelper \
	"usr/lib/$multiarch/qemu" "usr/lib/$multiarch/libvirt/connection-driver/libvirt_driver_qemu.so" usr/share/libvirt/cpu_map \
	usr/share/libvirt/schemas usr/share/qemu usr/share/seabios usr/lib/ipxe etc/libvirt
[[ -x $layer/usr/sbin/libvirtd && -x $layer/usr/bin/virsh ]] || skip "no libvirtd or no virsh in: $packages"
(cd "$layer" && find . -type f -perm /111 -o -name '*.so') | while read -r program; do
	libraries "${program#./}"
done | sort -u | while read -r library; do
	install -D "$tree$library" "$layer$library"
done
# Firmware of other machines.
rm -rf "$layer"/usr/share/qemu/{openbios,skiboot,palcode,hppa,slof,s390,opensbi}*

# What the packages' scripts would make.
rm -rf "$layer/etc/libvirt/qemu/networks" "$layer/etc/libvirt/qemu/autostart"
mkdir -p "$layer"/var/{log/libvirt/qemu,cache/libvirt/qemu} "$layer"/var/lib/libvirt/{qemu,boot,images,dnsmasq}
ln -s /run "$layer/var/run"
cat >"$layer/etc/passwd" <<-END
	root:x:0:0:root:/root:/bin/sh
	libvirt-qemu:x:64055:103::/var/lib/libvirt:/usr/sbin/nologin
	nobody:x:65534:65534::/:/usr/sbin/nologin
END
cat >"$layer/etc/group" <<-END
	root:x:0:
	kvm:x:103:
	libvirt:x:104:
	libvirt-qemu:x:64055:libvirt-qemu
	nogroup:x:65534:
END
(cd "$layer" && find . -mindepth 1 | sort | busybox cpio -o -H newc 2>/dev/null) >"$out/layer.cpio.$$"
mv "$out/layer.cpio.$$" "$out/layer.cpio"
echo "$out/layer.cpio"
