#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# here.sh SUITE COMMAND...: runs the command where run.sh does, in the same image, but under this machine's kernel: in
# mount, pid, network, cgroup and IPC namespaces of its own, from a tmpfs. Much faster than a kernel that QEMU emulates, for
# what this machine's kernel has. FILES, PROGRAMS and LAYERS are those of run.sh. Exits as the command does; all processes
# that the command left behind are killed then.
set -euo pipefail

suite=${1:?usage: here.sh SUITE COMMAND...}
shift
root=$(cd "$(dirname "$0")/../.." && pwd)
"$root/tests/hosts/kernels.sh" "$suite" >/dev/null # its modules belong to the image; they are not loaded here
tmp=$(mktemp -d)
cleanup() {
	! mountpoint -q "$tmp" || umount -l "$tmp"
	rmdir "$tmp"
}
trap cleanup EXIT
trap 'exit 130' INT TERM
mount -t tmpfs -o mode=755 here "$tmp"
files=()
# shellcheck disable=SC2086
for word in "$@" ${FILES:-}; do
	[[ $word == /* || ! -f $root/$word ]] || files+=("$word")
done
mkdir "$tmp/root"
printf '%q ' "$@" | "$root/tests/hosts/image.sh" "$suite" "$tmp/initrd" "${files[@]}"
# The image is archives one behind the other, and cpio reads one: the payload is what follows those that are known.
known=0
# shellcheck disable=SC2086 # a list
for part in "$root/build/hosts/$suite/base.cpio" ${LAYERS:-}; do
	(cd "$tmp/root" && busybox cpio -idu 2>/dev/null) <"$part"
	known=$((known + $(stat -c %s "$part")))
done
tail -c +$((known + 1)) "$tmp/initrd" | (cd "$tmp/root" && busybox cpio -idu 2>/dev/null)
rm "$tmp/initrd"
unshare --mount --pid --net --cgroup --ipc --uts --fork --kill-child -- bash -c '
	set -e
	root=$1
	mount --make-rprivate /
	mount -t proc proc "$root/proc"
	mount -t sysfs sys "$root/sys"
	mount --rbind /dev "$root/dev"
	mkdir -p "$root/run" "$root/tmp" "$root/root"
	mount -t tmpfs tmpfs "$root/run"
	mount -t tmpfs tmpfs "$root/tmp"
	mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
	mount -t bpf bpf "$root/sys/fs/bpf"
	hostname testhost
	cd "$root/divvy"
	exec chroot "$root" /bin/bash -c "export PATH=/usr/sbin:/usr/bin HOME=/root TERM=dumb; ip link set lo up; cd /divvy; . /command" </dev/null
' here "$tmp/root"
