#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
#
# peers_summary.pl [KEY=TEXT...] <COUNTS >summary.json
#
# The figures of what tests/hosts/peers.sh has counted (its header describes the lines; those without @ are passed
# over), in the format of the lab's summary.json (lab/record/summary.c) and by the lab's definitions: delivered within the
# window, that is without the step's first 2 s; share errors only where the wire was loaded and the machine not taken by
# others, of senders that always had something to send; null for what there is no figure of. KEY=TEXT goes into the
# summary as it is: title=, machine=...
use strict;
use warnings;
use JSON::PP;

use constant {
	LOADED => 0.97,   # of the capacity, without a scheduler (lab/run/result.h, RESULT_FULL)
	DISTURBED => 0.5, # cores that others used: shares are not judged then
	USER_HZ => 100,   # of /proc/PID/stat
	WARM => 1,        # which sample is which
	STOP => 2,
	DRAINED => 3,
	US => 0,          # what is where in a sample
	BYTES => 1,
	FRAMES => 2,
	TICKS => 3,
};

my @names = qw(web batch);
my %share = (web => 60, batch => 40);
my %scheduler = (nothing => 'none', device => 'divvy');

sub complain {
	print STDERR "peers_summary.pl: standard input:$.: @_\n";
	exit 1;
}

# --- the lines ---
my ($kernel, $capacity_mbps, $wire_mbps, $frame, $state, $phase, @phases, @load);

sub add_sample {
	my ($vm, @numbers) = @_;

	@numbers == 4 or complain('"@at" takes a name, a time, bytes, frames and CPU ticks');
	push @{ $phase->{at}{$vm} }, [ map { $_ + 0 } @numbers ];
}

