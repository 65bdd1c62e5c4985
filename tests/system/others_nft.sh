#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# others_nft.sh [CASE...]: nft's chains at the hooks of network devices, which packets would pass by under divvy: a device is not bound
# where there is one, unbound when one appears, and bound again when it has gone. Prints TAP.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/system/faults_lib.sh
. "$root/tests/system/faults_lib.sh"

netdev_chain() { # ingress | egress, device; a base chain fw/HOOK that counts
	in_host nft -f - <<-END
		table netdev fw {
			counter seen { }
			chain $1 {
				type filter hook $1 device $2 priority 0;
				udp dport { ${port[web]}, ${port[batch]} } counter name seen
			}
		}
	END
}

chain_gone() {
	in_host nft delete table netdev fw
}

seen() { # packets in fw's counter
	in_host nft list counter netdev fw seen | awk '$1 == "packets" { print $2 }'
}

logged() { # times a pattern stands in divvyd's log
	grep -cE -- "$1" "$tmp/divvyd.log"
}

unfiltered() { # vNIC: without divvy's filter
	! tc -n "$host" filter show dev "$1" ingress 2>/dev/null | grep -q divvy
}

frames() { # VM, n: it sends at least so many frames
	vm_ask "$1" "flood 0.2 $frame ${dst_mac[$1]} ${src_ip[$1]} 10.77.0.1 ${port[$1]}"
	vm_reply "$1"
	[[ $(field written "$REPLY") -ge $2 ]]
}

waits_for() { # device, pattern of the reason (without blanks)
	is "$1" state waiting && of "$1" why | grep -qE -- "$2"
}

with_force() { # device of $tmp/divvy.yaml that gets force: true
	sed "s/name: $1,/name: $1, force: true,/" "$tmp/divvy.yaml"
}

passed_by() { # device, pattern
	json | grep -o "{\"name\":\"$1\".*" | sed 's/},{"name".*//' | grep -qE "\"passed_by\":\"$2\""
}

case_ingress_later() { # a chain on a vNIC that is bound
	local kind
	for kind in chain flowtable; do
		: >"$tmp/divvyd.log"
		if [[ $kind == flowtable ]] && ! in_host nft -c "add table inet fw; add flowtable inet fw ft { hook ingress priority 0; devices = { n0 }; }" 2>/dev/null; then
			echo "# no flowtables in this kernel; tests/unit/kernel_nft_test.c has what is read of them"
			continue
		fi
		if [[ $kind == chain ]]; then
			netdev_chain ingress n0
		else
			in_host nft "add table inet fw; add flowtable inet fw ft { hook ingress priority 0; devices = { n0 }; }"
		fi
		await 2 waits_for web 'nftchainfw/(ingress|ft)hooksn0atingress'
		check "$kind appears on a bound vNIC: the device waits, and says why" "$? == 0" || of web why | diag
		unfiltered n0
		check "$kind: the vNIC has no filter of divvy's" "$? == 0"
		vm_ask web sndbuf
		vm_reply web
		[[ $REPLY == sndbuf=2147483647 ]]
		check "$kind: its send buffer is given back" "$? == 0" || diag <<<"$REPLY"
		is batch state bound
		check "$kind: the other device stays bound" "$? == 0"
		sleep 1.2
		[[ $(logged 'web: waiting: nft chain fw/') -eq 1 ]]
		check "$kind: the log says it once" "$? == 0" || diag <"$tmp/divvyd.log"
		if [[ $kind == chain ]]; then
			frames web 1 && [[ $(seen) -gt 0 ]]
			check "$kind: it sees the VM's packets" "$? == 0"
			divvy set web=61 && is web share 61
			check "$kind: set works meanwhile" "$? == 0"
			chain_gone
		else
			in_host nft delete table inet fw
		fi
		await 2 divvy_bound on
		check "$kind is gone: bound again by itself" "$? == 0" || json | diag
	done
}

case_egress() { # at the uplink's port
	netdev_chain egress up0
	await 2 waits_for web 'nftchainfw/egresshooksup0ategress' && is batch state waiting
	check "egress chain at the uplink: its devices wait, and say why" "$? == 0" || json | diag
	frames web 1 && [[ $(seen) -gt 0 ]]
	check "egress chain at the uplink: it sees the VMs' packets" "$? == 0"
	divvy release --all
	divvy apply "$tmp/divvy.yaml" >"$tmp/said" 2>&1
	check "egress chain at the uplink: apply is refused" "$? == 1"
	says said 'nft chain fw/egress hooks up0 at egress.*force: true'
	check "egress chain at the uplink: it says which chain and the way out" "$? == 0" || diag <"$tmp/said"
	with_force web >"$tmp/try.yaml"
	sed -i "s/name: batch,/name: batch, force: true,/" "$tmp/try.yaml"
	divvy apply --dry-run "$tmp/try.yaml" >"$tmp/said" 2>&1
	[[ $(grep -c 'pass by.*nft chain fw/egress at egress of up0' "$tmp/said") -eq 2 ]]
	check "egress chain at the uplink: a dry run names what is passed by" "$? == 0" || diag <"$tmp/said"
	divvy apply "$tmp/try.yaml" >"$tmp/said" 2>&1 && divvy_bound on
	check "egress chain at the uplink: force: true binds" "$? == 0" || diag <"$tmp/said"
	passed_by web 'fw/egressategressofup0' && divvy status | grep -q 'passed by: nft chain fw/egress at egress of up0'
	check "egress chain at the uplink: status names what is passed by" "$? == 0" || divvy status | diag
	chain_gone
	await 2 passed_by web ''
	check "egress chain is gone: status says so" "$? == 0"
}

