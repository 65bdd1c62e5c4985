#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Includes point inward: each directory includes its own headers and those of the layers that doc/architecture.md gives it.
# (That core and spec also link without the rest is the Makefile's part.) Prints TAP. The tree is the argument, or this one.
set -u
root=${1:-$(cd "$(dirname "$0")/../.." && pwd)}
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"

# What a directory may include of others: a layer, or a single header of it.
declare -A inward=(
	[core]=""
	[spec]="core"
	[kernel]="core"
	[guard]="core kernel"
	[cli]="core spec"
	[daemon]="core spec kernel guard/abi.h"
	[lab]="core spec kernel"
)

# Includes that the directory may not have, as "file:line:include".
outward() { # directory
	local allowed="$1 ${inward[$1]}" place header
	grep -rnE --include='*.[ch]' '^#[[:space:]]*include "' "$root/$1" |
		sed -nE 's/^([^:]+:[0-9]+):.*"(.*)".*/\1 \2/p' |
		while read -r place header; do
			case $header in
			../*) ;; # hides where it leads
			*/*) [[ -d $root/${header%%/*} ]] || continue ;; # "bpf/abi.h": the directory's own
			*) continue ;;
			esac
			[[ " $allowed " == *" ${header%%/*} "* || " $allowed " == *" $header "* ]] || echo "$place: $header"
		done
}

for layer in core spec kernel guard cli daemon lab; do
	said=$(outward $layer)
	check "$layer includes itself${inward[$layer]:+, ${inward[$layer]// /, }}" "${#said} == 0" || diag <<<"$said"
done
unknown=
for dir in "$root"/*/; do
	dir=$(basename "$dir")
	[[ -v inward[$dir] || $dir == build || $dir == tests ]] || ! compgen -G "$root/$dir/*.[ch]" >/dev/null || unknown+=" $dir"
done
check "no directory that this test does not know$unknown" "${#unknown} == 0"
tap_done