sub end_phase {
	for my $vm (@names) {
		@{ $phase->{at}{$vm} // [] } == DRAINED + 1 or complain("a phase has four samples of $vm");
		$phase->{at}{$vm}[STOP][US] > $phase->{at}{$vm}[WARM][US] or complain("the window has no length");
	}
	push @phases, $phase;
	undef $phase;
}

# [handler, whether the line belongs inside of a phase]
my %words = (
	kernel => [ sub { ($kernel) = @_ }, 0 ],
	run => [ sub { ($capacity_mbps, $wire_mbps, $frame) = ($_[0] / 1000, $_[1] / 1000, $_[2] + 0) }, 0 ],
	load => [ sub { push @load, [ map { $_ + 0 } @_ ] }, 0 ],
	state => [ sub { $state = { repetition => $_[0] + 0, under => $_[1], commands => [] } }, 0 ],
	command => [ sub { push @{ $state->{commands} }, "@_" }, 0 ],
	phase => [ sub { $phase = { %$state, traffic => $_[0], step => join(' ', @_[1 .. $#_]) } }, 0 ],
	at => [ \&add_sample, 1 ],
	sends => [ sub { $phase->{sends}{$_} = 1 for @_ }, 1 ],
	written => [ sub { my $vm = shift; $phase->{written}{$vm} = [ map { $_ + 0 } @_ ] }, 1 ],
	rtt => [ sub { my $vm = shift; $phase->{rtt}{$vm} = [ sort { $a <=> $b } map { $_ + 0 } @_ ] }, 1 ],
	drops => [ sub { @{$phase}{qw(queue_drops wire_drops)} = map { $_ + 0 } @_ }, 1 ],
	end => [ \&end_phase, 1 ],
);

sub read_counts {
	while (my $line = <STDIN>) {
		my ($word, @rest) = split ' ', $line;

		next unless defined $word && $word =~ s/^@//;
		my ($do, $inside) = @{ $words{$word} // complain("unknown word \@$word") };
		complain("\@$word belongs inside of a phase") if $inside && !$phase;
		complain("\@$word within a phase: the one before has no end") if !$inside && $phase;
		complain("\@$word before any \@state") if $word =~ /^(phase|command)$/ && !$state;
		$do->(@rest);
	}
	complain('no @kernel, no @run or no phase: nothing was measured') unless $kernel && $wire_mbps && @phases;
	complain('the last phase has no end') if $phase;
}

# --- the figures ---
sub between { # phase, sender, what, from, to
	my ($p, $vm, $what, $from, $to) = @_;
	return $p->{at}{$vm}[$to][$what] - $p->{at}{$vm}[$from][$what];
}

sub quantile { # sorted list, q: nearest rank, as lab/measure/measure.c
	my ($list, $q) = @_;
	my $rank = POSIX::ceil($q * @$list - 1e-9);
	return $list->[ $rank < 1 ? 0 : $rank - 1 ];
}

sub rtt {
	my ($list) = @_;
	return undef unless $list && @$list;
	return { p50 => quantile($list, 0.5), p99 => quantile($list, 0.99), n => scalar @$list };
}

# Of what the tap had taken; all that had arrived when nothing came any more.
sub loss_pct {
	my ($p, $vm) = @_;
	my $written = $p->{written}{$vm} && $p->{written}{$vm}[0] or return undef;
	return 100 * ($written - between($p, $vm, FRAMES, 0, DRAINED)) / $written;
}

# Had it always something to send? A stream has. A flood had if it offered what it was entitled to, or, where its tap
# refuses, if it came back while something was still queued: between two refusals went less than the send buffer holds,
# where a full frame counts for about one and a half (its skb's truesize).
sub backlogged {
	my ($p, $vm) = @_;

	return !!$p->{sends}{$vm} unless $p->{written}{$vm};
	my ($frames, $refusals, $sndbuf) = @{ $p->{written}{$vm} };
	return $frames / $refusals * $frame * 1.5 <= $sndbuf if $refusals;
	return $frames * $frame * 8 / between($p, $vm, US, 0, STOP) >= $capacity_mbps * $share{$vm} / 100;
}

sub vm_object {
	my ($p, $vm) = @_;
	my $sends = $p->{sends}{$vm};
	my $seconds = between($p, $vm, US, WARM, STOP) / 1e6;
	my $mbps = between($p, $vm, BYTES, WARM, STOP) * 8e-6 / $seconds;
	my $cores = between($p, $vm, TICKS, WARM, STOP) / USER_HZ / $seconds;

	return {
		name => $vm, share => $share{$vm}, traffic => $sends ? $p->{traffic} : undef, mbps => $mbps,
		share_pct => undef, error_pp => undef, loss_pct => $sends ? loss_pct($p, $vm) : undef, ipd_ms => undef,
		cpu_cores => $cores, cpu_per_mbit => $sends && $mbps > 0 ? $cores / $mbps : undef,
		backlogged => backlogged($p, $vm) ? JSON::PP::true : JSON::PP::false, rtt_ms => rtt($p->{rtt}{$vm}),
	};
}

# What else the machine did, in cores, from when the step began until the next one did.
sub others_cores {
	my ($i) = @_;
	my ($from, $to) = @load[$i, $i + 1];
	return undef unless $to && $to->[0] > $from->[0];
	my $ticks = $to->[1] - $from->[1] - $to->[2] + $from->[2];
	return $ticks <= 0 ? 0 : $ticks / USER_HZ / (($to->[0] - $from->[0]) / 1e6);
}

sub phase_object {
	my ($p, $i) = @_;
	my @vms = map { vm_object($p, $_) } @names;
	my $total = $vms[0]{mbps} + $vms[1]{mbps};

	return {
		name => "$p->{under}, $p->{step}", under => $p->{under}, step => $p->{step},
		scheduler => $scheduler{ $p->{under} } // $p->{under}, repetition => $p->{repetition} + 0,
		shares => [ @share{@names} ], seconds => between($p, 'web', US, 0, STOP) / 1e6, vms => \@vms,
		total_mbps => $total, utilisation => $total / $capacity_mbps, jain => undef, idle => JSON::PP::false,
		queue_drops => $p->{queue_drops}, wire_drops => $p->{wire_drops}, changed => JSON::PP::false,
		settled_ms => undef, others_cores => others_cores($i), commands => $p->{commands},
	};
}

# Is there an unscheduled phase in which two senders filled the wire? Then what each of two had, where both had
# something to send and the machine was free to carry it.
sub evaluate_shares {
	my @list = @_;
	my ($loaded) = grep { $_->{under} eq 'nothing' && $_->{utilisation} >= LOADED } @list;

	for my $o (@list) {
		next if !$loaded || $o->{total_mbps} <= 0 || ($o->{others_cores} // 0) > DISTURBED;
		next if grep { !$_->{backlogged} } @{ $o->{vms} };
		for my $vm (@{ $o->{vms} }) {
			$vm->{share_pct} = 100 * $vm->{mbps} / $o->{total_mbps};
			$vm->{error_pp} = $vm->{share_pct} - $vm->{share};
		}
	}
	return $loaded ? JSON::PP::true : JSON::PP::false;
}

require POSIX;
my %texts = map { /^([a-z_]+)=(.*)$/s ? ($1, $2) : die "usage: peers_summary.pl [KEY=TEXT...] <COUNTS\n" } @ARGV;
read_counts();
my @list = map { phase_object($phases[$_], $_) } 0 .. $#phases;
my %seen = map { $_->{repetition} => 1 } @phases;
my %summary = (
	version => 1, scenario => 'peers-host', section => 'peers', capacity_mbps => $capacity_mbps,
	wire_mbps => $wire_mbps, repetitions => scalar keys %seen, topology => 'bridge', kernel => $kernel,
	loaded => evaluate_shares(@list), phases => \@list, %texts,
);
print JSON::PP->new->canonical->indent->encode(\%summary);
