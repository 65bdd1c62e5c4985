#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# image.sh SUITE OUT [FILE...]: the initramfs of a test host, written to OUT. SUITE's kernel must have been
# unpacked by kernels.sh. It is cpio archives, one behind the other:
#	base      busybox, bash, ip, tc, bridge, nft, their libraries, the modules below; kept in build/hosts/SUITE
#	layers    the archives that $LAYERS names
#	payload   the tree as far as tests need it, in /divvy: tests/tap.sh, tests/system, build/divvyd, build/divvy,
#	          build/tests/system, and every FILE (relative to the tree) with the libraries it is linked to; in
#	          /usr/bin, this machine's $PROGRAMS with theirs
set -euo pipefail

suite=${1:?usage: image.sh SUITE OUT [FILE...]}
out=$(realpath -m "${2:?}")
shift 2
export PATH=$PATH:/usr/sbin:/sbin
root=$(cd "$(dirname "$0")/../.." && pwd)
kernel=$root/build/hosts/$suite
release=$(cat "$kernel/release")

# What divvy, its tests and a plain tc set-up need; modules that these depend on come along.
modules=(tun tap veth dummy ifb macvtap bonding wireguard ip_gre ipip sit ip6_tunnel ip6_gre vxlan geneve
	 sch_htb sch_ingress sch_fq_codel sch_tbf cls_bpf cls_u32 cls_matchall act_mirred act_gact act_skbedit act_bpf
	 sch_sfq sch_cake cls_basic cls_fw act_police
	 sch_prio sch_fq 8021q openvswitch
	 bridge br_netfilter nf_tables nfnetlink nf_conntrack nf_nat nft_chain_nat nft_masq nft_ct nft_counter
	 nft_objref virtio_net vhost_net)
programs=(bash ip tc bridge nft)

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT

archive() { # directory > cpio
	(cd "$1" && find . -mindepth 1 | sort | busybox cpio -o -H newc 2>/dev/null)
}

# /bin, /sbin, /lib, /lib64 are links into /usr in the base. Of a package that was unpacked elsewhere (ovs.sh), too.
in_usr() { # absolute path
	case $1 in
	/usr/*) echo "$1" ;;
	*/usr/lib/*) echo "/usr/lib/${1#*/usr/lib/}" ;;
	*) echo "/usr$1" ;;
	esac
}

copy_libraries() { # program, directory
	local lib
	{ ldd "$1" 2>/dev/null || :; } | { grep -oE '/[^ ]+' || :; } | sort -u | while read -r lib; do
		lib_in=$2$(in_usr "$lib")
		[[ -e $lib_in ]] || install -D "$lib" "$lib_in"
	done
}

make_base() {
	local dir=$stage/base deps=$stage/deps m path
	mkdir -p "$dir"/usr/{bin,sbin,lib,lib64} "$dir"/{proc,sys,dev,etc} "$dir/usr/lib/modules/$release"
	for m in bin sbin lib lib64; do
		ln -s usr/$m "$dir/$m"
	done
	install "$root/tests/hosts/init" "$dir/init"
	install "$(command -v busybox)" "$dir/usr/bin/busybox"
	copy_libraries "$dir/usr/bin/busybox" "$dir"
	for m in $(busybox --list); do
		[[ $m == busybox ]] || ln -s busybox "$dir/usr/bin/$m"
	done
	ln -s ../bin/busybox "$dir/usr/sbin/modprobe"
	for m in "${programs[@]}"; do
		path=$(command -v "$m")
		rm -f "$dir/usr/bin/$m"
		install "$path" "$dir/usr/bin/$m"
		copy_libraries "$path" "$dir"
	done
	echo 'root:x:0:0:root:/root:/bin/sh' >"$dir/etc/passwd"
	echo 'root:x:0:' >"$dir/etc/group"

	# depmod wants to stand in a modules directory, and modules packed by xz are unpacked: any kernel takes those.
	mkdir -p "$stage/lib/modules"
	ln -s "$kernel/modules" "$stage/lib/modules/$release"
	(cd "$kernel/modules" && busybox depmod -n -b "$stage" "$release") | grep '\.ko[.a-z]*:' >"$deps"
	for m in "${modules[@]}"; do
		sed -n "s|^\(.*/${m//_/[-_]}\.ko[.a-z]*\): *\(.*\)|\1 \2|p" "$deps"
	done | tr ' ' '\n' | sed '/^$/d' | sort -u | while read -r path; do
		m=$dir/usr/lib/modules/$release/${path%.xz}
		mkdir -p "$(dirname "$m")"
		case $path in
		*.xz) xz -dc "$kernel/modules/$path" >"$m" ;;
		*.zst) zstd -qdc "$kernel/modules/$path" >"${m%.zst}" ;;
		*) cp "$kernel/modules/$path" "$m" ;;
		esac
	done
	cp "$kernel"/modules/modules.{builtin,order} "$dir/usr/lib/modules/$release/"
	(cd "$dir/usr/lib/modules/$release" && busybox depmod -b "$dir" "$release")
	archive "$dir" >"$kernel/base.cpio.$$"
	mv "$kernel/base.cpio.$$" "$kernel/base.cpio"
}

make_payload() { # file...
	local dir=$stage/payload f
	mkdir -p "$dir/divvy"
	for f in tests/tap.sh tests/system build/divvyd build/divvy build/tests/system "$@"; do
		[[ -e $root/$f ]] || continue
		(cd "$root" && find "$f" -type f ! -name '*.o' ! -name '*.d')
	done | sort -u | while read -r f; do
		install -D "$root/$f" "$dir/divvy/$f"
		copy_libraries "$root/$f" "$dir"
	done
	for f in ${PROGRAMS:-}; do
		f=$(command -v "$f") || {
			echo "image.sh: a program of PROGRAMS=\"$PROGRAMS\" is not on this machine" >&2
			return 1
		}
		install -D -t "$dir/usr/bin" "$f"
		copy_libraries "$f" "$dir"
	done
	install "$stage/command" "$dir/command"
	archive "$dir"
}

if [[ ! -e $kernel/base.cpio || $0 -nt $kernel/base.cpio || $root/tests/hosts/init -nt $kernel/base.cpio ||
      $kernel/complete -nt $kernel/base.cpio ]]; then
	make_base
fi
cat >"$stage/command"
{
	# shellcheck disable=SC2086 # a list
	cat "$kernel/base.cpio" ${LAYERS:-}
	make_payload "$@"
} >"$out"
