#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# before.sh: makes build/deb-before, the packages of build/deb as a version before them, unless they are there: tests upgrade
# from one to the other.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
version=$(dpkg-parsechangelog -l "$root/debian/changelog" -S Version)
new=$root/build/deb/divvy_${version}_amd64.deb
old=$root/build/deb-before/divvy_${version}~before_amd64.deb
[[ -e $new ]] || {
	echo "before.sh: no package: make deb" >&2
	exit 1
}
[[ $old -nt $new ]] || "$root/tools/deb.sh" "$root/build/deb-before" "$version~before" >/dev/null
