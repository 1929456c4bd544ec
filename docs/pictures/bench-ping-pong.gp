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
10 4.481 3.827 4.587
50 4.432 4.204 4.53
100 4.421 3.339 5.113
1000 3.159 3.089 3.41
5000 4.316 4.182 4.386
EOD
$postern << EOD
10 4.983 4.644 5.482
50 3.695 3.692 4.545
100 4.401 4.396 4.421
1000 3.674 3.366 4.078
5000 3.321 3.077 3.889
EOD
$uv << EOD
10 5.045 4.951 6.727
50 3.834 3.339 4.129
100 3.368 3.328 4.043
1000 3.678 3.329 4.344
5000 3.45 3.363 3.673
EOD
$glib << EOD
10 6.855 6.151 6.989
50 6.331 5.339 6.442
100 6.254 4.797 6.399
1000 5.962 5.932 6.442
5000 16.55 16.3 17.18
EOD
$qt << EOD
10 10.69 10.11 10.71
50 6.251 5.892 7.679
100 6.589 5.949 7.039
1000 11.12 11 12.36
5000 35.27 34.53 38.41
EOD
set xtics ("10" 10, "50" 50, "100" 100, "1000" 1000, "5000" 5000)
set xrange [7.69231:6500]
plot $raw using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#666666" title "raw epoll", \
     $postern using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#1b7837" title "Postern", \
     $uv using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#2166ac" title "libuv", \
     $glib using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#8073ac" title "GLib (GSocket)", \
     $qt using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#e08214" title "Qt (QLocalSocket)"
