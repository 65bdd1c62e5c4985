#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# repair.sh [CASE...]: other programs remove or change what divvy made, one thing after the other. Each time everything is as
# it was within a second, with the same values; the log and the status name it. Prints TAP, and how long each repair took.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/system/faults_lib.sh
. "$root/tests/system/faults_lib.sh"
# shellcheck source=tests/system/values_lib.sh
. "$root/tests/system/values_lib.sh"

deadline_ms=1000
[[ -z ${DIVVY_UNIT:-} ]] || deadline_ms=5000 # an emulated host shows that the unit may repair, not how fast
match_all="bpf bytecode '1,6 0 0 4294967295,'" # not every kernel has the classifier of that name

# Divvy's objects with their values.
objects() {
	{
		tc -n "$host" -b - <<-END
			qdisc show dev divvy0
			class show dev divvy0
			filter show dev divvy0 parent d177:
			filter show dev n0 ingress
			filter show dev n1 ingress
			qdisc show dev n0
		END
		ip -n "$host" link show dev divvy0
	} 2>/dev/null | values | sort
}

whole() {
	[[ $(objects) == "$before" ]]
}

class_of() { # device's vNIC: its class
	tc -n "$host" filter show dev "$1" ingress | sed -n 's/.*flowid \(d177:[0-9a-f]*\).*/\1/p' | head -n 1
}

log_lines() {
	wc -l <"$tmp/divvyd.log"
}

# A fault, and how long until all is as it was. A machine with other work starves divvyd and this shell now and then: one
# of three repairs has to be in time.
fault() { # name, what the log says of it or "", command...
	local name=$1 said=$2 lines t0 try
	shift 2
	for try in 1 2 3; do
		lines=$(log_lines)
		t0=${EPOCHREALTIME/./}
		# Of several commands divvyd may undo the first before the next comes.
		"$@" || "$@" || "$@" || {
			check "$name: the fault is provoked" 0
			return
		}
		await 12 whole || diff <(echo "$before") <(objects) | diag
		took_ms=$(((${EPOCHREALTIME/./} - t0) / 1000))
		echo "# $name: repaired after $took_ms ms"
		((took_ms > deadline_ms)) || break
	done
	((try == 1)) || said= # the log says it once a minute
	check "$name: repaired within a second" "took_ms <= deadline_ms"
	[[ -z $said ]] || {
		tail -n "+$((lines + 1))" "$tmp/divvyd.log" >"$tmp/new.log"
		[[ $(grep -cE -- "$said" "$tmp/new.log") -eq 1 && $(wc -l <"$tmp/new.log") -eq 1 ]]
		check "$name: the log says it, in one line" "$? == 0" || diag <"$tmp/new.log"
	}
}

on_host() { # tc commands, one an argument
	printf '%s\n' "$@" | tc -n "$host" -b -
}

ip_on_host() {
	ip -n "$host" "$@"
}

action_index() { # of the redirect at n0
	tc -n "$host" filter show dev n0 ingress | sed -n 's/.*index \([0-9]*\) ref.*/\1/p' | head -n 1
}

case_vnic() {
	local index
	before=$(objects)
	fault "filter removed" "web: filter removed" \
		on_host "filter del dev n0 ingress pref 65520"
	fault "filter removed at both vNICs" "batch: filter removed" \
		on_host "filter del dev n0 ingress pref 65520" "filter del dev n1 ingress pref 65520"
	fault "another filter in the place of divvy's" "" \
		on_host "filter del dev n0 ingress pref 65520" \
		"filter add dev n0 ingress pref 65520 handle 1 protocol all bpf bytecode '1,6 0 0 0,' classid 1:1"
	index=$(action_index)
	fault "the filter's redirect leads elsewhere" "web: filter changed" \
		on_host "actions change action mirred egress redirect dev up0 index $index"
	fault "ingress qdisc removed" "" \
		on_host "qdisc del dev n0 ingress"
}

case_classes() {
	local web batch
	before=$(objects)
	web=$(class_of n0) batch=$(class_of n1)
	fault "class changed" "web: class changed" \
		on_host "class change dev divvy0 parent d177:1 classid $web htb rate 1mbit ceil 1mbit"
	fault "capacity's class changed" "up0: class changed" \
		on_host "class change dev divvy0 classid d177:1 htb rate 1gbit ceil 1gbit"
	fault "class removed" "web: class removed" \
		on_host "class del dev divvy0 classid $web"
	fault "default leaf removed" "up0: class removed" \
		on_host "class del dev divvy0 classid d177:fffe"
	fault "leaf replaced by pfifo limit 2" "web: queue replaced" \
		on_host "qdisc replace dev divvy0 parent $web pfifo limit 2"
	fault "leaf's limit changed" "batch: queue replaced" \
		on_host "qdisc change dev divvy0 parent $batch bfifo limit 3000"
	fault "leaf removed" "" \
		on_host "qdisc del dev divvy0 parent $web"
	fault "class made anew under another's class" "up0: root qdisc" \
		on_host "class del dev divvy0 classid $web" "class add dev divvy0 parent $batch classid $web htb rate 1mbit"
	fault "class of others under a device's class" "" \
		on_host "class add dev divvy0 parent $batch classid d177:77 htb rate 1mbit"
}

