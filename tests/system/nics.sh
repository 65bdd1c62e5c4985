#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Every NIC has a share: all vNICs of a VM together, those that a pattern fits, and those that no device names, while VMs
# come and go during floods. Prints TAP.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/system/lib.sh
. "$root/tests/system/lib.sh"

capacity_mbit=40
seconds=3 # in which a share is measured

tap[web]="n0 n2"
tap[rogue]=n3 mac[rogue]=52:54:00:77:00:03 vm_name[rogue]=web
for i in 1 2 3; do
	tap[new$i]=o$i mac[new$i]=52:54:00:77:01:0$i
done

# VMs' taps come with the VMs: they are made when they are opened.
on_bridge() { # interface...
	local nic
	for nic; do
		await 5 ip -n "$host" link show "$nic" >/dev/null 2>&1
		ip -n "$host" link set "$nic" master br0 up
	done
}

spec() {
	cat >"$tmp/divvy.yaml"
	divvy apply "$tmp/divvy.yaml" >"$tmp/said" 2>&1 || diag <"$tmp/said"
}

bound() { # device, number of its vNICs that are bound
	[[ $(divvy status --json 2>/dev/null | python3 -c '
import json, sys
for u in json.load(sys.stdin)["uplinks"]:
	for d in u["devices"]:
		if d["name"] == sys.argv[1]:
			print(sum(n["bound"] for n in d["nics"]))' "$1") == "$2" ]]
}

floods() { # name, queues
	vm_ask "$1" "flood 60 $frame ${dst_mac[web]} ${src_ip[$1]} 10.77.0.1 ${port[$1]:-5003} queues=$2"
}

stops() { # name...
	local v
	for v; do
		vm_ask "$v" stop
		vm_reply "$v"
	done
}

# The share of web against batch, in hundredths of a percent: the best of three windows, for a machine with other work
# starves a VM now and then.
share() {
	local web batch try
	for try in 1 2 3; do
		received
		web=$rx_web batch=$rx_batch
		sleep "$seconds"
		received
		web=$((rx_web - web)) batch=$((rx_batch - batch))
		share=$((web + batch > 0 ? 10000 * web / (web + batch) : 0))
		printf '# %s, window %d: web %d, batch %d frames: %d.%02d %%\n' "$1" "$try" "$web" "$batch" \
			$((share / 100)) $((share % 100))
		((5950 <= share && share <= 6050)) && return
	done
}

case_several() {
	spec <<-END
		uplinks:
		  - name: up0
		    capacity: ${capacity_mbit}mbit
		    overhead: 0
		    devices:
		      - {name: web, vm: web, share: 60}
		      - {name: batch, vm: batch, share: 40}
	END
	await 5 bound web 2
	check "both vNICs of a VM are its device's" "$? == 0"
	await 5 bound batch 1
	floods batch 1
	floods web 1
	sleep 0.5
	share "one vNIC floods"
	check "a VM with two vNICs, one floods: 60:40 within 0.5 points" "5950 <= share && share <= 6050"
	stops web
	floods web 2
	sleep 0.5
	share "both flood"
	check "a VM with two vNICs, both flood: 60:40 within 0.5 points" "5950 <= share && share <= 6050"
	stops web batch
	divvy status >"$tmp/said"
	grep -qE '^web +n0 \+1 ' "$tmp/said"
	check "status names the first vNIC, and how many more there are" "$? == 0" || diag <"$tmp/said"
}

# Another tenant calls its VM as this one is called.
case_namesake() {
	vm_start rogue
	vm_ready rogue
	on_bridge n3
	sleep 1
	bound web 2
	check "a second process of the VM's name does not join" "$? == 0"
	divvy status | grep -q 'Warning: n3 is not device web'
	check "and this is told" "$? == 0"
	spec <<-END
		uplinks:
		  - name: up0
		    capacity: ${capacity_mbit}mbit
		    overhead: 0
		    devices:
		      - {name: web, vm: web, share: 60}
		      - {name: batch, vm: batch, share: 40}
		    others: {share: 1}
	END
	await 5 bound others/n3 1
	check "others has it" "$? == 0"
	sleep 0.5
	bound web 2 && bound others/n3 1
	check "and it does not join later" "$? == 0"
	vm_kill rogue
	await 5 no_class others/n3
	check "what goes leaves no class" "$? == 0"
}

no_class() { # device: it is not in the status, and its class is gone
	! divvy status --json | grep -q "\"name\": \"$1\"" && (($(tc -n "$host" class show dev divvy0 | wc -l) == 4))
}

is_divided() { # interface
	tc -n "$host" filter show dev "$1" ingress 2>/dev/null | grep -q mirred
}

# A VM starts, and floods at once; how long until its vNIC is divided. Sets took_ms.
newcomer() { # name
	local t0
	vm_start "$1"
	vm_ready "$1"
	on_bridge "${tap[$1]}"
	t0=${EPOCHREALTIME/./}
	floods "$1" 1
	await 5 is_divided "${tap[$1]}"
	took_ms=$(((${EPOCHREALTIME/./} - t0) / 1000))
	((took_ms > longest_ms)) && longest_ms=$took_ms
	echo "# $1: divided after $took_ms ms"
}

come_and_go() {
	local i
	while [[ ! -e $tmp/enough ]]; do
		for i in 1 2 3; do
			newcomer new$i
		done
		for i in 1 2 3; do
			vm_kill new$i
		done
		sleep 0.3
	done
	echo "$longest_ms" >"$tmp/longest"
}

case_others() {
	spec <<-END
		uplinks:
		  - name: up0
		    capacity: ${capacity_mbit}mbit
		    overhead: 0
		    devices:
		      - {name: web, vm: web, share: 60}
		      - {name: batch, vm: batch, share: 40}
		    others: {share: 25}
	END
	floods batch 1
	floods web 2
	rm -f "$tmp/enough"
	longest_ms=0
	come_and_go &
	churn=$!
	sleep 0.5
	share "three unnamed VMs come and go"
	check "others come and go: the named ones' shares hold within 0.5 points" "5950 <= share && share <= 6050"
	touch "$tmp/enough"
	wait "$churn"
	stops web batch
	read -r longest_ms <"$tmp/longest"
	echo "# undivided at most $longest_ms ms"
	check "a new vNIC is divided within a second" "longest_ms <= 1000"
	await 5 no_class others/o1
	check "the classes of those that went are gone" "$? == 0"
}

case_patterns() {
	spec <<-END
		uplinks:
		  - name: up0
		    capacity: ${capacity_mbit}mbit
		    devices:
		      - {name: all, vm: "*", share: 10}
		      - {name: w, nic: "n2", share: 20}
	END
	await 5 bound all/batch 1 && await 5 bound all/web 1 && await 5 bound w 1
	check "each VM that a pattern fits is one, and a name goes before a pattern" "$? == 0"
	divvy set all=30 && is all/batch share 30 && is all/web share 30
	check "set changes the share of all matches" "$? == 0"
	! divvy set all/web=5 2>"$tmp/said" && says said 'one of what fits "all"'
	check "a single match has no share of its own" "$? == 0"
	! divvy release all/web 2>"$tmp/said" && says said 'release that'
	check "nor is it released alone" "$? == 0"
	minors=$(tc -n "$host" class show dev divvy0 | awk '{ print $3 }' | sort)
	divvyd_kill
	divvyd_launch
	await 5 bound all/web 1
	[[ $(tc -n "$host" class show dev divvy0 | awk '{ print $3 }' | sort) == "$minors" ]]
	check "matches keep their classes over a restart" "$? == 0"
	cat >"$tmp/divvy.yaml" <<-END
		uplinks:
		  - name: up0
		    capacity: ${capacity_mbit}mbit
		    devices:
		      - {name: one, vm: "we*", share: 10}
		      - {name: other, vm: "*eb", share: 10}
	END
	! divvy apply "$tmp/divvy.yaml" 2>"$tmp/said" && says said '"other"' && says said '"one"'
	check "a tie is refused, and both are named" "$? == 0" || diag <"$tmp/said"
	# Room for one VM at 8 kbit/s each, and the pattern fits two.
	cat >"$tmp/divvy.yaml" <<-END
		uplinks:
		  - name: up0
		    capacity: 15kbit
		    devices:
		      - {name: all, vm: "*"}
	END
	! divvy apply "$tmp/divvy.yaml" 2>"$tmp/said" && says said 'divvy.yaml:5' && says said 'guarantees 7496bit' &&
		is all/batch share 30
	check "more matches than the capacity has room for are refused, and the old text runs" "$? == 0" || diag <"$tmp/said"
}

# --- containers ------------------------------------------------------------------------------------------
declare -A cont_pid
unique=divvy-$$ # in names that the whole machine sees

# Where cgroups can be made: a hierarchy of cgroup v1 or v2.
cgroup_root() {
	local d
	for d in /sys/fs/cgroup /sys/fs/cgroup/unified /sys/fs/cgroup/freezer /sys/fs/cgroup/pids; do
		[[ -e $d/cgroup.procs ]] && mkdir "$d/$unique-try" 2>/dev/null && rmdir "$d/$unique-try" && echo "$d" && return
	done
}

# A stand-in for a container: a process in a network namespace, behind a veth on the host's bridge.
container_start() { # name, veth, cgroup or ""
	ip netns add "$unique-$1"
	ip -n "$host" link add "$2" type veth peer name eth0 netns "$unique-$1"
	ip -n "$host" link set "$2" master br0 up
	ip netns exec "$unique-$1" sleep 300 &
	cont_pid[$1]=$!
	await 2 eval "[[ \$(stat -Lc %i /proc/${cont_pid[$1]}/ns/net) == \$(stat -Lc %i /run/netns/$unique-$1) ]]"
	[[ -z $3 ]] || { mkdir -p "$cgroups/$3" && echo "${cont_pid[$1]}" >"$cgroups/$3/cgroup.procs"; }
}

container_stop() { # name, cgroup or ""
	[[ -n ${cont_pid[$1]:-} ]] || return 0
	kill "${cont_pid[$1]}"
	wait "${cont_pid[$1]}" 2>/dev/null
	unset "cont_pid[$1]"
	ip netns del "$unique-$1"
	[[ -z $2 ]] || await 2 rmdir "$cgroups/$2" 2>/dev/null
	return 0
}

remove_containers() {
	local name
	for name in "${!cont_pid[@]}"; do
		container_stop "$name" ""
	done
	[[ -z ${cgroups:-} ]] || find "$cgroups" -maxdepth 3 -depth -type d -path "*$unique*" -exec rmdir {} + 2>/dev/null
}

# An example of the documentation, with this machine's names.
example() { # file
	sed "s/eno1/up0/; s/web.s/$unique-web.s/; s/batch.slice/$unique-batch.slice/; s/container: batch/container: $unique-batch/" \
		"$root/doc/examples/$1" >"$tmp/divvy.yaml"
	divvy check "$root/doc/examples/$1" >"$tmp/said" 2>&1 && divvy apply "$tmp/divvy.yaml" >"$tmp/said" 2>&1
	check "doc/examples/$1 is right" "$? == 0" || diag <"$tmp/said"
}

case_containers() {
	local docker
	docker=$unique-web.slice/docker-$(printf "%064d" 7).scope
	container_start third c3 ""
	spec <<-END
		uplinks:
		  - name: up0
		    capacity: ${capacity_mbit}mbit
		    devices:
		      - {name: third, container: "${cont_pid[third]}", share: 1}
	END
	await 5 bound third 1
	check "a container by the pid of its process" "$? == 0"
	container_stop third ""
	cgroups=$(cgroup_root)
	if [[ -z $cgroups ]]; then
		skip "containers by cgroup" "no cgroup can be made here"
		return
	fi
	container_start web c1 "$docker"
	container_start batch c2 "$unique-batch.slice/a"
	example docker.yaml
	await 5 bound web 1 && await 5 bound batch 1
	check "Docker: by the slice that a container is in" "$? == 0" || divvy status | diag
	await 5 bound others/n0 1 && await 5 bound others/n1 1 && ! bound others/c1 1 && ! bound others/c2 1
	check "others has what is in no slice" "$? == 0"
	container_stop web "$docker"
	await 5 bound web 0
	check "a container that ends is waited for" "$? == 0"
	container_start web c4 "$unique-web.slice/docker-$(printf '%064d' 8).scope"
	await 7 bound web 1 && is web nic c4
	check "and found again by its slice, with another veth" "$? == 0" || divvy status | diag
	container_stop web "$unique-web.slice/docker-$(printf '%064d' 8).scope"
	container_start web c5 "system.slice/$unique-web.service/libpod-payload-1"
	example podman.yaml
	await 5 bound web 1 && await 5 bound batch 1
	check "Podman: by its service, and by the name of a network namespace" "$? == 0" || divvy status | diag
	remove_containers
}

lib_init
trap "remove_containers; cleanup" EXIT
make_topology bridge
src_ip[rogue]=10.77.0.20 src_ip[new1]=10.77.0.21 src_ip[new2]=10.77.0.22 src_ip[new3]=10.77.0.23
start_vms
on_bridge n2
divvy_start
ip netns exec "$srv" nft add rule inet divvy_test pre udp dport 5003 drop
case_several
case_namesake
case_others
case_patterns
case_containers
divvy release --all
vm_ask web sndbuf
vm_reply web
check "release gives the send buffers back" "$(field sndbuf "$REPLY") == 2147483647"
await 3 untouched
check "and leaves nothing" "$? == 0"
divvy_stop
vm_stop_all
tap_done
