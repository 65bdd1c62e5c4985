#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# tree.sh SUITE DIR: a clean, minimal Debian of that suite in DIR, which is made; with the packages INCLUDE=a,b. It is kept as
# an archive in build/trees; REFRESH=1 makes that anew. Exits with 77 and one line of reason on stderr if it cannot be had.
set -euo pipefail
suite=${1:?usage: tree.sh SUITE DIR}
dir=${2:?}
root=$(cd "$(dirname "$0")/../.." && pwd)
archive=$root/build/trees/$suite${INCLUDE:+-with-$(cksum <<<"$INCLUDE" | cut -d ' ' -f 1)}.tar

mkdir -p "${archive%/*}"
exec 9>"$archive.lock"
flock 9
if [[ ! -e $archive || -n ${REFRESH:-} ]]; then
	mmdebstrap --quiet --variant=minbase "--include=ca-certificates${INCLUDE:+,$INCLUDE}" "$suite" "${archive%.tar}.$$.tar" >"$archive.log" 2>&1 || {
		rm -f "${archive%.tar}.$$.tar"
		echo "tree.sh: $suite: $(tail -n 1 "$archive.log")" >&2
		exit 77
	}
	mv "${archive%.tar}.$$.tar" "$archive"
fi
mkdir -p "$dir"
tar -C "$dir" -xf "$archive"