case_codel() { # leaves without backpressure
	local web batch
	divvy_apply off
	tc -n "$host" qdisc show dev divvy0 | grep -q fq_codel || {
		echo "# queues without backpressure: this kernel has no fq_codel; Debian's have it"
		return
	}
	before=$(objects)
	web=$(class_of n0) batch=$(class_of n1)
	fault "fq_codel's target changed" "web: queue replaced" \
		on_host "qdisc change dev divvy0 parent $web fq_codel target 900ms"
	fault "fq_codel's limit of packets changed" "batch: queue replaced" \
		on_host "qdisc change dev divvy0 parent $batch fq_codel limit 2"
	fault "fq_codel replaced by pfifo" "" \
		on_host "qdisc replace dev divvy0 parent $web pfifo"
}

case_uplink() {
	before=$(objects)
	fault "classifier removed" "up0: classifier removed" \
		on_host "filter del dev divvy0 parent d177:"
	fault "a filter before the classifier" "" \
		on_host "filter add dev divvy0 parent d177: pref 1 protocol all $match_all classid d177:fffe"
	fault "a filter before the classifier at its own preference" "" \
		on_host "filter add dev divvy0 parent d177: pref 65520 handle 7 protocol all $match_all classid d177:fffe"
	fault "root removed" "up0: root qdisc removed" \
		on_host "qdisc del dev divvy0 root"
	fault "root replaced, another handle" "" \
		on_host "qdisc replace dev divvy0 root handle 1: pfifo"
	fault "root replaced, divvy's handle" "" \
		on_host "qdisc del dev divvy0 root" "qdisc add dev divvy0 root handle d177: pfifo"
	fault "root replaced, packets without a class go direct" "" \
		on_host "qdisc del dev divvy0 root" "qdisc add dev divvy0 root handle d177: htb default 0"
}

one_ifb() {
	[[ $(ip -n "$host" -o link show type ifb | wc -l) -eq 1 ]] && whole
}

case_ifb() {
	before=$(objects)
	fault "IFB down" "up0: IFB changed" \
		ip_on_host link set divvy0 down
	fault "IFB's txqueuelen changed" "" \
		ip_on_host link set divvy0 txqueuelen 2
	fault "IFB's alias changed" "" \
		ip_on_host link set divvy0 alias mine
	fault "IFB's alias removed" "" \
		ip_on_host link set divvy0 alias ""
	fault "IFB deleted" "up0: IFB removed" \
		ip_on_host link del divvy0
	fault "IFB moved to another namespace" "" \
		ip_on_host link set divvy0 netns "$srv"
	# It comes back: there are two of that alias for a moment, and one goes.
	ip -n "$srv" link set divvy0 name back0
	ip -n "$srv" link set back0 netns "$host"
	await 12 one_ifb
	check "IFB moved back: one is left, and nothing else changes" "$? == 0" || ip_on_host link show type ifb | diag
	# A name is nobody's business.
	ip -n "$host" link set divvy0 down
	ip -n "$host" link set divvy0 name renamed0 up
	sleep 0.3
	divvy set web=55 >"$tmp/said" && tc -n "$host" class show dev renamed0 | grep -q 'class htb d177:1 '
	check "IFB renamed: it goes on under that name" "$? == 0"
	[[ $(ip -n "$host" -o link show type ifb | wc -l) -eq 1 ]]
	check "IFB renamed: there is no second one" "$? == 0"
}

# What waits in the taps is not lost while the data path is broken and repaired; what a queue of others drops is.
case_traffic() {
	before=$(objects)
	flooded "leaf replaced" on_host "qdisc replace dev divvy0 parent $(class_of n0) pfifo limit 2"
	flooded "filter removed" on_host "filter del dev n0 ingress pref 65520"
	flooded "classifier removed" on_host "filter del dev divvy0 parent d177:"
	flooded "class removed" on_host "class del dev divvy0 classid $(class_of n0)"
	flooded "IFB down" ip_on_host link set divvy0 down
}

in_the_flood() {
	sleep 0.3
	"${the_fault[@]}"
	await 5 whole
	measure_shares
}

flooded() { # name, command...
	the_fault=("${@:2}")
	flood in_the_flood 3
	echo "# $1 under a flood: lost $lost of $((written_web + written_batch)) frames"
	check "$1 under a flood: shares are right again" "590 <= share_permille && share_permille <= 610"
}

repaired() { # uplink's or device's name, field: a number
	json | grep -o "\"name\":\"$1\".*" | grep -o '"repaired":{[^}]*' | head -n 1 | sed -n "s/.*\"$2\":\([0-9]*\).*/\1/p"
}

