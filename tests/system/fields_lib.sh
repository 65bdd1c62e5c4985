# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# fields_lib.sh: build/tests/system/fields beside a test: it sets fields of packets at an interface, or sees them. Sourced,
# after lib.sh.

declare -A watch_in watch_out watch_pid

# shellcheck disable=SC2086,SC2154 # {array[$1]} is a subscript, no word; root, host and tmp are the test's
watch() { # name, arguments of fields
	local in=$tmp/$1.watch.in out=$tmp/$1.watch.out
	mkfifo "$in" "$out"
	exec {watch_in[$1]}<>"$in" {watch_out[$1]}<>"$out"
	ip netns exec "$host" "$root/build/tests/system/fields" "${@:2}" <"$in" >"$out" 2>"$tmp/$1.watch.err" \
		{watch_in[$1]}>&- {watch_out[$1]}>&- &
	watch_pid[$1]=$!
	read -r -t 10 -u "${watch_out[$1]}" || bail "fields: $(<"$tmp/$1.watch.err")"
}

# shellcheck disable=SC2086 # {array[$1]} is a subscript, no word
unwatch() { # name
	exec {watch_in[$1]}>&- # it takes its filter away, and ends
	wait "${watch_pid[$1]}" 2>/dev/null
	exec {watch_out[$1]}>&-
	rm -f "$tmp/$1.watch.in" "$tmp/$1.watch.out"
	unset "watch_pid[$1]"
}

seen() { # name; the combinations of fields since the last call
	local line
	echo >&"${watch_in[$1]}"
	while read -r -t 10 -u "${watch_out[$1]}" line && [[ $line != . ]]; do
		echo "$line"
	done
}
