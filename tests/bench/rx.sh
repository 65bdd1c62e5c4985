#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# rx.sh [CASE...]: what VMs receive, at rates that VMs under TCG are too slow for in both directions: containers stand in for
# them. Beside divvy an administrator's IFB at the uplink's ingress (doc/peers.md has its source), and nobody; they take turns.
# Prints what was measured, and beside it what was to reach. Cases: udp tcp ecn flood both cpu macvtap. Runs as root, in network
# namespaces of its own, for 8 minutes; ROUNDS=N (3) and SECONDS_EACH=N (8) change that, CAPACITY=20mbit (100mbit) the rates. Needs
# iperf3 (tools/deps.sh lab). In a test host, whose kernel has fq_codel:
#	PROGRAMS="iperf3 ss ethtool ping chrt" tests/hosts/run.sh trixie env CAPACITY=20mbit ROUNDS=2 tests/bench/rx.sh tcp ecn flood
#
#	srv: iperf3 -- srv0 | up0 -- br0 -- va, vb | ga, gb (a namespace each)      a wire of 1 Gbit/s
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/system/lib.sh
. "$root/tests/system/lib.sh"

rounds=${ROUNDS:-3} each=${SECONDS_EACH:-8}
capacity=${CAPACITY:-100mbit}
one_mbit=$((${capacity%mbit} * 8 / 10)) # what one sender sends
vm_ns() { echo "divvy-dp-vm$1-$$"; }
declare -A mac_of=([a]=02:00:00:77:0a:01 [b]=02:00:00:77:0a:02)
declare -A ip_of=([a]=10.77.0.11 [b]=10.77.0.12)
pids=()

links_up() {
	local v
	ip netns add "$host" && ip netns add "$srv" || bail "cannot make a network namespace"
	ip -n "$host" -b - <<-END
		link set lo up
		link add br0 type bridge
		link add up0 type veth peer name srv0 netns $srv
		link set up0 master br0 up
		link set br0 up
	END
	ip -n "$srv" -b - <<-END
		addr add 10.77.0.1/24 dev srv0
		link set srv0 up
	END
	# Frames, not packets that the host segments: what a port hands to its host.
	ip netns exec "$srv" ethtool -K srv0 tso off gso off tx-udp-segmentation off >/dev/null
	tc -n "$srv" qdisc add dev srv0 root tbf rate 1gbit burst 500kb limit 6mb
	for v in a b; do
		ip netns add "$(vm_ns $v)"
		ip -n "$host" link add v$v type veth peer name g$v netns "$(vm_ns $v)" address "${mac_of[$v]}"
		ip -n "$host" link set v$v master br0 up
		bridge -n "$host" fdb replace "${mac_of[$v]}" dev v$v master static
		ip -n "$(vm_ns $v)" addr add "${ip_of[$v]}/24" dev g$v
		ip -n "$(vm_ns $v)" link set g$v up
	done
}

links_down() {
	local ns
	for ns in "$host" "$srv" "$(vm_ns a)" "$(vm_ns b)"; do
		ip netns del "$ns" 2>/dev/null
	done
}

# --- who divides ---------------------------------------------------------------------------------------
nobody_in() { :; }
nobody_out() { :; }

divvy_in() {
	cat >"$tmp/divvy.yaml" <<-END
		uplinks:
		  - name: up0
		    capacity: $capacity
		    rx_capacity: $capacity
		    overhead: 0
		    devices:
		      - {name: a, nic: va, share: 60, rx: same}
		      - {name: b, nic: vb, share: 40, rx: same}
	END
	divvy apply "$tmp/divvy.yaml" >"$tmp/apply.log" 2>&1 || bail "apply: $(<"$tmp/apply.log")"
}

