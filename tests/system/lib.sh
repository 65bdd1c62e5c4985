# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# lib.sh: what the system tests share. Two namespaces, stand-ins for VMs (tapflood.c), divvyd, and floods. Sourced; the
# test calls lib_init, its cases, and tap_done.
#
#	+---------- host ------------+                +---- srv -----+
#	web   -- n0 --+                               |              |
#	              +-- bridge or route --- up0 ----+ srv0: counts |
#	batch -- n1 --+               (the uplink)    +--------------+

export PATH=$PATH:/usr/sbin:/sbin
# shellcheck disable=SC2154 # root is the test's
tapflood=$root/build/tests/system/tapflood
host=divvy-dp-host-$$ srv=divvy-dp-srv-$$
capacity_mbit=20
frame=1000          # bytes
gso=                # payload of a segment, bytes: the VMs send TCP, and the host segments a frame that is longer
window_seconds=1.2  # in which shares are measured
backend=divvy       # or plain (datapath.sh)
nic_model=virtio-net-pci
vm_kind=tap         # the VMM writes frames to its tap; or vhost: the kernel's vhost worker does
queues=1            # of each VM's NIC
vm_under=()         # a command that the VMs run under: nice and the like
vmm=qemu-system-x86_64 # what the VMs' processes are called
flood_id=0
declare -A dst_mac
declare -A vm_name # where it is not the key
declare -A vm_in vm_out vm_pid src_ip=([web]=10.77.0.11 [batch]=10.77.0.12)
declare -A tap=([web]=n0 [batch]=n1) mac=([web]=52:54:00:77:00:01 [batch]=52:54:00:77:00:02) port=([web]=5001 [batch]=5002)
divvyd_pid=
group=games read_group=users # whose members divvyd serves, where a test gives it groups

# shellcheck source=tests/tap.sh
. "$root/tests/tap.sh"
# shellcheck source=tests/system/arrivals_lib.sh
. "$root/tests/system/arrivals_lib.sh"

# Until the command succeeds, for at most so many seconds.
await() { # seconds, command...
	local end=$((${EPOCHREALTIME/./} + $1 * 1000000)) # SECONDS is whole: one of it may be next to nothing
	shift
	until "$@"; do
		((${EPOCHREALTIME/./} < end)) || return 1
		sleep 0.05
	done
}

# --- namespaces --------------------------------------------------------------------------------------
in_host() {
	ip netns exec "$host" "$@"
}

host_add() {
	ip netns add "$host"
}

host_del() { # with all links in it
	ip netns del "$host" 2>/dev/null
}

count_arrivals() { # namespace: by its own firewall, what arrives for each VM's port; it goes no further
	ip netns exec "$1" nft -f - <<-END || bail "cannot count at the receiver"
		table inet divvy_test {
			counter web { }
			counter batch { }
			chain pre {
				type filter hook prerouting priority -300
				udp dport ${port[web]} counter name web drop
				udp dport ${port[batch]} counter name batch drop
				tcp dport ${port[web]} counter name web drop
				tcp dport ${port[batch]} counter name batch drop
			}
		}
	END
}

