#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# core is pure: what its objects leave undefined is on this list. No clock, no file, no socket, no process.
# Prints TAP. The archive is the argument, or build/libcore.a.

lib=${1:-$(dirname "$0")/../../build/libcore.a}

# memory, strings, sorting; text into a caller's buffer; what the compiler itself calls.
allowed='
calloc free malloc realloc reallocarray
memcmp memcpy memmove memset
strchr strcmp strlen strncmp strnlen strrchr
qsort qsort_r
snprintf vsnprintf __snprintf_chk __vsnprintf_chk
__stack_chk_fail __memcpy_chk __memset_chk
__divti3 __modti3 __udivti3 __umodti3 __divmodti4 __udivmodti4
_GLOBAL_OFFSET_TABLE_
'

echo 1..2
if [ ! -r "$lib" ]; then
	echo "not ok 1 - $lib exists"
	echo "not ok 2 - undefined symbols are on the list"
	exit 1
fi
defined=$(nm -g --defined-only "$lib" | awk 'NF == 3 { print $3 }' | sort -u)
if [ -n "$defined" ]; then
	echo "ok 1 - $lib defines symbols"
else
	echo "not ok 1 - $lib defines symbols"
fi

foreign=
for symbol in $(nm -u "$lib" | awk '$1 == "U" || $1 == "w" { print $2 }' | sort -u); do
	# shellcheck disable=SC2086 # lists
	printf '%s\n' $allowed $defined | grep -qxF -e "$symbol" || foreign="$foreign $symbol"
done
if [ -z "$foreign" ] && [ -n "$defined" ]; then
	echo "ok 2 - undefined symbols are on the list"
	exit 0
fi
echo "not ok 2 - undefined symbols are on the list"
echo "# not on the list:$foreign"
exit 1
