#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# make lint, as a test beside the others (check.sh). Prints TAP.
set -u
root=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=tests/tap.sh
. "$root/tests/tap.sh"
unset MAKEFLAGS MFLAGS MAKELEVEL # of the make that runs the tests
try "make lint" nice make -C "$root" --no-print-directory lint
tap_done
