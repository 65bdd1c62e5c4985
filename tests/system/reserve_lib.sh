# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# reserve_lib.sh: one VM with many vNICs, whose senders (senders.c) know what each is entitled to; divvyd divides what they
# send. Sourced. The caller writes a tree, and asks.

# shellcheck disable=SC2154 # root is the test's
# shellcheck source=tests/system/lib.sh
. "$root/tests/system/lib.sh"

senders=$root/build/tests/system/senders
senders_pid=


# The tree is on standard input (senders.c has its form). Host, wire, taps, the VM, divvyd, and the tree applied.
tree_up() {
	local k n args=()
	cat >"$tmp/tree"
	n=$(grep -c '^device' "$tmp/tree")
	ip netns add "$host" && ip netns add "$srv" || bail "cannot make a network namespace"
	{
		echo "link set lo up"
		echo "link add up0 address 02:00:00:77:09:02 type veth peer name srv0 netns $srv address 02:00:00:77:09:01"
		echo "link add br0 type bridge"
		echo "link set up0 master br0 up"
		for ((k = 0; k < n; k++)); do
			echo "tuntap add t$k mode tap vnet_hdr"
			echo "link set t$k master br0 up"
		done
		echo "link set br0 up"
	} >"$tmp/links"
	in_host sysctl -qw net.ipv6.conf.default.disable_ipv6=1 net.ipv6.conf.all.disable_ipv6=1
	ip -n "$host" -b "$tmp/links" && bridge -n "$host" fdb replace 02:00:00:77:09:01 dev up0 master static &&
		ip -n "$srv" link set srv0 up || bail "cannot make the host's links"
	for ((k = 0; k < n; k++)); do
		args+=(-netdev "tap,id=net$k,ifname=t$k,script=no,downscript=no" -device "virtio-net-pci,netdev=net$k,mac=$(printf '52:54:00:77:%02x:%02x' $((k >> 8)) $((k & 255)))")
	done
	mkfifo "$tmp/in" "$tmp/out"
	exec {senders_in}<>"$tmp/in" {senders_out}<>"$tmp/out"
	SENDERS_TREE=$tmp/tree SENDERS_WIRE=$srv:srv0 nsenter --net="/run/netns/$host" \
		bash -c 'exec -a qemu-system-x86_64 "$@"' - "$senders" -name senders "${args[@]}" <"$tmp/in" >"$tmp/out" &
	senders_pid=$!
	read -r -t 20 -u "$senders_out" && [[ $REPLY == ready ]] || bail "the senders do not start"
	divvy_start
	"$senders" yaml "$tmp/tree" up0 | sed "s/, nic:/${device_keys:-}, nic:/" >"$tmp/divvy.yaml"
	divvy apply "$tmp/divvy.yaml" >"$tmp/apply.log" 2>&1 || {
		cat "$tmp/divvy.yaml" "$tmp/apply.log" | diag
		bail "apply fails"
	}
	await 20 all_bound "$n" || bail "not all are bound: $(divvy status)"
}

all_bound() { # how many
	[[ $(grep -o '"state":"bound"' <<<"$(json)" | wc -l) -eq $1 ]]
}

tree_down() {
	divvy_stop
	[[ -z $senders_pid ]] || {
		kill "$senders_pid"
		wait "$senders_pid" 2>/dev/null
		exec {senders_in}>&- {senders_out}>&-
		senders_pid=
	}
	rm -f "$tmp/in" "$tmp/out"
	remove_topology
}

ask() { # a command of senders.c; its last line is in REPLY, the others are shown
	echo "$*" >&"$senders_in"
	while read -r -t "${ask_seconds:-600}" -u "$senders_out"; do
		[[ $REPLY != done* ]] || return 0
		echo "#   $REPLY"
	done
	bail "no answer to $*"
}

value() { # name, of REPLY
	local rest=${REPLY#*"$1="}
	echo "${rest%% *}"
}

below() { # number, bound: (bash has no fractions)
	awk -v a="$1" -v b="$2" 'BEGIN { exit !(a <= b) }'
}

cpu_of() { # pid: user and system time, ms
	awk -v hz="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); print int(($12 + $13) * 1000 / hz) }' "/proc/$1/stat"
}

reserve_init() {
	lib_init
	[[ -x $senders ]] || bail "$senders is not built"
	trap 'tree_down; cleanup' EXIT
}