case_again() { # a program that removes the filter over and over
	local i lines
	lines=$(log_lines)
	before=$(objects)
	for i in {1..8}; do
		on_host "filter del dev n0 ingress pref 65520"
		await 5 whole || break
	done
	check "removed again and again: repaired each time" "i == 8"
	[[ $(grep -c "web: filter removed" "$tmp/divvyd.log") -eq 1 ]]
	check "removed again and again: one line in the log" "$? == 0" || diag <"$tmp/divvyd.log"
	[[ $(log_lines) -le $((lines + 1)) ]]
	check "removed again and again: and no other line" "$? == 0" || diag <"$tmp/divvyd.log"
	check "removed again and again: the status counts" "$(repaired web last_minute) == 8 && $(repaired web total) == 8"
	check "removed again and again: not another device's" "$(repaired batch total) == 0"
	divvy status >"$tmp/said"
	grep -q 'filter removed 8 times in the last minute' "$tmp/said"
	check "removed again and again: and says so" "$? == 0" || diag <"$tmp/said"
}

case_apply() { # the same text again repairs, too, and at once
	local web
	before=$(objects)
	web=$(class_of n0)
	on_host "qdisc replace dev divvy0 parent $web pfifo limit 2" \
		"class change dev divvy0 parent d177:1 classid $web htb rate 1mbit ceil 1mbit" \
		"filter del dev divvy0 parent d177:"
	ip_on_host link set divvy0 down
	divvy apply "$tmp/divvy.yaml" >"$tmp/said"
	whole
	check "apply of the same text repairs" "$? == 0" || diff <(echo "$before") <(objects) | diag
}

case_release() { # of a device whose filter another program has just removed
	on_host "filter del dev n0 ingress pref 65520"
	divvy release web >"$tmp/said"
	! tc -n "$host" qdisc show dev n0 | grep -q ingress
	check "filter removed, then released: no qdisc of divvy's stays" "$? == 0" || tc -n "$host" qdisc show dev n0 | diag
	divvy apply "$tmp/divvy.yaml" >"$tmp/said"
	release_theirs 0 "made the moment before"
	release_theirs 0.5 "long known"
}

hangs_on() { # nic
	tc -n "$host" filter show dev "$1" ingress | grep -q divvy
}

release_theirs() { # after so long; which
	await 2 hangs_on n0
	on_host "filter add dev n0 ingress protocol ip pref 7 u32 match ip dport 9999 0xffff flowid 1:1"
	sleep "$1"
	divvy release web >"$tmp/said"
	tc -n "$host" filter show dev n0 ingress | grep -q 'pref 7'
	check "release: another program's filter at divvy's hook stays, $2" "$? == 0" || tc -n "$host" qdisc show dev n0 | diag
	! hangs_on n0
	check "release: and divvy's goes" "$? == 0"
	on_host "qdisc del dev n0 ingress"
	divvy apply "$tmp/divvy.yaml" >"$tmp/said"
}

case_dead() { # what was changed while no divvyd ran
	local web
	before=$(objects)
	web=$(class_of n0)
	divvyd_kill
	on_host "qdisc replace dev divvy0 parent $web pfifo limit 2" \
		"class change dev divvy0 parent d177:1 classid $web htb rate 1mbit ceil 1mbit" \
		"filter add dev divvy0 parent d177: pref 1 protocol all $match_all classid d177:fffe"
	ip_on_host link set divvy0 down txqueuelen 2
	divvyd_launch
	await 2 whole
	check "changed while divvyd was dead: the next one repairs" "$? == 0" || diff <(echo "$before") <(objects) | diag
}

case_gone() { # a vNIC that goes takes its filter along: nobody removed that
	ip -n "$host" link del n1
	await 5 is batch state waiting
	sleep 0.3
	! grep -q 'by another program' "$tmp/divvyd.log"
	check "vNIC deleted: its filter is not told as removed by another program" "$? == 0" || diag <"$tmp/divvyd.log"
}

case_theirs() { # what others add is left alone
	local theirs
	before=$(objects)
	on_host "class add dev divvy0 parent d177:1 classid d177:77 htb rate 1mbit" \
		"filter add dev n0 ingress pref 7 protocol ip u32 match ip dport 9999 0xffff classid 1:1" \
		"qdisc add dev up0 root handle 1: htb" \
		"filter add dev divvy0 parent d177: pref 65533 protocol all $match_all classid d177:77"
	theirs=$(objects)
	# An action may be in any filter: divvyd looks at all there is.
	on_host "actions add action mirred egress redirect dev up0"
	sleep 1.5
	[[ $(objects) == "$theirs" ]] && tc -n "$host" qdisc show dev up0 | grep -q "htb 1:"
	check "added by others: left alone" "$? == 0" || diff <(echo "$theirs") <(objects) | diag
	check "added by others: nothing was repaired" "$(repaired web total) + $(repaired up0 total) == 0"
	before=$theirs
	fault "class removed beside one of others" "batch: class removed" \
		on_host "class del dev divvy0 classid $(class_of n1)"
	tc -n "$host" filter del dev n0 ingress pref 7
	tc -n "$host" qdisc del dev up0 root
}

cases=(vnic classes codel uplink ifb traffic again apply release gone dead theirs)
(($# > 0)) || set -- "${cases[@]}"
run_cases "$@"
