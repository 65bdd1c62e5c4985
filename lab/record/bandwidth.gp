# SPDX-License-Identifier: GPL-2.0-or-later
#
# Bandwidth over time with the changes marked, from bandwidth.csv and phases.csv of the working directory: NAME.svg and
# NAME.png. Called by plot.c with name, title, top (Mbit/s), vms (their names, with blanks between) and unlimited (0 or 1).
# Colours that stay apart for colour-blind readers (Okabe and Ito, "Color Universal Design", 2008).
colours = '#0072B2 #D55E00 #009E73 #CC79A7 #E69F00 #56B4E9'
colour(i) = word(colours, (i - 1) % 6 + 1)
n = words(vms)
set datafile separator ','
stats 'bandwidth.csv' using 1 skip 1 nooutput name 'T'
stats 'phases.csv' using 4 skip 1 nooutput name 'P'
set title title noenhanced font ',14'
set xlabel 'time (s)'
set ylabel 'delivered at the wire (Mbit/s)'
set xrange [0:T_max]
set yrange [0:top * 1.18]
set ytics nomirror
set xtics nomirror
set border 3
set grid ytics lc rgb '#dddddd' lt 1 lw 0.8
set bmargin 5.5
set key outside bottom center horizontal noenhanced samplen 2 width 2
# A line where each phase begins, its name above it, and the entitlements as short dashes: phases.csv has a row for each VM.
entitled(i) = strcol(3) eq 'none' || unlimited || column(21) <= 0 ? NaN : column(21)
do for [terminal in 'svg png'] {
	if (terminal eq 'svg') {
		set terminal svg size 1100,560 dynamic background rgb 'white' font 'sans,12'
	} else {
		set terminal pngcairo size 1100,560 font 'sans,12'
	}
	set output name . '.' . terminal
	plot 'phases.csv' using 4:(0):(0):(top * 1.18) skip 1 + n every n with vectors nohead lc rgb '#444444' lw 1.2 dt (6,4) notitle, \
		'' using ($4 + $5 / 2):(top * 1.14):1 skip 1 every n with labels noenhanced center \
			font (P_records > 6 * n ? ',10' : ',12') tc rgb '#222222' notitle, \
		'bandwidth.csv' using 1:n + 3 skip 1 with lines lc rgb '#999999' lw 1.2 title 'sum', \
		for [i = 1:n] '' using 1:i + 2 skip 1 with lines lw 2.2 lc rgb colour(i) title word(vms, i), \
		for [i = 1:n] 'phases.csv' using 4:(entitled(i)):5:(0) skip i every n with vectors nohead lc rgb colour(i) lw 1 \
			dt (2,3) notitle, \
		NaN with lines lc rgb '#666666' dt (2,3) lw 1.5 title 'entitled'
}
