# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# tap.sh: the Test Anything Protocol for tests that are shell scripts. Sourced; the test ends with tap_done.

tests=0 failed=0

check() { # what, condition for (( ))
	tests=$((tests + 1))
	if (($2)); then
		echo "ok $tests - $1"
	else
		echo "not ok $tests - $1"
		failed=$((failed + 1))
		return 1
	fi
}

# That a command succeeds; where it does not, what it printed is shown.
try() { # what, command...
	local tap_what=$1 tap_said tap_ok=1 # names that the command has no variables of
	shift
	tap_said=$("$@" 2>&1) || tap_ok=0
	check "$tap_what" "$tap_ok" || diag <<<"$tap_said"
}

skip() { # what, why
	if [[ -n ${NO_SKIP:-} ]]; then
		echo "# $2"
		check "$1" 0
	else
		tests=$((tests + 1))
		echo "ok $tests - $1 # SKIP $2"
	fi
}

bail() {
	echo "Bail out! $*"
	exit 1
}

diag() {
	sed 's/^/# /'
}

tap_done() {
	echo "1..$tests"
	((failed == 0))
}