divvy_out() {
	tc -n "$host" -s qdisc show | awk '/^qdisc/ { leaf = /dev divvy/ && / parent / } leaf && sub(/.*\(dropped /, "") { drops += $1 }
		leaf { for (i = 1; i < NF; i++) if ($i == "ecn_mark") marks += $(i + 1) }
		END { print drops + 0 " dropped, " marks + 0 " marked;" }' >>"$tmp/col.divvy.leaves"
	divvy release --all >/dev/null
	await 3 eval '! ip -n "$host" -o link show type ifb | grep -q divvy'
}

administrator_tree() { # device, src or dst
	echo "qdisc add dev $1 root handle 1: htb"
	echo "class add dev $1 parent 1: classid 1:1 htb rate $capacity ceil $capacity"
	echo "class add dev $1 parent 1:1 classid 1:10 htb rate $((${capacity%mbit} * 6 / 10))mbit ceil $capacity"
	echo "class add dev $1 parent 1:1 classid 1:11 htb rate $((${capacity%mbit} * 4 / 10))mbit ceil $capacity"
	echo "filter add dev $1 parent 1: protocol ip u32 match ip $2 ${ip_of[a]}/32 flowid 1:10"
	echo "filter add dev $1 parent 1: protocol ip u32 match ip $2 ${ip_of[b]}/32 flowid 1:11"
}

administrator_in() {
	ip -n "$host" link add ifb0 type ifb
	ip -n "$host" link set ifb0 up
	{
		administrator_tree up0 src
		administrator_tree ifb0 dst
		echo "qdisc add dev up0 handle ffff: ingress"
		echo "filter add dev up0 parent ffff: protocol ip u32 match u32 0 0 action mirred egress redirect dev ifb0"
	} | tc -n "$host" -b - 2>"$tmp/tc.log" || bail "tc: $(<"$tmp/tc.log")" # warns of large quanta
}

administrator_out() {
	tc -n "$host" qdisc del dev up0 root
	tc -n "$host" qdisc del dev up0 ingress
	ip -n "$host" link del ifb0
}

# --- who sends -----------------------------------------------------------------------------------------
launch() { # namespace, file for what it says, command...
	local ns=$1 out=$2
	shift 2
	# As in the lab: what sends and receives beside VMs has real-time priority, or other work of the machine is measured.
	nsenter --net="/run/netns/$ns" chrt -f 1 "$@" >"$tmp/$out" 2>&1 &
	pids+=($!)
}

stream() { # from, to: srv or a VM; address of the receiver; options
	local from=$1 to=$2 address=$3
	shift 3
	launch "$to" "to.$next_port" iperf3 -s -1 -p "$next_port"
	await 5 eval "ip netns exec $to ss -Hltn sport = :$next_port | grep -q ." || bail "iperf3 does not listen"
	# shellcheck disable=SC2086 # options are words
	launch "$from" "from.$next_port" iperf3 -c "$address" -p "$next_port" -t 600 -i 0 $1
	next_port=$((next_port + 1))
}

send_to() { stream "$srv" "$(vm_ns "$1")" "${ip_of[$1]}" "$2"; }
send_from() { stream "$(vm_ns "$1")" "$srv" 10.77.0.1 "$2"; }

