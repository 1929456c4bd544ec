# SPDX-License-Identifier: Apache-2.0
# Made by make bench, on: Linux 6.18.44-fc-v657, AMD EPYC, 2 CPUs
set terminal svg size 860,460 font "Helvetica,13" background "white"
set title "Qt's pingPong, server in a thread: medians and quartiles; less is better"
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
10 3.056 2.678 3.201
50 2.551 2.137 2.681
100 2.367 2.118 2.778
1000 2.423 1.996 2.736
5000 2.451 2.371 2.624
EOD
$postern << EOD
10 4.403 3.423 5.503
50 2.621 2.512 4.029
100 2.535 2.401 3.062
1000 2.648 2.452 2.806
5000 3.043 2.92 3.27
EOD
$uv << EOD
10 3.014 2.512 3.409
50 2.739 2.629 2.968
100 2.553 2.459 3.637
1000 2.471 2.305 2.629
5000 3.285 2.97 3.586
EOD
$glib << EOD
10 3.341 2.976 3.771
50 3.14 3.009 3.38
100 3.053 2.985 3.093
1000 4.586 4.427 4.852
5000 14.43 14.13 14.9
EOD
$qt << EOD
10 6.993 5.324 8.856
50 4.958 4.558 7.547
100 4.862 4.512 7.064
1000 9.514 8.755 10.64
5000 28.33 26.55 29.95
EOD
set xtics ("10" 10, "50" 50, "100" 100, "1000" 1000, "5000" 5000)
set xrange [7.69231:6500]
plot $raw using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#666666" title "raw epoll", \
     $postern using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#1b7837" title "Postern", \
     $uv using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#2166ac" title "libuv", \
     $glib using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#8073ac" title "GLib (GSocket)", \
     $qt using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#e08214" title "Qt (QLocalSocket)"