make_topology() { # bridge | br_netfilter | routed | killed | leaf; what follows a slash is the caller's
	local multi=
	((queues == 1)) || multi=multi_queue
	host_add && ip netns add "$srv" || bail "cannot make a network namespace"
	in_host sysctl -qw net.ipv6.conf.default.disable_ipv6=1 net.ipv6.conf.all.disable_ipv6=1 2>/dev/null
	ip -n "$host" -b - <<-END || bail "cannot make the host's links"
		link set lo up
		link add up0 address 02:00:00:77:09:02 type veth peer name srv0 netns $srv address 02:00:00:77:09:01
		tuntap add n0 mode tap vnet_hdr $multi
		tuntap add n1 mode tap vnet_hdr $multi
		link set n0 address 02:00:00:77:10:01 up
		link set n1 address 02:00:00:77:10:02 up
		link set up0 up
	END
	ip -n "$srv" -b - <<-END || bail "cannot make the server's links"
		addr add 10.77.0.1/24 dev srv0
		link set srv0 up
	END
	count_arrivals "$srv"
	case ${1%%/*} in
	bridge | br_netfilter | killed | leaf) make_bridge ;;
	routed) make_route ;;
	esac || bail "cannot make the $1 topology"
	[[ ${1%%/*} != br_netfilter ]] || make_br_netfilter
}

make_bridge() {
	src_ip=([web]=10.77.0.11 [batch]=10.77.0.12)
	dst_mac=([web]=02:00:00:77:09:01 [batch]=02:00:00:77:09:01)
	ip -n "$host" -b - <<-END && bridge -n "$host" fdb replace 02:00:00:77:09:01 dev up0 master static
		link add br0 type bridge
		link set n0 master br0
		link set n1 master br0
		link set up0 master br0
		link set br0 up
	END
}

# The counter proves that bridged frames went through IP's hooks.
make_br_netfilter() {
	in_host sysctl -qw net.bridge.bridge-nf-call-iptables=1 && in_host nft -f - <<-END
		table ip divvy_test {
			counter forwarded { }
			chain forward {
				type filter hook forward priority 0
				udp dport { ${port[web]}, ${port[batch]} } counter name forwarded
			}
		}
	END
}

make_route() {
	src_ip=([web]=10.77.1.2 [batch]=10.77.2.2)
	dst_mac=([web]=02:00:00:77:10:01 [batch]=02:00:00:77:10:02)
	ip -n "$host" -b - <<-END && in_host sysctl -qw net.ipv4.ip_forward=1 && in_host nft -f - <<-END2
		addr add 10.77.0.2/24 dev up0
		addr add 10.77.1.1/24 dev n0
		addr add 10.77.2.1/24 dev n1
		neigh add 10.77.0.1 lladdr 02:00:00:77:09:01 dev up0 nud permanent
	END
		table ip divvy_test {
			chain post {
				type nat hook postrouting priority 100
				oifname up0 masquerade
			}
		}
	END2
}

remove_topology() {
	arrivals_stop
	host_del
	ip netns del "$srv" 2>/dev/null
	return 0
}

# What needs a mount namespace of its own: util-linux makes its mounts private first, from the root on.
can_mount() { # what
	unshare --mount true 2>/dev/null || {
		skip "$1" "no mount namespace can be made here: / is no mount point (a chroot?)"
		return 1
	}
}

# --- VMs ---------------------------------------------------------------------------------------------
# shellcheck disable=SC2086 # {array[$1]} is a subscript, no word
vm_start() { # name
	local in=$tmp/$1.in out=$tmp/$1.out more="" args=() nic digit i=0
	((queues == 1)) || more+=",queues=$queues"
	[[ $vm_kind == tap ]] || more+=",vhost=on"
	for nic in ${tap[$1]}; do # several: the VM has as many vNICs
		printf -v digit %x $((16#${mac[$1]: -1} + 4 * i))
		args+=(-netdev "tap,id=net$i,ifname=$nic,script=no,downscript=no$more"
			-device "$nic_model,netdev=net$i,mac=${mac[$1]%?}$digit")
		((++i))
	done
	[[ -p $in ]] || mkfifo "$in" "$out"
	# Opened for both directions: neither end waits for the other.
	exec {vm_in[$1]}<>"$in" {vm_out[$1]}<>"$out"
	"${vm_under[@]}" ip netns exec "$host" bash -c 'exec -a "$0" "$@"' "$vmm" "$tapflood" -name "${vm_name[$1]:-$1}" \
		"${args[@]}" <"$in" >"$out" {vm_in[$1]}>&- {vm_out[$1]}>&- &
	vm_pid[$1]=$!
}

vm_ready() { # name
	vm_reply "$1"
	[[ $REPLY == ready ]] || bail "VM $1 does not start: $REPLY"
}

vm_ask() { # name, line
	echo "$2" >&"${vm_in[$1]}"
}

vm_reply() { # name; the line is in REPLY
	read -r -t 20 -u "${vm_out[$1]}" || REPLY="error: no answer"
}

# shellcheck disable=SC2086 # {array[$1]} is a subscript, no word
vm_kill() { # name
	kill -KILL "${vm_pid[$1]}"
	wait "${vm_pid[$1]}" 2>/dev/null
	exec {vm_in[$1]}>&- {vm_out[$1]}>&-
	unset "vm_pid[$1]"
	rm -f "$tmp/$1.in" "$tmp/$1.out"
}

# shellcheck disable=SC2086 # {array[$1]} is a subscript, no word
vm_stop_all() {
	local v
	for v in "${!vm_pid[@]}"; do
		kill "${vm_pid[$v]}" 2>/dev/null
		wait "${vm_pid[$v]}" 2>/dev/null
		exec {vm_in[$v]}>&- {vm_out[$v]}>&-
		unset "vm_pid[$v]"
	done
}

# --- a link that changes all the time, and is nobody's -----------------------------------------------------
churn_pid=

churn_lines() { # seconds from one to the next
	local never i=0
	exec {never}<> <(:)
	while echo "link set churn0 address 02:00:00:77:20:0$((i = 1 - i))"; do
		read -r -t "$1" -u "$never"
	done
}

churn_start() { # seconds from one change to the next
	ip -n "$host" link add churn0 type veth peer name churn1
	ip -n "$host" -b - < <(churn_lines "$1" 2>/dev/null) &
	churn_pid=$!
}

churn_stop() {
	[[ -n $churn_pid ]] || return 0
	kill "$churn_pid"
	wait "$churn_pid" 2>/dev/null
	churn_pid=
	ip -n "$host" link del churn0
}

use_kind() { # tap | vhost: of the VMs that are started from now on
	vm_kind=$1
	[[ $1 == tap || -c /dev/vhost-net ]] || bail "/dev/vhost-net is missing: modprobe vhost_net"
}

field() { # name=, line
	local rest=${2#*"$1="}
	[[ $rest != "$2" ]] && echo "${rest%% *}" || echo 0
}

# --- the scheduler: divvy, or tc by hand -----------------------------------------------------------------
divvy() {
	DIVVY_SOCKET=$tmp/socket "$root/build/divvy" "$@"
}

divvy_start() {
	rm -rf "$state_dir" "$tmp/run"
	mkdir "$state_dir" "$tmp/run"
	divvyd_launch
}

# `ip netns exec` would hide the host's cgroups: it mounts a /sys of its own.
divvyd_in=()      # a command that runs divvyd elsewhere: unshare and the like
divvyd_options=() # besides those below
divvyd_run() { # a command that runs it, and its arguments, or nothing; in a subshell, which divvyd becomes
	exec nsenter --net="/run/netns/$host" "$@" "$root/build/divvyd" --config "$tmp/none.yaml" --state "$state_dir" \
		--runtime "$tmp/run" --socket "$tmp/socket" "${divvyd_options[@]}"
}

divvyd_launch() {
	divvyd_run "${divvyd_in[@]}" >>"$tmp/divvyd.log" 2>&1 &
	divvyd_pid=$!
	await 10 divvy status >/dev/null 2>&1 || {
		diag <"$tmp/divvyd.log"
		bail "divvyd does not answer"
	}
}

divvyd_once() { # seconds: it shall end by itself, or runs for so long; what it says is in $tmp/said; its exit code
	(divvyd_run timeout "$1") >"$tmp/said" 2>&1
}

divvy_apply() { # on | off
	cat >"$tmp/divvy.yaml" <<-END
		uplinks:
		  - name: up0
		    capacity: ${capacity_mbit}mbit
		    overhead: 0
		    devices:
		      - {name: web, nic: n0, share: 60, backpressure: $1}
		      - {name: batch, nic: n1, share: 40, backpressure: $1}
	END
	divvy apply "$tmp/divvy.yaml" >"$tmp/apply.log" 2>&1 || {
		diag <"$tmp/apply.log"
		return 1
	}
	await 5 divvy_bound "$1"
}

divvy_bound() { # on | off: both devices say so
	local json
	json=$(divvy status --json 2>/dev/null | tr -d ' \n')
	[[ $(grep -o '"state":"bound"' <<<"$json" | wc -l) -eq 2 &&
	   $(grep -o "\"backpressure\":\"$1\"" <<<"$json" | wc -l) -eq 2 ]]
}

divvy_release() {
	divvy release --all >"$tmp/apply.log" 2>&1 || diag <"$tmp/apply.log"
}

divvyd_kill() {
	kill -KILL "$divvyd_pid"
	wait "$divvyd_pid" 2>/dev/null
	divvyd_pid=
}

divvy_stop() {
	[[ -n $divvyd_pid ]] || return 0
	kill "$divvyd_pid" 2>/dev/null
	wait "$divvyd_pid" 2>/dev/null
	divvyd_pid=
}

# --- what divvy says -------------------------------------------------------------------------------------
json() { # the status on one line, without blanks
	divvy status --json 2>/dev/null | tr -d ' \n'
}

# Of one device in the status: a field that is a string or a number.
of() { # device, field
	json | grep -o "{\"name\":\"$1\".*" | sed "s/},{\"name\".*//" | grep -o "\"$2\":[^,}]*" | head -n 1 | sed 's/^[^:]*://; s/"//g'
}

is() { # device, field, value
	[[ $(of "$1" "$2") == "$3" ]]
}

says() { # command's name in $tmp, pattern: stands in what it said; one line only
	[[ $(wc -l <"$tmp/$1") -eq 1 ]] && grep -qE -- "$2" "$tmp/$1"
}

# --- what is measured --------------------------------------------------------------------------------
received() { # sets rx_web, rx_batch: frames at the receiver
	local words
	words=$(ip netns exec "$srv" nft list counters table inet divvy_test |
		awk '$1 == "counter" { c = $2 } $1 == "packets" { print c "=" $2 }')
	rx_web=${words#*web=} rx_web=${rx_web%%$'\n'*}
	rx_batch=${words#*batch=} rx_batch=${rx_batch%%$'\n'*}
}

all_received() { # frames of web, of batch
	received
	((rx_web >= $1 && rx_batch >= $2))
}

# Frames dropped by any link's qdiscs (a root counts those of its leaves), by the IFBs, and at the taps' way in.
dropped() {
	{
		tc -n "$host" -s qdisc show | awk '/^qdisc/ { leaf = / parent (d177|[0-9]+):/ } !leaf && sub(/.*\(dropped /, "")'
		in_host cat /proc/net/dev | awk 'sub(/:/, " ") && $1 ~ /ifb|divvy/ { print $5 + $13 } $1 ~ /^n[01]$/ { print $5 }'
	} | awk '{ n += $1 } END { print n + 0 }'
}

# Both VMs flood; sets written_* and again_* (of each), lost and drops (of both).
flood() { # a command that takes as long as the flood shall; seconds to wait for the last frames
	local v r0_web r0_batch d0
	received
	r0_web=$rx_web r0_batch=$rx_batch d0=$(dropped)
	[[ -z $arrivals_pid ]] || arrivals_ask "expect $((++flood_id))"
	for v in web batch; do
		vm_ask $v "flood ${flood_seconds:-30} $frame ${dst_mac[$v]} ${src_ip[$v]} 10.77.0.1 ${port[$v]} id=$flood_id ${gso:+gso=$gso}"
	done
	$1
	vm_ask web stop
	vm_ask batch stop
	for v in web batch; do
		vm_reply $v
		echo "# $v: $REPLY"
		[[ $REPLY == written=* ]] || bail "VM $v: $REPLY"
		declare -g "written_$v=$(field written "$REPLY")" "again_$v=$(field again "$REPLY")"
	done
	# shellcheck disable=SC2154 # declared in the loop above
	await "$2" all_received $((r0_web + written_web)) $((r0_batch + written_batch)) || :
	lost=$((written_web + written_batch - (rx_web - r0_web) - (rx_batch - r0_batch)))
	count_missing
	drops=$(($(dropped) - d0))
}

# During a flood; sets share_permille (of web) and kbit (of both, L2 bytes). How long reading the counters takes
# (fork and exec under TCG) is left open by half of itself. A machine with other work starves the VMs now and then,
# and shares are those of VMs that always have something to send: one window of three has to be right.
measure_shares() {
	local t0 t1 web batch try
	sleep 0.3
	sample
	for try in 1 2 3; do
		t0=$sampled_us web=$rx_web batch=$rx_batch
		sleep $window_seconds
		sample
		t1=$sampled_us web=$((rx_web - web)) batch=$((rx_batch - batch))
		share_permille=$((web + batch > 0 ? (1000 * web + (web + batch) / 2) / (web + batch) : 0))
		kbit=$((8000 * frame * (web + batch) / (t1 - t0)))
		echo "# window $try: share of web $((share_permille / 10)).$((share_permille % 10)) %, total $kbit kbit/s"
		((590 > share_permille || share_permille > 610)) || break
	done
}

sample() {
	local before=$EPOCHREALTIME after
	received
	after=$EPOCHREALTIME
	sampled_us=$(((${before/./} + ${after/./}) / 2))
}

untouched() { # nothing of divvy's left on the host's links
	! ip -n "$host" -o link show type ifb | grep -q . && ! tc -n "$host" qdisc show | grep -qE 'htb|clsact|ingress'
}

check_shares() { # of which topology; after a flood with backpressure
	check "$1: shares are 60:40 within 1 point" "590 <= share_permille && share_permille <= 610"
	check "$1: the capacity is used and kept" \
		"capacity_mbit * 850 <= kbit && kbit <= capacity_mbit * 1080"
}

check_lossless() {
	echo "# lost $lost, dropped $drops"
	check "$1: no queue drops" "drops == 0"
	check "$1: every frame written arrives" "lost == 0"
}

start_vms() { # both
	vm_start web
	vm_start batch
	vm_ready web
	vm_ready batch
}

set_up() { # topology
	make_topology "$1"
	start_vms
	"${backend}_start"
	"${backend}_apply" on
	check "$1: backpressure is on" "$? == 0"
}

tear_down() { # topology
	local v given_back=1
	"${backend}_release"
	for v in web batch; do
		vm_ask $v sndbuf
		vm_reply $v
		[[ $REPLY == sndbuf=2147483647 ]] || given_back=0
	done
	await 3 untouched || given_back=0
	check "$1: release gives everything back" $given_back
	"${backend}_stop"
	vm_stop_all
	remove_topology
}

cleanup() {
	trap - EXIT INT TERM
	churn_stop
	! declare -F exporter_stop >/dev/null || exporter_stop
	divvy_stop
	vm_stop_all
	remove_topology
	[[ -z ${DIVVY_UNIT:-} ]] || unit_done
	rm -rf "$tmp"
}

lib_init() {
	[[ $(id -u) == 0 ]] || bail "root is needed, for network namespaces"
	[[ -c /dev/net/tun ]] || bail "/dev/net/tun is missing: modprobe tun"
	for program in "$tapflood" ${backend/plain/}; do
		[[ $program == divvy ]] && program=$root/build/divvyd
		[[ -x $program ]] || bail "$program is not built"
	done
	tmp=$(mktemp -d) || bail "no temporary directory"
	state_dir=$tmp/state
	trap cleanup EXIT
	trap 'exit 130' INT TERM
	[[ -z ${DIVVY_UNIT:-} ]] || unit_init
}

# shellcheck source=tests/system/unit_lib.sh
[[ -z ${DIVVY_UNIT:-} ]] || . "$root/tests/system/unit_lib.sh"