stop_all() {
	((${#pids[@]} == 0)) || kill "${pids[@]}" 2>/dev/null
	wait "${pids[@]}" 2>/dev/null
	pids=()
}

# --- what is measured ------------------------------------------------------------------------------------
# At one moment: what each VM took from its device, behind all that divides (rx), and what of its frames arrived at the server
# (from): a VM without backpressure sends more than is let through. Bytes.
look() {
	local counters
	read -r rx_a rx_b < <(nsenter --net="/run/netns/$host" awk '$1 == "va:" { a = $10 } $1 == "vb:" { b = $10 } END { print a, b }' \
		/proc/self/net/dev)
	at_us=${EPOCHREALTIME/./}
	counters=$(ip netns exec "$srv" nft list table ip rx_bench)
	read -r from_a from_b < <(grep -o 'bytes [0-9]*' <<<"$counters" | cut -d' ' -f2 | xargs)
}

count_at_server() {
	ip netns exec "$srv" nft -f - <<-END || bail "nft"
		table ip rx_bench {
			counter a { }
			counter b { }
			chain in {
				type filter hook prerouting priority -300
				meta l4proto udp ip saddr ${ip_of[a]} counter name a
				meta l4proto udp ip saddr ${ip_of[b]} counter name b
			}
		}
	END
}

ping_start() {
	launch "$(vm_ns a)" ping ping -n -i 0.1 10.77.0.1
}

# After two seconds: leaves error, used, p50, tx_error, tx_used of one turn; "-": there is no such figure.
# shellcheck disable=SC2034,SC2154 # by their names; look() sets them
turn() {
	local a b t0 from fa fb
	sleep 2
	from=$(grep -c time= "$tmp/ping" 2>/dev/null)
	look
	a=$rx_a b=$rx_b t0=$at_us fa=$from_a fb=$from_b
	sleep "$each"
	look
	read -r error used tx_error tx_used < <(awk -v a=$((rx_a - a)) -v b=$((rx_b - b)) -v us=$((at_us - t0)) -v c="${capacity%mbit}" \
		-v fa=$((from_a - fa)) -v fb=$((from_b - fb)) 'BEGIN {
			printf "%.3f %.2f", 100 * a / (a + b) - 60, 100 * (a + b) * 8 / us / c
			# at the server without the frames'"'"' 14 bytes: 1,476 of 1,490
			if (fa + fb > 1e6) printf " %.3f %.2f\n", 100 * fa / (fa + fb) - 60, 100 * (fa + fb) * 1490 / 1476 * 8 / us / c
			else print " - -" }')
	p50=$(grep -o 'time=[0-9.]*' "$tmp/ping" 2>/dev/null | tail -n "+$((from + 1))" | cut -d= -f2 | sort -n |
		awk '{ v[NR] = $1 } END { print NR ? v[int((NR + 1) / 2)] : "-" }')
}

# The worst of a column without its sign, and all of it.
tell() { # name, column's file, to reach
	awk -v what="$1" -v reach="$3" '$1 != "-" { n++; all = all " " $1; v = $1 < 0 ? -$1 : $1; if (n == 1 || v > worst) worst = v }
		END { if (n) printf "    %-22s %s%s\n", what, substr(all, 2), reach == "" ? "" : "   (to reach: " reach ")" }' "$2"
}

compare() { # title, to reach: error, utilisation, ping; the traffic's function
	local who k
	echo "$1, $rounds rounds of $each s"
	rm -f "$tmp"/col.*
	for ((k = 0; k < rounds; k++)); do
		for who in unloaded nobody administrator divvy; do
			[[ $who != unloaded ]] || { # what a ping takes
				ping_start
				turn
				echo "$p50" >>"$tmp/col.$who.p50"
				stop_all
				continue
			}
			"${who}_in"
			rm -f "$tmp/ping"
			next_port=5100
			"$5"
			turn
			stop_all
			"${who}_out"
			for c in error used tx_error tx_used p50; do
				echo "${!c}" >>"$tmp/col.$who.$c"
			done
		done
	done
	echo "  unloaded"
	tell "ping p50, ms" "$tmp/col.unloaded.p50" ""
	for who in nobody administrator divvy; do
		echo "  $who"
		tell "rx share error, points" "$tmp/col.$who.error" "$([[ $who == divvy ]] && echo "$2")"
		tell "rx utilisation, %" "$tmp/col.$who.used" "$([[ $who == divvy ]] && echo "$3")"
		tell "tx share error, points" "$tmp/col.$who.tx_error" "$([[ $who == divvy ]] && echo "0.5")"
		tell "tx utilisation, %" "$tmp/col.$who.tx_used" ""
		tell "ping p50 of a, ms" "$tmp/col.$who.p50" "$([[ $who == divvy ]] && echo "$4")"
	done
	echo "    at divvy's leaves      $(paste -sd ' ' "$tmp/col.divvy.leaves")"
}

udp_of() { echo "-u -b $1M -l 1448"; }
two_udp() { send_to a "$(udp_of $one_mbit)"; send_to b "$(udp_of $one_mbit)"; }
two_tcp() { send_to a "-b ${one_mbit}M"; send_to b "-b ${one_mbit}M"; ping_start; }
one_flood() { send_to a "-b ${one_mbit}M"; ping_start; send_to b "$(udp_of $((${capacity%mbit} * 3)))"; }
both_ways() { two_udp; send_from a "$(udp_of $one_mbit)"; send_from b "$(udp_of $one_mbit)"; }

case_udp() { compare "UDP, two senders of $one_mbit Mbit/s" 0.5 "at least 97" "" two_udp; }
case_tcp() { compare "TCP, two senders of $one_mbit Mbit/s" 1 "at least 97" "unloaded + 10" two_tcp; }
case_flood() { compare "TCP of $one_mbit to a, a UDP flood of $((${capacity%mbit} * 3)) to b" 1 "at least 97" "unloaded + 10" one_flood; }
case_both() { compare "UDP, $one_mbit Mbit/s to and from each" 1 "at least 97" "" both_ways; }

# Both ends want ECN.
case_ecn() {
	local ns
	for ns in "$srv" "$(vm_ns a)" "$(vm_ns b)"; do
		ip netns exec "$ns" sysctl -qw net.ipv4.tcp_ecn=1
	done
	compare "TCP with ECN, two senders of $one_mbit Mbit/s" 1 "at least 97" "unloaded + 10" two_tcp
}

# --- the host's CPU ----------------------------------------------------------------------------------------
busy_ms() { # all processors, without what runs with low priority: ticks are 10 ms
	awk '$1 == "cpu" { print ($2 + $4 + $7 + $8) * 10 }' /proc/stat
}

# A stand-in VM at the server's bridge writes 30,000 frames a second to each receiver; all are let through.
case_cpu() {
	local k who v a b t ms capacity=900mbit frame=1000 list=
	ip -n "$srv" -b - <<-END
		link add brs type bridge
		tuntap add n0 mode tap vnet_hdr
		tuntap add n1 mode tap vnet_hdr
		link set n0 master brs up
		link set n1 master brs up
		link set srv0 master brs
		link set brs up
	END
	host=$srv start_vms
	echo "CPU of the host, 60,000 packets/s of $frame bytes to two receivers, ms in each second, by turns"
	for ((k = 0; k < ${PAIRS:-5}; k++)); do
		for who in nobody administrator divvy; do
			"${who}_in"
			for v in web batch; do
				vm_ask $v "flood 60 $frame ${mac_of[$([[ $v == web ]] && echo a || echo b)]} 10.77.0.9 10.77.0.99 5001 rate=30000"
			done
			sleep 1
			look
			a=$rx_a b=$rx_b t=$at_us
			ms=$(busy_ms)
			sleep "$each"
			ms=$(($(busy_ms) - ms))
			look
			list+="$who $((ms / each)) $(((rx_a - a + rx_b - b) * 1000 / frame / ((at_us - t) / 1000)))"$'\n'
			vm_ask web stop
			vm_ask batch stop
			vm_reply web
			vm_reply batch
			"${who}_out"
		done
	done
	awk '{ if (!($1 in n)) order[++m] = $1; v[$1, ++n[$1]] = $2; all[$1] = all[$1] " " $2; pps[$1] = pps[$1] " " $3 }
		END {
			for (i = 1; i <= m; i++) printf "  %-14s %s   (received a second:%s)\n", order[i], all[order[i]], pps[order[i]]
			for (k = 1; k <= n["divvy"]; k++) q[k] = v["divvy", k] / v["administrator", k]
			for (i = 2; i <= n["divvy"]; i++) for (j = i; j > 1 && q[j - 1] > q[j]; j--) { t = q[j]; q[j] = q[j - 1]; q[j - 1] = t }
			k = n["divvy"]
			printf "  divvy / administrator %.2f (%.2f to %.2f)   (to reach: at most 1.5)\n", q[int((k + 1) / 2)], q[1], q[k]
		}' <<<"${list%$'\n'}"
	vm_stop_all
}

# --- macvtap ---------------------------------------------------------------------------------------------------
# Two stand-in VMs write to macvtaps of the uplink as fast as they are taken. Nothing holds them back: what is too much is dropped.
case_macvtap() {
	local v k=0 n i fa fb t
	ip -n "$host" link set up0 nomaster
	for v in web batch; do
		ip -n "$host" link add link up0 name m$k address "${mac[$v]}" type macvtap mode bridge ||
			{ echo "skipped: this kernel has no macvtap"; return; }
		ip -n "$host" link set m$k up
		i=$(ip -n "$host" -o link show m$k | cut -d: -f1)
		n=$(in_host cat "/sys/class/macvtap/tap$i/dev")
		mknod "$tmp/tap.m$k" c "${n%:*}" "${n#*:}"
		k=$((k + 1))
	done
	cat >"$tmp/divvy.yaml" <<-END
		uplinks:
		  - name: up0
		    capacity: 20mbit
		    overhead: 0
		    devices:
		      - {name: web, nic: m0, share: 60}
		      - {name: batch, nic: m1, share: 40}
	END
	divvy apply "$tmp/divvy.yaml" 2>&1 | diag
	for v in web batch; do
		macvtap_vm $v "$tmp/tap.m$([[ $v == web ]] && echo 0 || echo 1)"
		vm_ready $v
		vm_ask $v "flood 60 1000 $(ip -n "$srv" -br link show srv0 | awk '{ print $3 }') ${src_ip[$v]} 10.77.0.1 ${port[$v]} rate=2500"
	done
	sleep 2
	echo "macvtap, tx 60:40 of 20 Mbit/s, two VMs that write 20 Mbit/s each"
	for ((k = 0; k < rounds; k++)); do
		look
		fa=$from_a fb=$from_b t=$at_us
		sleep "$each"
		look
		awk -v a=$((from_a - fa)) -v b=$((from_b - fb)) -v us=$((at_us - t)) 'BEGIN {
			printf "    share error %.3f points, total %.2f Mbit/s   (to reach: 1 point)\n", 100 * a / (a + b) - 60,
				(a + b) * 1000 / 986 * 8 / us }'
	done
	divvy release --all >/dev/null
	vm_stop_all
}
# shellcheck disable=SC2086 # {array[$1]} is a subscript, no word
macvtap_vm() { # name, device
	local in=$tmp/$1.in out=$tmp/$1.out
	mkfifo "$in" "$out"
	exec {vm_in[$1]}<>"$in" {vm_out[$1]}<>"$out"
	nsenter --net="/run/netns/$host" bash -c 'exec 9<>"$1"; shift; exec -a qemu-system-x86_64 "$@"' - "$2" "$tapflood" -name "$1" \
		-netdev tap,id=n0,fd=9 -device "virtio-net-pci,netdev=n0,mac=${mac[$1]}" <"$in" >"$out" &
	vm_pid[$1]=$!
}

# --- all ---------------------------------------------------------------------------------------------------------
cleanup() {
	trap - EXIT INT TERM
	stop_all
	divvy_stop
	vm_stop_all
	links_down
	rm -rf "$tmp"
}

command -v iperf3 >/dev/null || {
	echo "skipped: no iperf3 on this machine (tools/deps.sh lab)"
	exit 0
}
lib_init
(($# > 0)) || set -- udp tcp flood both cpu macvtap
for c; do
	links_up
	count_at_server
	divvy_start
	"case_$c"
	divvy_stop
	links_down
done
