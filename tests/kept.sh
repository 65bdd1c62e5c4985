#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# kept.sh TEST: runs one test for check.sh. What the test prints goes on, what it says of errors at its end, and a copy of
# both is kept in the folder KEPT for the summary; where the test fails, its name goes into KEPT/failed. The test has no
# child that it did not make: kernel_vmm_setup_test counts them. cmocka says "not ok" of what it skips, and
# prove takes that for a failure: it becomes "ok".
set -u
log=$KEPT/${1//\//_}.log
"$1" 2>"$log.err" | sed -u 's/^not \(ok [0-9]* # SKIP\)/\1/' | tee "$log"
status=${PIPESTATUS[0]}
cat "$log.err" >&2
if ((status != 0)) || grep -q '^not ok' "$log"; then
	echo "$1" >>"$KEPT/failed"
fi
exit "$status"
