# SPDX-License-Identifier: Apache-2.0
# Made by make bench, on: Linux 6.18.44-fc-v657, AMD EPYC, 2 CPUs
set terminal svg size 860,460 font "Helvetica,13" background "white"
set title "64 B echoed on each connection, ends on two CPUs: medians and quartiles; less is better"
set grid lc rgb "#dddddd"
set border 3
set xtics nomirror
set ytics nomirror
set key outside right top reverse Left samplen 2
set logscale xy
set xlabel "connections"
set ylabel "µs for each answer"
set format y '%g'
$raw << EOD
1 76.38 52.19 97.11
10 3.006 2.593 4.586
100 2.493 2.22 2.606
1000 1.8 1.785 1.973
5000 2.496 2.429 2.816
EOD
$postern << EOD
1 30.22 30 36.04
10 97.09 49.92 226
100 2.045 2.043 2.317
1000 2.005 1.999 2.153
5000 2.596 2.551 2.647
EOD
$uv << EOD
1 35.1 31.38 78.31
10 4.468 3.349 7.27
100 2.512 2.495 2.577
1000 2.071 2.038 2.256
5000 3.233 2.918 3.528
EOD
$glib << EOD
1 30.42 29.61 75.63
10 4.713 4.366 5.212
100 3.227 3.023 3.246
1000 4.278 4.147 4.577
5000 15.41 14.71 15.46
EOD
$qt << EOD
1 32.16 31.99 36.69
10 4.069 3.999 15.23
100 4.457 3.994 4.564
1000 8.473 8.027 9.121
5000 35.58 33.96 35.63
EOD
$zmq << EOD
1 62.34 58.38 66.99
10 20.57 15.91 54.89
100 12.27 11.08 15.43
EOD
set xtics ("1" 1, "10" 10, "100" 100, "1000" 1000, "5000" 5000)
set xrange [0.769231:6500]
plot $raw using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#666666" title "raw epoll", \
     $postern using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#1b7837" title "Postern", \
     $uv using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#2166ac" title "libuv", \
     $glib using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#8073ac" title "GLib (GSocket)", \
     $qt using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#e08214" title "Qt (QLocalSocket)", \
     $zmq using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#b2182b" title "ZeroMQ"
