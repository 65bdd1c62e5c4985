#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
#
# screen.pl COLUMNS LINES FRAME...: screens of a terminal, as `tmux capture-pane -e` writes them, as an SVG. Each line is text
# with spans of one look. Several frames move: each is seen for half a second. LIGHT=1: dark on light.
use strict;
use warnings;
use open qw(:std :utf8);

my ($columns, $lines, @frames) = @ARGV;
my ($w, $h, $n) = ($columns * 8 + 16, $lines * 17 + 16, scalar @frames);
my $light = $ENV{LIGHT};
my %colour = $light ? (31 => "#b3261e", 32 => "#1c6b34", 33 => "#8a5300") : (31 => "#ff8a80", 32 => "#7fd49a", 33 => "#f0b45c");
my ($back, $text) = $light ? ("#ffffff", "#1b1b1f") : ("#16171a", "#e6e6ea");

# One line, and the look that it begins with and leaves.
sub line_of {
	my ($line, $look) = @_;
	my $out = "";
	for my $piece (split /(\e\[[0-9;]*m|\e\([B0]|\x0e|\x0f)/, $line) {
		if ($piece =~ /^\e\[([0-9;]*)m$/) {
			for (split /;/, $1 eq "" ? "0" : $1) {
				@$look{qw(bold fill)} = (0, "") if $_ == 0;
				$look->{bold} = 1 if $_ == 1 || $_ == 7;
				$look->{fill} = $colour{$_} if $colour{$_};
				$look->{fill} = "" if $_ == 39;
			}
		} elsif ($piece ne "" && $piece !~ /^[\e\x0e\x0f]/) {
			$piece =~ s/&/&amp;/g;
			$piece =~ s/</&lt;/g;
			my $style = ($look->{bold} ? ' font-weight="bold"' : "") . ($look->{fill} ? " fill=\"$look->{fill}\"" : "");
			$out .= $style ? "<tspan$style>$piece</tspan>" : $piece;
		}
	}
	return $out;
}

print "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 $w $h\" role=\"img\"><title>divvy top", ($n > 1 ? " while shares change" : ""), "</title>\n",
	"<style>text{font:13.3px monospace;white-space:pre;fill:$text}", ($n > 1 ? "g{visibility:hidden}" : ""), "</style>\n",
	"<rect width=\"$w\" height=\"$h\" rx=\"6\" fill=\"$back\"/>\n";
for my $i (0 .. $n - 1) {
	open my $f, "<", $frames[$i] or die "$frames[$i]: $!\n";
	print "<g>";
	print "<set attributeName=\"visibility\" to=\"visible\" begin=\"", join(";", map { $_ * $n / 2 + $i / 2 . "s" } 0 .. 39), "\" dur=\"0.5s\"/>\n" if $n > 1;
	my ($y, %look) = (0, bold => 0, fill => "");
	while (my $line = <$f>) {
		chomp $line;
		$y++;
		my $out = line_of($line, \%look);
		next unless $out =~ /\S/;
		my $length = length($out =~ s/<[^>]*>//gr =~ s/&\w+;/x/gr);
		print "<text x=\"8\" y=\"", 4 + 17 * $y, "\" textLength=\"", 8 * $length, "\" xml:space=\"preserve\">$out</text>\n";
	}
	print "</g>\n";
}
print "</svg>\n";
