#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# whole_image.sh SUITE DIR: a whole Debian host for QEMU in DIR: disk.img (ext4, systemd, nftables, iproute2; divvy's packages in
# /divvy/deb, not installed; the tests in /divvy) and initrd, which mounts that disk. The kernel is that of kernels.sh. At its
# boot the host runs tests/hosts/whole_guest.sh as a service. Exits with 77 and one line of reason on stderr if Debian cannot be had.
set -euo pipefail
suite=${1:?usage: whole_image.sh SUITE DIR}
dir=$(realpath "${2:?}")
root=$(cd "$(dirname "$0")/../.." && pwd)
kernel=$("$root/tests/hosts/kernels.sh" "$suite")
release=$(cat "$kernel/release")
work=$(mktemp -d /var/tmp/divvy-host.XXXXXX)
trap 'rm -rf "$work"' EXIT
# What divvy's packages need comes along, so that dpkg installs them without a network.
libraries=libbpf1,libcap2,libjansson4,libmicrohttpd12,libmnl0,libncursesw6,libsmartcols1,libxml2,libyaml-0-2

tree=$work/tree
INCLUDE=systemd-sysv,udev,dbus,iproute2,nftables,kmod,procps,perl,curl,$libraries "$root/tests/deb/tree.sh" "$suite" "$tree"

mkdir -p "$tree/lib/modules" "$tree/divvy/deb"
cp -a "$kernel/modules" "$tree/lib/modules/$release"
depmod -b "$tree" "$release"
cp "$root"/build/deb/divvy_*.deb "$root"/build/deb-before/divvy_*.deb "$root"/build/deb/divvy-exporter_*.deb "$tree/divvy/deb"
(cd "$root" && cp --parents tests/tap.sh tests/system/*.sh tests/hosts/whole_guest.sh build/tests/system/tapflood \
	doc/examples/*.yaml systemd/divvy.yaml "$tree/divvy")
# System tests find what is built where the packages put it.
ln -s /usr/bin/divvy /usr/sbin/divvyd /usr/sbin/divvy-exporter "$tree/divvy/build"
echo whole >"$tree/etc/hostname"
printf 'tun\nvhost_net\n' >"$tree/etc/modules-load.d/vms.conf"
cat >"$tree/etc/systemd/system/whole-test.service" <<-END
	[Unit]
	Description=The test of a whole host
	After=multi-user.target
	[Service]
	Type=simple
	ExecStart=/divvy/tests/hosts/whole_guest.sh
	StandardOutput=file:/dev/ttyS0
	StandardError=file:/dev/ttyS0
	KillMode=mixed
	[Install]
	WantedBy=graphical.target
END
chroot "$tree" systemctl -q enable whole-test.service systemd-networkd.service 2>/dev/null || :
chroot "$tree" systemctl -q set-default graphical.target
chroot "$tree" systemctl -q mask serial-getty@ttyS0.service getty@tty1.service apt-daily.timer apt-daily-upgrade.timer
mke2fs -q -t ext4 -d "$tree" "$dir/disk.img" 1500M

# The initrd: the disk's driver and its file system.
initrd=$work/initrd
mkdir -p "$initrd"/{bin,proc,dev,sys,root,modules}
cp "$(command -v busybox)" "$initrd/bin/busybox"
(cd "$tree/lib/modules/$release" && for m in virtio_pci virtio_blk ext4; do
	modprobe -d "$tree" -S "$release" --show-depends "$m" 2>/dev/null || :
done) | sed -n 's/^insmod \([^ ]*\).*/\1/p' | awk '!seen[$0]++' | while read -r m; do
	name=$(basename "${m%.xz}")
	case $m in
	*.xz) xz -dc "$m" >"$initrd/modules/$name" ;;
	*) cp "$m" "$initrd/modules/$name" ;;
	esac
	echo "$name" >>"$initrd/modules/order"
done
cat >"$initrd/init" <<-'END'
	#!/bin/busybox sh
	busybox mount -t proc proc /proc
	busybox mount -t devtmpfs dev /dev
	for m in $(busybox cat /modules/order 2>/dev/null); do
		busybox insmod "/modules/$m"
	done
	n=0
	until busybox mount -t ext4 /dev/vda /root || [ $n = 100 ]; do
		busybox sleep 0.1
		n=$((n + 1))
	done
	busybox umount /proc
	busybox mount -o move /dev /root/dev
	exec busybox switch_root /root /sbin/init
END
chmod 755 "$initrd/init"
(cd "$initrd" && find . -mindepth 1 | sort | busybox cpio -o -H newc 2>/dev/null) >"$dir/initrd"
