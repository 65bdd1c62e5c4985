#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Whether each row of `make check-rows` (tests/rows/run.sh) still fits the source: its patch applies, and it says what it
# takes out and which test has to fail. Prints TAP.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/tap.sh
. "$root/tests/tap.sh"

fits() { # patch
	local key
	for key in Row Fix Test Fails; do
		[[ $(sed '/^diff\|^---/q' "$1" | grep -c "^$key:") == 1 ]] || { echo "no line $key:, or several"; return 1; }
	done
	patch -d "$root" -p1 --batch --fuzz=0 --dry-run <"$1"
}

for row in "$root"/tests/rows/*.patch; do
	try "${row##*/}" fits "$row"
done
tap_done
