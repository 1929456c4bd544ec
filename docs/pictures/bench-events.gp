# SPDX-License-Identifier: Apache-2.0
# Made by make bench, on: Linux 6.18.44-fc-v657, AMD EPYC, 2 CPUs
set terminal svg size 860,460 font "Helvetica,13" background "white"
set title "A message of 64 B to all subscribers, ends on two CPUs: medians and quartiles; less is better"
set grid lc rgb "#dddddd"
set border 3
set xtics nomirror
set ytics nomirror
set key outside right top reverse Left samplen 2
set logscale xy
set xlabel "subscribers"
set ylabel "times as long as raw epoll"
set format y '%g'
$raw << EOD
10 1 1 1
100 1 1 1
EOD
$postern << EOD
10 0.2874 0.1722 0.4818
100 2.201 1.411 2.394
EOD
$uv << EOD
10 0.4928 0.2864 1.945
100 1.256 0.9057 1.52
EOD
$glib << EOD
10 0.2487 0.2466 1.128
100 1.118 0.9707 1.496
EOD
$qt << EOD
10 0.8561 0.4841 1.498
100 4.816 2.714 5.12
EOD
$zmq << EOD
10 0.4709 0.3262 0.5711
100 1.807 1.416 1.882
EOD
set xtics ("10" 10, "100" 100)
set xrange [7.69231:130]
plot $raw using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#666666" title "raw epoll", \
     $postern using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#1b7837" title "Postern", \
     $uv using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#2166ac" title "libuv", \
     $glib using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#8073ac" title "GLib (GSocket)", \
     $qt using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#e08214" title "Qt (QLocalSocket)", \
     $zmq using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#b2182b" title "ZeroMQ"
