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
10 4.395 3.426 4.522
50 4.432 4.204 4.53
100 4.421 3.339 5.113
1000 2.226 2.199 3.03
5000 4.316 4.182 4.386
EOD
$postern << EOD
10 4.993 4.853 6.602
50 3.695 3.692 4.545
100 4.401 4.396 4.421
1000 2.539 2.422 3.638
5000 3.321 3.077 3.889
EOD
$uv << EOD
10 4.781 4.734 6.711
50 3.834 3.339 4.129
100 3.368 3.328 4.043
1000 4.409 3.846 4.733
5000 3.45 3.363 3.673
EOD
$glib << EOD
10 6.675 6.603 7.148
50 6.331 5.339 6.442
100 6.254 4.797 6.399
1000 9.351 6.851 9.909
5000 16.55 16.3 17.18
EOD
$qt << EOD
10 6.127 5.142 7.502
50 6.251 5.892 7.679
100 6.589 5.949 7.039
1000 9.481 9.3 10.24
5000 35.27 34.53 38.41
EOD
set xtics ("10" 10, "50" 50, "100" 100, "1000" 1000, "5000" 5000)
set xrange [7.69231:6500]
plot $raw using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#666666" title "raw epoll", \
     $postern using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#1b7837" title "Postern", \
     $uv using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#2166ac" title "libuv", \
     $glib using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#8073ac" title "GLib (GSocket)", \
     $qt using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#e08214" title "Qt (QLocalSocket)"
