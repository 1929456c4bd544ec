# SPDX-License-Identifier: Apache-2.0
# What `make bench-core` measured, out of bench-core.dat, where the machine is named. tools/pictures runs it.
set terminal svg size 940,440 font "Helvetica,13" background "white"
set datafile separator "|"
set style fill solid 0.7 border -1
set boxwidth 0.7
set grid ytics lc rgb "#dddddd"
set xtics nomirror scale 0
set ytics nomirror
set border 3
unset key
set bmargin 4
set multiplot title "64 B messages between two processes on one CPU: medians and quartiles, less is better"

colour(p) = p[1:7] eq "Postern" ? 0x2f6b2f : p[1:5] eq "libuv" ? 0x8899bb : 0xaaaaaa
# A long label is broken: "libuv, one write a message" goes over three lines.
cut(p, at, by) = (i = strstrt(p, at), i > 0 ? p[1:i-1] . by . p[i+strlen(at):*] : p)
label(p) = cut(cut(cut(cut(cut(cut(p, ", ", "\n"), " (", "\n"), ")", ""), " writes", "\nwrites"), " a message", "\na message"), " by itself", "\nby itself")

set title "round trip, one message in flight"
set ylabel "µs per round trip"
set yrange [0:*]
set xrange [-0.6:2.6]
set origin 0, 0
set size 0.4, 0.94
plot "bench-core.dat" index "echo, one CPU" using 0:($2/1000):(colour(strcol(1))):xtic(label(strcol(1))) with boxes lc rgb variable, \
     "" index "echo, one CPU" using 0:($3/1000):(0):(($4-$3)/1000) with vectors heads size 0.06,90 lw 1.2 lc rgb "#222222"

set title "one way, a stream of messages"
set ylabel "ns per message (logarithmic)"
set logscale y
set yrange [10:*]
set xrange [-0.6:4.6]
set xtics font "Helvetica,10"
set origin 0.4, 0
set size 0.6, 0.94
plot "bench-core.dat" index "stream, one CPU" using 0:2:(colour(strcol(1))):xtic(label(strcol(1))) with boxes lc rgb variable, \
     "" index "stream, one CPU" using 0:3:(0):($4-$3) with vectors heads size 0.06,90 lw 1.2 lc rgb "#222222"
unset multiplot
