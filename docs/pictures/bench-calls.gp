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
1 8.97 8.587 9.546
64 0.2426 0.2259 0.2475
1024 0.09851 0.09693 0.09932
EOD
$postern << EOD
1 9.472 8.891 9.823
64 0.2523 0.243 0.2573
1024 0.1003 0.09553 0.1065
EOD
$call_postern << EOD
1 11.44 11.12 11.8
64 1.434 1.426 1.445
1024 1.378 1.343 1.438
EOD
$call_sdbus << EOD
1 15.47 14.54 15.83
64 9.942 9.75 10.07
1024 8.582 8.548 8.878
EOD
$call_gdbus << EOD
1 76.21 70.17 81.47
64 44.91 44.5 45.51
1024 37.83 37.06 39.64
EOD
$zmq << EOD
1 31.31 30.5 31.64
64 1.173 1.12 1.259
1024 0.671 0.6413 0.7836
EOD
$nng << EOD
1 50.39 48.28 52.55
64 11.47 11.23 11.64
1024 9.941 9.747 10.09
EOD
set xtics ("1" 1, "64" 64, "1Ki" 1024)
set xrange [0.769231:1331.2]
plot $raw using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#666666" title "raw epoll", \
     $postern using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#1b7837" title "Postern", \
     $call_postern using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#35978f" title "Postern, calls", \
     $call_sdbus using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#4393c3" title "sd-bus", \
     $call_gdbus using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#c2a5cf" title "GDBus", \
     $zmq using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#b2182b" title "ZeroMQ", \
     $nng using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#f4a582" title "nng"
