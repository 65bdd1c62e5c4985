#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# deb.sh DIR [VERSION]: builds Debian's packages into DIR, from a copy of this tree without what was built in it. With VERSION
# they are called that: a test upgrades from one version to another. Prints what it made; on a failure, the log's end.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "${1:?usage: deb.sh DIR [VERSION]}"
out=$(cd "$1" && pwd)
version=${2:-}

rm -f "$out"/*.deb
work=$(mktemp -d) # dpkg-buildpackage puts its results beside the tree
trap 'rm -rf "$work"' EXIT
mkdir "$work/tree"
tar -C "$root" --exclude=./build --exclude=./.git --exclude=./lab/out -cf - . | tar -C "$work/tree" -xf -
cd "$work/tree"
[ -z "$version" ] || sed -i "1s/(.*)/($version)/" debian/changelog
dpkg-buildpackage --build=binary --no-sign -rfakeroot >"$out/log" 2>&1 || {
	tail -n 30 "$out/log" >&2
	exit 1
}
mv "$work"/*.deb "$out"
ls "$out"/*.deb
