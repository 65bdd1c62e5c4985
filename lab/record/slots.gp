# SPDX-License-Identifier: GPL-2.0-or-later
#
# Slots over time, and below each the frames that arrived at the wire's meter, from slots.csv (turns) and frames.csv of the
# working directory: NAME.svg and NAME.png. Called by plot.c with name, title, phase, vms (names, with blanks between), and
# number (of the phase), from and to (seconds).
colours = '#0072B2 #D55E00 #009E73 #CC79A7 #E69F00 #56B4E9'
colour(i) = word(colours, (i - 1) % 6 + 1)
n = words(vms)
set datafile separator ','
set title title noenhanced font ',14'
set xlabel 'time (ms), phase ' . phase . '; bars: slots, dots: frames at the wire' noenhanced
set xrange [0:(to - from) * 1e3]
set yrange [-0.45:n - 0.55]
set border 1
set xtics nomirror
set ytics nomirror scale 0 noenhanced ('' -1)
set for [i = 1:n] ytics add (word(vms, i) i - 1)
unset key
ms(s) = (s - from) * 1e3
in(i) = $1 == number && strcol(3) eq word(vms, i) && $5 > from && $4 < to
start(s) = s < from ? 0 : ms(s)
end(s) = s > to ? ms(to) : ms(s)
do for [terminal in 'svg png'] {
	if (terminal eq 'svg') {
		set terminal svg size 1100,560 dynamic background rgb 'white' font 'sans,12'
	} else {
		set terminal pngcairo size 1100,560 font 'sans,12'
	}
	set output name . '.' . terminal
	# frames of one moment stay apart in five rows
	plot for [i = 1:n] 'slots.csv' using (in(i) ? start($4) : NaN):(i - 1):(start($4)):(end($5)):(i - 1.02):(i - 0.68) \
			skip 1 with boxxyerror lc rgb colour(i) fs solid 0.85 noborder, \
		for [i = 1:n] 'frames.csv' using (strcol(1) eq word(vms, i) ? ms($2) : NaN):(i - 1.1 - 0.04 * (int(column(0)) % 5)) \
			skip 1 with points pt 7 ps 0.2 lc rgb colour(i)
}