case_other_port() { # what VMs send to each other leaves by the other's vNIC
	netdev_chain egress n1
	await 2 waits_for web 'nftchainfw/egresshooksn1ategress'
	check "egress chain at another VM's vNIC: who could send by it waits" "$? == 0" || json | diag
	is batch state bound
	check "egress chain at another VM's vNIC: that VM itself is bound" "$? == 0"
	chain_gone
	await 2 divvy_bound on
	check "egress chain at another VM's vNIC is gone: bound again" "$? == 0"
}

case_second_hop() { # an egress hook sees the packets at their second transmission
	local n
	ip -n "$host" -b - <<-END
		link add br1 type bridge
		link add hop0 type veth peer name hop1
		link set hop0 master br0
		link set hop1 master br1
		link set up0 master br1
		link set hop0 up
		link set hop1 up
		link set br1 up
	END
	bridge -n "$host" fdb replace 02:00:00:77:09:01 dev hop0 master static
	bridge -n "$host" fdb replace 02:00:00:77:09:01 dev up0 master static
	netdev_chain egress up0
	sleep 0.5
	divvy_bound on && frames web 10
	check "egress chain behind a second bridge: the devices stay bound" "$? == 0" || json | diag
	n=$(seen)
	check "egress chain behind a second bridge: it sees their packets" "${n:-0} > 0"
	ip -n "$host" link set up0 master br0
	bridge -n "$host" fdb replace 02:00:00:77:09:01 dev up0 master static
	await 2 waits_for web 'nftchainfw/egresshooksup0ategress'
	check "the port with the chain moves to the vNICs' bridge: their devices wait" "$? == 0" || json | diag
	chain_gone
	await 2 divvy_bound on
	check "the chain is gone: bound again" "$? == 0"
}

case_restart() { # a chain appears while divvyd is not there
	divvyd_kill
	netdev_chain ingress n0
	: >"$tmp/divvyd.log"
	divvyd_launch
	await 2 waits_for web 'nftchainfw/ingresshooksn0' && unfiltered n0
	check "a chain that appeared without divvyd: the next one unbinds" "$? == 0" || json | diag
	[[ $(logged 'web: waiting: nft chain fw/') -eq 1 ]]
	check "a chain that appeared without divvyd: the log says it once" "$? == 0" || diag <"$tmp/divvyd.log"
	chain_gone
	await 2 divvy_bound on
	check "a chain that appeared without divvyd is gone: bound" "$? == 0"
}

# divvyd where nft can be asked only while $tmp/nft-fails is not there.
nft_fails() {
	divvy_stop
	divvyd_in=("$root/build/tests/system/hinder" nft "$tmp/nft-fails")
	divvyd_launch
	divvyd_in=()
	await 5 divvy_bound on || bail "divvyd binds nothing below hinder"
	: >"$tmp/divvyd.log"
	touch "$tmp/nft-fails"
}

case_unknown_apply() { # a firewall, and nft cannot be asked
	local i past=0 refused=0
	nft_fails
	divvy release --all
	netdev_chain ingress n0
	for i in 1 2 3 4 5 6; do
		divvy apply "$tmp/divvy.yaml" >"$tmp/said" 2>&1 || refused=$((refused + 1))
		unfiltered n0 || past=$((past + 1))
		divvy release --all
	done
	echo "# 6 applies: $refused refused, $past bound past the chain"
	check "nft cannot be asked: no apply binds past a chain" "past == 0"
	says said 'cannot ask nft whether it hooks n0 .No buffer space available.: not bound until it answers'
	check "nft cannot be asked: each apply is refused, and says why" "$? == 0 && refused == 6" || diag <"$tmp/said"
	rm "$tmp/nft-fails"
	chain_gone
	divvy apply "$tmp/divvy.yaml" >"$tmp/said" 2>&1
	check "nft answers again: apply binds" "$? == 0" || diag <"$tmp/said"
}

case_unknown_vnic() { # a vNIC comes while nft cannot be asked
	nft_fails
	vm_kill batch
	await 2 is batch state waiting
	vm_start batch
	vm_ready batch
	await 2 waits_for batch 'cannotasknftwhetherithooksn1.*notbounduntilitanswers'
	check "nft cannot be asked: a vNIC that comes is not bound, and status says why" "$? == 0" || of batch why | diag
	sleep 1.2
	is web state bound && is batch state waiting
	check "nft cannot be asked: what is bound stays bound" "$? == 0"
	[[ $(logged 'cannot ask nft for hooks') -eq 1 ]]
	check "nft cannot be asked: the log says it once" "$? == 0" || diag <"$tmp/divvyd.log"
	rm "$tmp/nft-fails"
	await 3 divvy_bound on
	check "nft answers again: the vNIC is bound within seconds" "$? == 0" || of batch why | diag
}

cases=(ingress_later egress other_port second_hop restart unknown_apply unknown_vnic)
(($# > 0)) || set -- "${cases[@]}"
run_cases "$@"
