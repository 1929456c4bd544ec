# SPDX-License-Identifier: Apache-2.0
# Made by make bench, on: Linux 6.18.44-fc-v657, AMD EPYC, 2 CPUs
set terminal svg size 860,460 font "Helvetica,13" background "white"
set title "Calls with 200 B, ends on one CPU: medians and quartiles; less is better"
set grid lc rgb "#dddddd"
set border 3
set xtics nomirror
set ytics nomirror
set key outside right top reverse Left samplen 2
set logscale xy
set xlabel "calls in flight"
set ylabel "µs for each call"
set format y '%g'
$raw << EOD
1 9.932 9.477 10
64 0.2379 0.2341 0.2449
EOD
$postern << EOD
1 10.25 10.12 10.29
64 0.2579 0.2513 0.2586
EOD
$call_postern << EOD
1 11.89 11.82 11.94
64 1.419 1.418 1.43
EOD
$call_sdbus << EOD
1 16.04 16.02 16.07
64 9.664 9.638 10.14
EOD
$call_gdbus << EOD
1 69.78 68.99 83.99
64 44.95 44.15 44.98
EOD
$zmq << EOD
1 29.67 29.34 30.15
64 1.144 1.134 1.289
EOD
$nng << EOD
1 50.2 49.46 54.56
64 28.41 28.25 28.81
EOD
set xtics ("1" 1, "64" 64)
set xrange [0.769231:83.2]
plot $raw using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#666666" title "raw epoll", \
     $postern using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#1b7837" title "Postern", \
     $call_postern using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#1b7837" title "Postern, calls", \
     $call_sdbus using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#4393c3" title "sd-bus", \
     $call_gdbus using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#c2a5cf" title "GDBus", \
     $zmq using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#b2182b" title "ZeroMQ", \
     $nng using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#f4a582" title "nng"
