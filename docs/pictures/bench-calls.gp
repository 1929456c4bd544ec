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
1 8.453 8.269 8.753
64 0.233 0.2297 0.2483
EOD
$postern << EOD
1 8.964 8.823 9.398
64 0.245 0.2393 0.2536
EOD
$call_postern << EOD
1 10.75 10.57 10.88
64 1.402 1.38 1.421
EOD
$call_sdbus << EOD
1 14.22 14.08 15.09
64 10.08 9.862 10.23
EOD
$call_gdbus << EOD
1 81.66 80.55 81.97
64 47.64 46.57 47.97
EOD
$zmq << EOD
1 32.65 30.77 32.84
64 1.253 1.19 1.284
EOD
$nng << EOD
1 52.09 51.62 57.04
64 36.06 32.38 36.62
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
