#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The house: each room includes itself and the rooms that doc/architecture.md puts below it, and nothing else; and no units
# (x.c with x.h) include each other in a circle, whether inside a room or between rooms. Tests and lab/guest are no rooms.
# Prints TAP. The tree is the argument, or this one.
set -u
root=${1:-$(cd "$(dirname "$0")/../.." && pwd)}
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"

# The rooms, the lowest first, and what each may include besides itself: rooms, or single headers of a room.
rooms=(base core core/slots spec proto kernel/proc kernel/net kernel/bpf kernel/vmm kernel/cgroup plan datapath slots guard
	daemon/state daemon/reconcile daemon/snapshot daemon/control daemon cli exporter lab/bpf lab/proc lab/net lab/vm lab/measure
	lab/traffic lab/scenario lab/schedulers lab/probes lab/run lab/record lab/clean lab)
below_daemon="base core core/slots spec proto kernel/proc kernel/net kernel/bpf kernel/vmm kernel/cgroup plan datapath slots"
declare -A below=(
	[base]=""
	[core]="base"
	[core/slots]="base core"
	[spec]="base core core/slots"
	[proto]="base core spec"
	[kernel/proc]="base"
	[kernel/net]="base core"
	[kernel/bpf]="base"
	[kernel/vmm]="base core kernel/proc"
	[kernel/cgroup]="base core kernel/proc"
	[plan]="base core kernel/net kernel/vmm"
	[datapath]="base core kernel/net kernel/bpf kernel/vmm kernel/proc plan"
	[slots]="base core core/slots kernel/proc kernel/vmm kernel/cgroup plan guard/abi.h"
	[guard]="base core kernel/proc kernel/cgroup"
	[daemon/state]="$below_daemon"
	[daemon/reconcile]="$below_daemon daemon/state"
	[daemon/snapshot]="$below_daemon daemon/state daemon/reconcile"
	[daemon/control]="$below_daemon daemon/state daemon/reconcile daemon/snapshot"
	[daemon]="$below_daemon daemon/state daemon/reconcile daemon/control"
	[cli]="base core spec proto"
	[exporter]="base spec proto"
	[lab/bpf]=""
	[lab/proc]="base"
	[lab/net]="base lab/bpf lab/proc"
	[lab/vm]="base lab/proc lab/net"
	[lab/measure]="base core"
	[lab/traffic]="base lab/proc lab/net lab/vm lab/measure"
	[lab/scenario]="base core spec lab/proc lab/net lab/vm lab/traffic"
	[lab/schedulers]="base core spec kernel/cgroup lab/proc lab/net lab/vm lab/scenario"
	[lab/probes]="base core kernel/proc kernel/net kernel/vmm lab/bpf lab/proc lab/net lab/vm lab/measure lab/scenario lab/schedulers"
	[lab/run]="base core lab/proc lab/net lab/vm lab/measure lab/traffic lab/scenario lab/schedulers lab/probes"
	[lab/record]="base lab/proc lab/measure lab/scenario lab/probes lab/run"
	[lab/clean]="base kernel/proc kernel/cgroup lab/proc lab/net"
	[lab]="base lab/proc lab/measure lab/scenario lab/run lab/record lab/clean"
)

# Every include in quotes, as "file line included-file": a header without a folder is the includer's own.
includes() {
	(cd "$root" && find . -name '*.[ch]' -not -path './build/*' -not -path './tests/*' -not -path './lab/guest/*' \
		-printf '%P\n' | sort | xargs grep -nE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' /dev/null) |
		sed -nE 's/^([^:]+):([0-9]+):[^"]*"([^"]*)".*/\1 \2 \3/p' |
		awk '$3 !~ /\.skel\.h$/ {
			dir = $1; sub(/\/[^\/]*$/, "", dir)
			print $1, $2, ($3 ~ /\// && $3 !~ /^\.\.?\//) ? $3 : dir "/" $3
		}'
}

# Includes that a room may not have.
outward() { # room
	local allowed=" $1 ${below[$1]} " file line header
	while read -r file line header; do
		[[ ${file%/*} == "$1" ]] || continue
		[[ $allowed == *" ${header%/*} "* || $allowed == *" $header "* ]] && [[ -e $root/$header && $header != *..* ]] ||
			echo "$file:$line: $header"
	done <<<"$all"
}

# Circles of units, a line for each unit in one. tsort(1) names them.
circles() {
	awk '{
		from = $1; to = $3; sub(/\.[ch]$/, "", from); sub(/\.[ch]$/, "", to)
		if (from != to) print from, to
	}' <<<"$all" | tsort 2>&1 >/dev/null | sed 's/^tsort: //'
}

all=$(includes)
check "there are includes to look at" "$(wc -l <<<"$all") > 50"
for room in "${rooms[@]}"; do
	said=$(outward "$room")
	check "$room includes itself${below[$room]:+, ${below[$room]// /, }}" "${#said} == 0" || diag <<<"$said"
done
said=$(circles)
check "no circle of units" "${#said} == 0" || diag <<<"$said"
unknown=
for dir in $(cd "$root" && find . -name '*.[ch]' -not -path './build/*' -not -path './tests/*' -printf '%P\n' |
	sed 's,/[^/]*$,,' | sort -u); do
	[[ -v below[$dir] || $dir == lab/guest ]] || unknown+=" $dir"
done
check "no room that this test does not know$unknown" "${#unknown} == 0"
tap_done
