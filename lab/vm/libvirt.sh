#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# libvirt.sh: virtlogd and libvirtd with a state of their own, until SIGTERM. The lab starts it in its host's network
# namespace and in a fresh mount namespace (unshare --mount). Prints "ready" when libvirtd takes connections.
#
# A libvirtd that the machine has, its domains and its networks are neither seen nor touched: everything that libvirt
# keeps lies in the five directories below, and those are empty file systems in memory here. A directory that the
# machine does not have is not made on it either, but on an overlay over its parent.
set -eu

daemons=
fail() {
	echo "libvirt.sh: $*" >&2
	# shellcheck disable=SC2086
	kill $daemons 2>/dev/null
	exit 1
}

# Where libvirt finds no systemd it makes control groups named machine itself, and leaves them.
machine_groups() {
	ls -d /sys/fs/cgroup/machine /sys/fs/cgroup/*/machine 2>/dev/null || :
}

stop() {
	# shellcheck disable=SC2086
	kill $daemons 2>/dev/null
	wait
	for d in $(machine_groups); do
		case " $groups_before " in
		*" $d "*) ;;
		*) rmdir "$d" 2>/dev/null || : ;; # not empty: another program uses it by now
		esac
	done
}

groups_before=$(machine_groups | tr '\n' ' ')
for p in virtlogd libvirtd; do
	command -v $p >/dev/null || fail "no $p: apt-get install libvirt-daemon libvirt-daemon-driver-qemu libvirt-clients"
done

mount --make-rprivate /
spare=$(mktemp -d) # the mount point of what lies behind overlays
mount -t tmpfs dvl-libvirt "$spare"
n=0
for d in /etc/libvirt /var/lib/libvirt /var/cache/libvirt /var/log/libvirt /run/libvirt; do
	if [ ! -d $d ]; then
		n=$((n + 1))
		mkdir "$spare/up$n" "$spare/work$n"
		parent=${d%/*}
		mount -t overlay -o "lowerdir=$parent,upperdir=$spare/up$n,workdir=$spare/work$n" dvl-libvirt "$parent" ||
			fail "cannot make $d without touching $parent"
		mkdir $d
	fi
	mount -t tmpfs dvl-libvirt $d
done

# libvirtd does not start without the user that its package libvirt-daemon-system makes - together with services that
# the machine would run from then on. Debian's user and group, for the processes here alone.
id libvirt-qemu >/dev/null 2>&1 || {
	for f in passwd group; do
		cp /etc/$f "$spare/$f"
		mount --bind "$spare/$f" /etc/$f
	done
	echo 'libvirt-qemu:x:64055:64055::/var/lib/libvirt:/usr/sbin/nologin' >>/etc/passwd
	echo 'libvirt-qemu:x:64055:' >>/etc/group
}
umount -l "$spare"
rmdir "$spare"

# As root and without a security driver: the lab's files are root's, and profiles know other directories.
# namespaces: the domain's QEMU stays where the lab can see it. An own configuration has no default network to start.
cat >/etc/libvirt/qemu.conf <<END
user = "root"
group = "root"
security_driver = "none"
dynamic_ownership = 0
remember_owner = 0
namespaces = []
END
cat >/etc/libvirt/libvirtd.conf <<END
auth_unix_ro = "none"
auth_unix_rw = "none"
END
: >/etc/libvirt/virtlogd.conf

# libvirt asks systemd for a domain's cgroup only where systemd runs; elsewhere it makes its own.
virtlogd -p /run/libvirt/virtlogd.pid -f /etc/libvirt/virtlogd.conf &
daemons=$!
libvirtd -p /run/libvirt/libvirtd.pid -f /etc/libvirt/libvirtd.conf &
libvirtd=$!
daemons="$libvirtd $daemons"
trap 'stop; exit 0' TERM
i=0
until virsh -q -c qemu:///system version >/dev/null 2>&1; do
	i=$((i + 1))
	[ $i -lt 200 ] || fail "libvirtd does not answer"
	kill -0 $libvirtd 2>/dev/null || fail "libvirtd ended"
	sleep 0.1
done
echo ready
wait $libvirtd
