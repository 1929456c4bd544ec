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
1 1 1 1
10 1 1 1
100 1 1 1
1000 1 1 1
EOD
$postern << EOD
1 0.9308 0.9121 0.9919
10 1.059 1.005 1.09
100 1.101 1.076 1.216
1000 1.116 1.108 1.127
EOD
$uv << EOD
1 0.9587 0.9281 0.9972
10 1.01 0.9157 1.085
100 1.037 1.012 1.062
1000 1.05 1.012 1.126
EOD
$glib << EOD
1 1.019 0.9397 1.049
10 1.189 1.09 1.21
100 1.717 1.687 1.766
1000 3.579 3.467 3.648
EOD
$qt << EOD
1 1.075 1.039 1.166
10 1.355 1.306 1.485
100 2.186 2.094 2.305
1000 5.887 5.616 6.143
EOD
$zmq << EOD
1 1.516 1.392 1.766
10 1.918 1.761 2.118
100 2.765 2.608 2.81
1000 2.845 2.379 3.048
EOD
set xtics ("1" 1, "10" 10, "100" 100, "1000" 1000)
set xrange [0.769231:1300]
plot $raw using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#666666" title "raw epoll", \
     $postern using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#1b7837" title "Postern", \
     $uv using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#2166ac" title "libuv", \
     $glib using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#8073ac" title "GLib (GSocket)", \
     $qt using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#e08214" title "Qt (QLocalSocket)", \
     $zmq using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#b2182b" title "ZeroMQ"
