#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Follows doc/lab.md in a copy of lab/: its files, its lines above the tables' marks, and whether the lab knows what they add.
# Only what includes a table is compiled anew; the rest is build/'s.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/tap.sh
. "$root/tests/tap.sh"
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT
cp -r "$root/lab" "$dir/lab"

# "file: PATH" is written, "line: PATH" goes above the mark, "function: PATH" above the table.
/usr/bin/perl -e '
my ($root, $dir) = @ARGV;
open my $f, "<", "$root/doc/lab.md" or die; local $/; my $doc = <$f>;
while ($doc =~ /<!-- (file|line|function): (\S+) -->\n```\w+\n(.*?)```\n/gs) {
	my ($how, $path, $text) = ($1, "$dir/$2", $3);
	my $old = "";
	if ($how ne "file") {
		open my $in, "<", $path or die "$path: $!"; $old = <$in>;
		my $mark = $how eq "line" ? qr{^\t/\* a new one goes above \*/\n}m : qr{^const struct \w+ \w+\[\] = \{\n}m;
		$old =~ s/($mark)/$text . ($how eq "line" ? "" : "\n") . $1/e or die "$path: no mark";
		$text = $old;
	}
	open my $out, ">", $path or die "$path: $!"; print $out $text;
}' "$root" "$dir"
check "each table has its mark, and its line" "$? == 0"
check "no more files than the page names" "$(cd "$dir" && find lab -name '*example*' | wc -l) == 3"

cat >"$dir/measures.c" <<'END'
#include "lab/measure/kinds.h"
#include <stdio.h>
int main(void)
{
	const struct sample s[] = { { 0, 100 }, { 500000000, 200 } };

	for (size_t k = 0; k < measure_n_kinds; k++)
		printf("%s %.0f\n", measure_kinds[k].name,
		       measure_kinds[k].of((struct trace){ s, 2 }, (struct window){ 0, NSEC_PER_SEC }));
}
END
cat >"$dir/Makefile" <<'END'
include Makefile
NEW := $(patsubst %.c,$(DIR)/%.o,lab/schedulers/peer_example.c lab/run/scheduling.c lab/scenario/scenario.c lab/vm/vm.c \
	lab/vm/vm_example.c lab/measure/kinds.c)
$(DIR)/%.o: $(DIR)/%.c
	$(CC) -I$(DIR) $(CPPFLAGS) $(filter-out -MMD -MP -O2,$(CFLAGS)) -Werror -c -o $@ $<
$(DIR)/divvy-lab: NEED = $(NEED_lab)
$(DIR)/divvy-lab: $(NEW) $(call obj,lab/main.c) $(call rooms,$(IN_lab))
	$(link)
$(DIR)/measures: NEED = $(NEED_lab)
$(DIR)/measures: $(DIR)/measures.o $(DIR)/lab/measure/kinds.o $(call rooms,$(IN_lab))
	$(link)
END
try "it builds, without a warning" make --no-print-directory -C "$root" -f "$dir/Makefile" "DIR=$dir" "$dir/divvy-lab" "$dir/measures"
export DIVVY_LAB_SCENARIOS=$dir/lab/scenarios
listed=$("$dir/divvy-lab" list 2>&1)
check "the scenario is listed, with its peer and its kind of guest" "$(grep -c '^example  *90 s  UDP, two guests, 60:40$' <<<"$listed")" ||
	diag <<<"$listed"
check "and all others, as before" "$(grep -c ' s  ' <<<"$listed") == $(find "$root/lab/scenarios" -name '*.yaml' | wc -l) + 1"
check "the measure is one of the table" "$("$dir/measures" | grep -c '^frame_bytes 150$')"
tap_done
