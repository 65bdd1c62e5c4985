#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# several.sh "SCRIPT [ARGUMENT...]"...: TAP tests, one after the other, as one: their results are numbered anew, and one plan
# stands at the end. For test hosts, since a boot costs as much as a test.
set -u -o pipefail
status=0
n=$(mktemp)
echo 0 >"$n"
for command; do
	# shellcheck disable=SC2086 # words
	$command | awk -v file="$n" -v n="$(<"$n")" '
		/^(not )?ok / { n++; sub(/ok( [0-9]+)?/, "ok " n) }
		!/^[0-9]+\.\.[0-9]+$/ { print; fflush() }
		END { print n > file }' || status=1
done
echo "1..$(<"$n")"
rm -f "$n"
exit $status
