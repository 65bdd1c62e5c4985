#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# kept.sh TEST: runs one test for check.sh. What the test prints goes on, and a copy of it is kept in the folder KEPT for
# the summary; where the test fails, its name goes into KEPT/failed.
set -u
log=$KEPT/${1//\//_}.log
"$1" 2> >(tee "$log.err" >&2) | tee "$log"
status=${PIPESTATUS[0]}
if ((status != 0)) || grep -q '^not ok' "$log"; then
	echo "$1" >>"$KEPT/failed"
fi
exit "$status"
