#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# install.sh: make install and uninstall into a directory; what a user without a right is told. Prints TAP.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/tap.sh
. "$root/tests/tap.sh"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

files() {
	find "$tmp/dest" -type f -printf '%P\n' | sort
}

said() { # pattern: in the one line that the latest command wrote
	[[ $(wc -l <"$tmp/said") -eq 1 ]] && grep -qE "$1" "$tmp/said"
}

unprivileged() {
	setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
}

as_nobody() { # a command that has to fail; what it says is kept
	! unprivileged "$@" >"$tmp/said" 2>&1
}

try "make install" make -C "$root" install PREFIX=/usr DESTDIR="$tmp/dest"
for f in usr/sbin/divvyd usr/sbin/divvy-guard usr/bin/divvy etc/divvy/divvy.yaml usr/lib/systemd/system/divvyd.service \
	usr/lib/systemd/system/divvy-guard.service usr/share/man/man8/divvy.8 usr/share/man/man8/divvyd.8 \
	usr/share/man/man5/divvy.yaml.5; do
	try "installed: $f" test -s "$tmp/dest/$f"
done
try "the unit starts what was installed" grep -q '^ExecStart=/usr/sbin/divvyd' "$tmp/dest/usr/lib/systemd/system/divvyd.service"
try "the installed divvy runs" "$tmp/dest/usr/bin/divvy" --version
echo "# edited by the operator" >>"$tmp/dest/etc/divvy/divvy.yaml"
try "make install again" make -C "$root" install PREFIX=/usr DESTDIR="$tmp/dest"
try "the operator's specification stays" grep -q "edited by" "$tmp/dest/etc/divvy/divvy.yaml"
try "make uninstall" make -C "$root" uninstall PREFIX=/usr DESTDIR="$tmp/dest"
try "only the operator's specification is left" test "$(files)" = etc/divvy/divvy.yaml

mkdir "$tmp/bin"
cp "$root/build/divvyd" "$root/build/divvy" "$root/tools/deps.sh" "$tmp/bin"
chmod 755 "$tmp" "$tmp/bin" "$tmp"/bin/*
touch "$tmp/said"
try "divvyd without root: refused" as_nobody "$tmp/bin/divvyd"
try "divvyd without root: says what is missing and how to get it" said 'root.*sudo'
try "set-up without root: refused" as_nobody "$tmp/bin/deps.sh" check
try "set-up without root: says what is missing and how to get it" said 'root.*sudo make check'
try "an unknown verb: refused" as_nobody "$tmp/bin/divvy" frobnicate
try "an unknown verb: says where help is" said 'frobnicate.*--help'
tap_done
