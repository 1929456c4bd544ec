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
10 0.2463 0.2308 0.2625
100 2.099 1.294 5.122
EOD
$uv << EOD
10 11.39 6.759 13.12
100 1.617 0.8923 1.901
EOD
$glib << EOD
10 0.3737 0.3312 0.4264
100 0.3636 0.346 2.34
EOD
$qt << EOD
10 3.299 1.92 3.559
100 1.455 1.203 1.569
EOD
$zmq << EOD
10 0.6722 0.6232 1.494
100 0.7395 0.739 2.69
EOD
set xtics ("10" 10, "100" 100)
set xrange [7.69231:130]
plot $raw using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#666666" title "raw epoll", \
     $postern using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#1b7837" title "Postern", \
     $uv using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#2166ac" title "libuv", \
     $glib using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#8073ac" title "GLib (GSocket)", \
     $qt using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#e08214" title "Qt (QLocalSocket)", \
     $zmq using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#b2182b" title "ZeroMQ"
