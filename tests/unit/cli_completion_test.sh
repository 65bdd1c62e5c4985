#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# cli_completion_test.sh: what bash and zsh offer for divvy's command line, with the real divvy for its verbs, and a stand-in for
# "divvy show". Prints TAP.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/tap.sh
. "$root/tests/tap.sh"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

cat >"$tmp/running" <<-'END'
	uplinks:
	- name: up0
	  capacity: 20mbit
	  networks:
	  - name: tenant-a
	    share: 3
	    networks:
	    - name: inner
	      devices:
	      - {name: deep, nic: n3}
	    devices:
	    - {name: web, vm: web, share: 60}
	    - {name: ab, nic: n7}
	  devices:
	  - {name: batch, nic: n1, share: 40}
	- name: up1
	  devices:
	  - name: long
	    nic: n9
END
cat >"$tmp/divvy" <<-END
	#!/bin/sh
	case "\$*" in
	*show) cat "$tmp/running" ;;
	*) exec "$root/build/divvy" "\$@" ;;
	esac
END
chmod 755 "$tmp/divvy"
PATH=$tmp:$PATH
touch "$tmp/web.yaml"
cd "$tmp" || exit 1
all="batch long tenant-a tenant-a/ab tenant-a/inner tenant-a/inner/deep tenant-a/web"
verbs=$("$root/build/divvy" --help | awk '/^  [a-z]/ { print $1 }' | sort | paste -sd ' ')

in_bash() { # word...: what is offered for the last one
	bash -c '. "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _divvy; printf "%s\n" "${COMPREPLY[@]}"' \
		"$root/contrib/divvy.bash" "$@" | sort | paste -sd ' '
}

# The shell itself completes, at a terminal; what it lists is between two marks.
in_zsh() { # word...
	ZDOTDIR=$tmp zsh -f "$tmp/drive" "$root/contrib" "$*" 2>/dev/null | tr -d '\r' | sort -u | paste -sd ' '
}
cat >"$tmp/drive" <<-'END'
	zmodload zsh/zpty
	zpty shell "zsh -f -i"
	zpty -w shell "PS1= fpath=($1 \$fpath); autoload -Uz compinit; compinit -u -D; unsetopt zle_bracketed_paste"
	zpty -w shell 'shown() { compstate[insert]=; compstate[list]=; print -r -- "<<${(j: :)offered}>>" }'
	# In the place of what adds a match: it notes the word.
	zpty -w shell 'compadd() { local -a m; case " $* " in *" -O "*|*" -D "*|*" -A "*) builtin compadd "$@"; return;; esac; builtin compadd -O m "$@"; offered+=($m); builtin compadd "$@" }'
	zpty -w shell 'list() { offered=(); _main_complete; shown }; zle -C list complete-word list; bindkey "^T" list; stty -echo; print ready'
	zpty -r shell out "*ready*"
	zpty -w -n shell "$2"$'\C-T'
	zpty -r shell out "*<<*>>*"
	out=${out##*<<} out=${out%%>>*}
	print -rl -- ${=out}
	zpty -d shell
END

offers() { # shell, what is wanted, word...
	local shell=$1 wanted=$2 got
	shift 2
	got=$("in_$shell" "$@")
	[[ $got == "$wanted" ]]
	check "$shell: $*: $wanted" "$? == 0" || diag <<<"got: $got"
}

with_equals() { # all names, sorted as the names with it are
	tr ' ' '\n' <<<"$all" | sed 's/$/=/' | sort | paste -sd ' '
}

shells=(bash)
if command -v zsh >/dev/null; then
	shells+=(zsh)
else
	skip "zsh" "zsh is not installed"
fi
for shell in "${shells[@]}"; do
	offers "$shell" "--help --timeout --version $verbs" divvy ""
	offers "$shell" "set show slots status" divvy s
	offers "$shell" "status" divvy --timeout 3 stat
	offers "$shell" "--json" divvy status ""
	offers "$shell" "--all $all" divvy release ""
	offers "$shell" "tenant-a tenant-a/ab tenant-a/inner tenant-a/inner/deep tenant-a/web" divvy release ten
	offers "$shell" "web.yaml" divvy apply w
	offers "$shell" "--dry-run --json" divvy apply --
done
offers bash "--dry-run --json $(with_equals)" divvy set "" # bash has the names with "="
offers bash "batch=" divvy set b
offers zsh "batch" divvy set b # zsh adds it behind the word
tap_done
