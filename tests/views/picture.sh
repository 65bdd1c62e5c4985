#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# picture.sh [FILE]: the README's moving picture: `divvy top` on a terminal of 80x14 while two VMs flood and shares change, as
# an animated SVG (doc/top.svg).
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
file=${1:-$root/doc/top.svg}
# shellcheck source=tests/system/lib.sh
. "$root/tests/system/lib.sh"
capacity_mbit=100
frames=0

mux() {
	tmux -S "$tmp/tmux" -f /dev/null "$@"
}

take() { # how many frames, one each half second
	local i
	for ((i = 0; i < $1; i++)); do
		sleep 0.5
		frames=$((frames + 1))
		mux capture-pane -p -e >"$tmp/frame$((1000 + frames))"
	done
}

# Each line of each frame is text with spans of one look; a frame is seen for half a second.
write_svg() {
	perl -CSD -e '
		my $n = @ARGV;
		my ($w, $h) = (80 * 8 + 16, 14 * 17 + 16);
		my %colour = (31 => "#ff8a80", 32 => "#7fd49a", 33 => "#f0b45c");
		print "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 $w $h\" role=\"img\"><title>divvy top while shares change</title>\n",
			"<style>text{font:13.3px monospace;white-space:pre;fill:#e6e6ea}g{visibility:hidden}</style>\n",
			"<rect width=\"$w\" height=\"$h\" rx=\"6\" fill=\"#16171a\"/>\n";
		for my $i (0 .. $n - 1) {
			open my $f, "<:utf8", $ARGV[$i] or die;
			my ($a, $b) = ($i / $n, ($i + 1) / $n);
			print "<g><set attributeName=\"visibility\" to=\"visible\" begin=\"", join(";", map { $_ * $n / 2 + $i / 2 . "s" } 0 .. 39), "\" dur=\"0.5s\"/>\n";
			my ($bold, $fill, $y) = (0, "", 0);
			while (my $line = <$f>) {
				chomp $line;
				$y++;
				my $out = "";
				for my $piece (split /(\e\[[0-9;]*m|\e\([B0]|\x0e|\x0f)/, $line) {
					if ($piece =~ /^\e\[([0-9;]*)m$/) {
						for (split /;/, $1 eq "" ? "0" : $1) {
							($bold, $fill) = (0, "") if $_ == 0;
							$bold = 1 if $_ == 1 || $_ == 7;
							$fill = $colour{$_} if $colour{$_};
							$fill = "" if $_ == 39;
						}
					} elsif ($piece ne "" && $piece !~ /^[\e\x0e\x0f]/) {
						$piece =~ s/&/&amp;/g;
						$piece =~ s/</&lt;/g;
						my $look = ($bold ? " font-weight=\"bold\"" : "") . ($fill ? " fill=\"$fill\"" : "");
						$out .= $look ? "<tspan$look>$piece</tspan>" : $piece;
					}
				}
				print "<text x=\"8\" y=\"", 4 + 17 * $y, "\" textLength=\"", 8 * length($out =~ s/<[^>]*>//gr =~ s/&\w+;/x/gr), "\" xml:space=\"preserve\">$out</text>\n" if $out =~ /\S/;
			}
			print "</g>\n";
		}
		print "</svg>\n"' "$tmp"/frame* >"$file"
}

lib_init
make_topology bridge
start_vms
divvy_start
cat >"$tmp/divvy.yaml" <<-END
	uplinks:
	  - name: up0
	    capacity: ${capacity_mbit}mbit
	    networks:
	      - name: shop
	        share: 60
	        devices: [{name: web, nic: n0, share: 1}]
	    devices: [{name: batch, nic: n1, share: 40}]
END
divvy apply "$tmp/divvy.yaml" >/dev/null
for v in web batch; do
	vm_ask $v "flood 60 $frame ${dst_mac[$v]} ${src_ip[$v]} 10.77.0.1 ${port[$v]}"
done
mux new-session -d -x 80 -y 14 env -u NO_COLOR -u LC_ALL LANG=C.UTF-8 TERM=tmux-256color DIVVY_SOCKET="$tmp/socket" "$root/build/divvy" top
take 8
divvy set shop=40 batch=60
take 10
mux send-keys Down Down Down
mux send-keys + + + + + + + + + +
take 8
divvy set shop=80 batch=20
take 10
mux kill-server
write_svg
printf '%s: %d frames, %d bytes\n' "$file" "$frames" "$(wc -c <"$file")"
