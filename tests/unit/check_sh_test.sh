#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What check.sh says at its end of tests that fail, that are skipped (by a shell script, by cmocka, as a whole), or that end
# early; and that tests of the system tell by their exit code that a check failed. Prints TAP.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/tap.sh
. "$root/tests/tap.sh"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

test_file() { # name; what it prints and its exit code: standard input
	cat - >"$tmp/$1"
	chmod 755 "$tmp/$1"
	echo "$tmp/$1"
}

says() { # line...
	local line
	for line; do
		grep -qxF -- "${line//NAME/${tmp//\//_}_}" "$tmp/said" || {
			echo "not said: $line"
			cat "$tmp/said"
			return 1
		}
	done
}

check_them() { # test...
	mkdir -p "$tmp/kept"
	printf '%s\n' "$@" >"$tmp/kept/failed"
	KEPT=$tmp/kept "$root/tests/check.sh" --failed >"$tmp/said" 2>&1
}

shell=$(test_file shell <<<'#!/bin/sh
echo "ok 1 - a"
echo "ok 2 - b # SKIP libvirtd is not installed"
echo "1..2"')
cmocka=$(test_file cmocka <<<'#!/bin/sh
echo "1..2"
echo "# skipped: needs root"
echo "not ok 1 # SKIP by_root"
echo "ok 2 - by_all"')
whole=$(test_file whole <<<'#!/bin/sh
echo "1..0 # SKIP the list of sid has expired"')
check_them "$shell" "$cmocka" "$whole"
check "tests that are skipped do not fail" "$? == 0" || diag <"$tmp/said"
try "what was skipped, and why" says 'skipped: NAMEshell.log: b # SKIP libvirtd is not installed' \
	'skipped: NAMEcmocka.log: by_root: needs root' 'skipped: NAMEwhole.log: all of it # SKIP the list of sid has expired'
check "nothing is called a failure" "$(grep -c '^failed' "$tmp/said") == 0" || diag <"$tmp/said"
fails=$(test_file fails <<<'#!/bin/sh
echo "not ok 1 - c"
echo "# as it was"
echo "1..1"')
early=$(test_file early <<<'#!/bin/sh
echo "no such place" >&2
exit 3')
check_them "$shell" "$fails" "$early"
check "a check that fails, or a test that ends early, fails all" "$? != 0"
try "which, and what was printed" says 'failed: NAMEfails.log: not ok 1 - c' '    # as it was' "failed: $early" '    no such place'

# Each ends by tap_done, or by what does (run_cases, rx_cases, another test), and so with a status of 1 after "not ok".
for t in "$root"/tests/system/*.sh "$root"/tests/views/check.sh "$root"/tests/deb/check.sh; do
	[[ $t == *lib.sh ]] || tail -n 1 "$t" | grep -qE '^(tap_done|(run|rx)_cases "\$@"|undivided_.*)$' || grep -qE '(^| )exec ' "$t" || echo "${t#"$root"/}"
done >"$tmp/said"
check "a system test's exit code is that of its checks" "$(wc -l <"$tmp/said") == 0" || diag <"$tmp/said"
tap_done
