# SPDX-License-Identifier: Apache-2.0
# Made by make bench, on: Linux 6.18.44-fc-v657, AMD EPYC, 2 CPUs
set terminal svg size 860,460 font "Helvetica,13" background "white"
set title "One-way stream, ends on two CPUs: medians and quartiles; less is better"
set grid lc rgb "#dddddd"
set border 3
set xtics nomirror
set ytics nomirror
set key outside right top reverse Left samplen 2
set logscale xy
set xlabel "bytes of a message"
set ylabel "times as long as raw epoll"
set format y '%g'
$raw << EOD
64 1 1 1
1024 1 1 1
65536 1 1 1
1048576 1 1 1
EOD
$raw_one << EOD
64 23.72 23.23 59.3
1024 5.357 3.256 5.76
65536 0.9834 0.589 1.37
1048576 0.5825 0.5243 1.307
EOD
$raw_best << EOD
64 7.593 3.842 7.604
1024 1.12 0.7553 4.004
65536 0.9269 0.5488 0.986
1048576 0.5408 0.4079 0.6029
EOD
$postern << EOD
64 1.704 1.385 2.706
1024 1.076 0.7238 1.203
65536 1.093 0.6678 1.406
1048576 0.4476 0.387 0.79
EOD
$postern_frames << EOD
64 81.8 41.45 159
1024 1.58 1.464 1.611
65536 1.129 1.058 1.136
1048576 0.5361 0.3757 0.7183
EOD
$uv << EOD
64 10.65 6.837 11.32
1024 1.192 0.7665 4.075
65536 1.065 0.6116 1.132
1048576 0.9815 0.6167 1.026
EOD
$glib << EOD
64 2.414 1.513 38.93
1024 0.8581 0.7933 0.9276
65536 1.204 0.7216 1.25
1048576 1.858 1.39 2.016
EOD
$qt << EOD
64 26.09 18.65 97.55
1024 1.238 1.072 1.398
65536 1.614 1.288 1.639
1048576 0.9299 0.7542 0.9427
EOD
$zmq << EOD
64 15.15 8.218 105.2
1024 9.093 5.855 16.04
65536 14.49 7.854 19.69
1048576 0.7855 0.729 2.112
EOD
$nng << EOD
64 114.2 86.59 318.5
1024 36.37 23.81 42.13
65536 4.04 3.315 7.76
1048576 6.397 5.137 7.028
EOD
set xtics ("64" 64, "1Ki" 1024, "64Ki" 65536, "1Mi" 1048576)
set xrange [49.2308:1.36315e+06]
plot $raw using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#666666" title "raw epoll", \
     $raw_one using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#aaaaaa" title "raw epoll, a write each", \
     $raw_best using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#000000" title "raw epoll, 1 MiB buffer", \
     $postern using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#1b7837" title "Postern", \
     $postern_frames using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#7fbf7b" title "Postern, messages", \
     $uv using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#2166ac" title "libuv", \
     $glib using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#8073ac" title "GLib (GSocket)", \
     $qt using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#e08214" title "Qt (QLocalSocket)", \
     $zmq using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#b2182b" title "ZeroMQ", \
     $nng using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#f4a582" title "nng"
