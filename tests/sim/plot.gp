# SPDX-License-Identifier: GPL-2.0-or-later
# gnuplot -e "dir='build/sim'" tests/sim/plot.gp
set terminal svg size 1100,760 font 'sans-serif,12' background rgb 'white'
set output dir.'/simulation.svg'
set datafile separator ','
policies = 'paper smooth credit boost adrr'
array color[5] = ['#777777', '#0072b2', '#d55e00', '#009e73', '#cc79a7']
rows(file, i) = '< grep "^'.word(policies, i).'," '.dir.'/'.file
set grid lc rgb '#dddddd'
set key outside right top Left reverse samplen 2
set multiplot layout 2,2 margins 0.08,0.87,0.08,0.95 spacing 0.10,0.14

set title 'Share error since the start (50:30:20, all busy)'
set xlabel 'seconds'; set ylabel 'percentage points'
set logscale y; set yrange [0.001:*]; set format y '%g'
unset key
plot for [i=1:5] rows('busy.csv', i) using 2:3 \
	with lines lw (i == 3 ? 4 : 1.5) lc rgb color[i] title word(policies, i)

set title 'Share error within each 0.1 s'
unset logscale y; set yrange [0:*]; set xrange [0:4]
set key outside right top
plot for [i=1:5] rows('busy.csv', i) using 2:4 \
	with lines lw (i == 3 ? 4 : 1.5) lc rgb color[i] title word(policies, i)
set title 'Longest wait of a busy VM (mixed demands)'
set xlabel 'VMs'; set ylabel 'ms'
set logscale xy; set yrange [*:*]; set xrange [1.5:15000]; set format '10^{%L}'
unset key
plot for [i=1:5] rows('sweep.csv', i) using 2:3 \
	with linespoints lw 1.5 pt 7 ps 0.5 lc rgb color[i] title word(policies, i)

set title 'Wake-up latency of I/O VMs, p99'
set key outside right top
plot for [i=1:5] rows('sweep.csv', i) using 2:4 \
	with linespoints lw 1.5 pt 7 ps 0.5 lc rgb color[i] title word(policies, i)
unset multiplot
