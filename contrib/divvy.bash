# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Completion of divvy(8) for bash. It asks divvy itself: the verbs and what they take from --help, and the names of devices and
# networks from the specification that runs (none, where the socket may not be used).

_divvy_verbs() {
	divvy --help 2>/dev/null | awk '/^  [a-z]/ { print $1 }'
}

_divvy_takes() { # verb: "[--json|--spec]", "FILE" and the like, a word a line
	divvy "$1" --help 2>/dev/null | sed -n '1s/^Usage: divvy [a-z]*//p' | tr '[]|.' '    ' | tr -s ' ' '\n'
}

_divvy_names() { # in full: network/device
	divvy --timeout 1 show 2>/dev/null | awk '
		match($0, /^ *(uplinks|networks|devices):/) { kind[match($0, /[a-z]/)] = substr($0, RSTART) }
		match($0, /^ *- ([{])?name: /) {
			at = index($0, "-")
			name = substr($0, RSTART + RLENGTH)
			sub(/[,} ].*/, "", name)
			gsub(/"/, "", name)
			above = ""
			for (i = at - 1; i > 0; i--)
				if (i in path) { above = path[i]; break }
			for (i in path)
				if (i + 0 > at) delete path[i]
			if (kind[at] ~ /^uplinks/) { path[at] = ""; next }
			path[at] = above (above == "" ? "" : "/") name
			print path[at]
		}'
}

_divvy() {
	local cur=${COMP_WORDS[COMP_CWORD]} verb="" i takes words=()

	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--timeout) ((i++)) ;;
		-* | =) ;;
		*)
			verb=${COMP_WORDS[i]}
			break
			;;
		esac
	done
	COMPREPLY=()
	if [[ ${COMP_WORDS[COMP_CWORD - 1]} == --timeout ]]; then
		return
	elif [[ -z $verb ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_divvy_verbs) --timeout --help --version" -- "$cur")
		return
	fi
	takes=$(_divvy_takes "$verb")
	while read -r i; do
		case $i in
		--*) words+=("$i") ;;
		DEVICE) [[ $cur == -* ]] || mapfile -t -O "${#words[@]}" words < <(_divvy_names) ;;
		NAME*=*)
			[[ $cur == -* || $cur == = || ${COMP_WORDS[COMP_CWORD - 1]} == = ]] ||
				mapfile -t -O "${#words[@]}" words < <(_divvy_names | sed 's/$/=/')
			compopt -o nospace 2>/dev/null
			;;
		esac
	done <<<"$takes"
	mapfile -t COMPREPLY < <(compgen -W "${words[*]}" -- "$cur")
	[[ $takes != *FILE* || $cur == -* ]] || {
		compopt -o filenames 2>/dev/null
		mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$cur")
	}
}

complete -F _divvy divvy
