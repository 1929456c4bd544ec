# SPDX-License-Identifier: Apache-2.0
# Made by make bench, on: Linux 6.18.44-fc-v657, AMD EPYC, 2 CPUs
set terminal svg size 860,460 font "Helvetica,13" background "white"
set title "Latency under an open load, ends on two CPUs: medians; less is better"
set grid lc rgb "#dddddd"
set border 3
set xtics nomirror
set ytics nomirror
set key outside right top reverse Left samplen 2
set logscale y
set xlabel "% of the server's peak"
set ylabel "µs from the time to be sent"
set format y "%g"
$raw << EOD
50 32.896 1191.94
80 22.016 1908.74
95 23.552 2547.71
EOD
$postern << EOD
50 45.568 1720.32
80 28.544 937.984
95 19.392 2654.21
EOD
$uv << EOD
50 36.352 770.048
80 15.552 2883.58
95 17.664 1818.62
EOD
$glib << EOD
50 38.4 1101.82
80 38.4 1703.94
95 35.84 802.816
EOD
$qt << EOD
50 48.64 1835.01
80 45.568 663.552
95 43.52 1540.1
EOD
plot $raw using 1:2 with linespoints dt 3 lw 2 pt 7 ps 0.5 lc rgb "#666666" title "raw epoll, p50", \
     $raw using 1:3 with linespoints dt 1 lw 2 pt 7 ps 0.5 lc rgb "#666666" title "raw epoll, p99", \
     $postern using 1:2 with linespoints dt 3 lw 2 pt 7 ps 0.5 lc rgb "#1b7837" title "Postern, p50", \
     $postern using 1:3 with linespoints dt 1 lw 2 pt 7 ps 0.5 lc rgb "#1b7837" title "Postern, p99", \
     $uv using 1:2 with linespoints dt 3 lw 2 pt 7 ps 0.5 lc rgb "#2166ac" title "libuv, p50", \
     $uv using 1:3 with linespoints dt 1 lw 2 pt 7 ps 0.5 lc rgb "#2166ac" title "libuv, p99", \
     $glib using 1:2 with linespoints dt 3 lw 2 pt 7 ps 0.5 lc rgb "#8073ac" title "GLib (GSocket), p50", \
     $glib using 1:3 with linespoints dt 1 lw 2 pt 7 ps 0.5 lc rgb "#8073ac" title "GLib (GSocket), p99", \
     $qt using 1:2 with linespoints dt 3 lw 2 pt 7 ps 0.5 lc rgb "#e08214" title "Qt (QLocalSocket), p50", \
     $qt using 1:3 with linespoints dt 1 lw 2 pt 7 ps 0.5 lc rgb "#e08214" title "Qt (QLocalSocket), p99"
