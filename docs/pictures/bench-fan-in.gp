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
1 42.66 38.22 44.72
10 2.483 2.149 2.821
100 2.291 2.133 2.484
1000 2.219 2.145 2.346
5000 2.433 2.116 2.791
EOD
$postern << EOD
1 41.29 39.28 52.95
10 2.844 2.53 3.127
100 2.279 2.103 2.647
1000 2.623 2.446 2.702
5000 2.908 2.623 3.015
EOD
$uv << EOD
1 41.49 36.95 51.38
10 2.5 2.349 3.008
100 2.565 2.462 2.922
1000 2.393 2.089 2.598
5000 3.073 2.439 3.102
EOD
$glib << EOD
1 44.57 37.86 48.32
10 3.036 2.842 3.234
100 2.899 2.743 3.168
1000 4.503 4.241 4.899
5000 13.04 12.89 13.61
EOD
$qt << EOD
1 43.93 40.25 47.87
10 6.944 5.55 7.307
100 3.95 3.681 4.211
1000 7.718 7.062 8.726
5000 24.92 24.81 27.2
EOD
$zmq << EOD
1 67.01 56.84 135.5
10 14.45 13.57 19.2
100 8.906 8.376 9.717
EOD
set xtics ("1" 1, "10" 10, "100" 100, "1000" 1000, "5000" 5000)
set xrange [0.769231:6500]
plot $raw using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#666666" title "raw epoll", \
     $postern using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#1b7837" title "Postern", \
     $uv using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#2166ac" title "libuv", \
     $glib using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#8073ac" title "GLib (GSocket)", \
     $qt using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#e08214" title "Qt (QLocalSocket)", \
     $zmq using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#b2182b" title "ZeroMQ"
