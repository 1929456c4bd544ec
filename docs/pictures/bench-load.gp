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
50 52.736 4521.98 5308.42
80 17.152 4653.06 5570.56
95 42.496 4784.13 6225.92
EOD
$postern << EOD
50 52.736 4784.13 5439.49
80 42.496 3047.42 3833.86
95 61.952 4653.06 5177.34
EOD
$uv << EOD
50 49.664 3375.1 4161.54
80 15.232 3899.39 4784.13
95 42.496 5308.42 5832.7
EOD
$glib << EOD
50 46.592 1097.73 1785.86
80 454.656 3964.93 5046.27
95 42.496 3768.32 4521.98
EOD
$qt << EOD
50 56.832 2392.06 3112.96
80 52.736 4096 4915.2
95 57.856 3244.03 3964.93
EOD
plot $raw using 1:2 with linespoints dt 3 lw 2 pt 7 ps 0.5 lc rgb "#666666" title "raw epoll, p50", \
     $raw using 1:3 with linespoints dt 1 lw 2 pt 7 ps 0.5 lc rgb "#666666" title "raw epoll, p99", \
     $raw using 1:4 with linespoints dt 2 lw 2 pt 7 ps 0.5 lc rgb "#666666" title "raw epoll, p99.9", \
     $postern using 1:2 with linespoints dt 3 lw 2 pt 7 ps 0.5 lc rgb "#1b7837" title "Postern, p50", \
     $postern using 1:3 with linespoints dt 1 lw 2 pt 7 ps 0.5 lc rgb "#1b7837" title "Postern, p99", \
     $postern using 1:4 with linespoints dt 2 lw 2 pt 7 ps 0.5 lc rgb "#1b7837" title "Postern, p99.9", \
     $uv using 1:2 with linespoints dt 3 lw 2 pt 7 ps 0.5 lc rgb "#2166ac" title "libuv, p50", \
     $uv using 1:3 with linespoints dt 1 lw 2 pt 7 ps 0.5 lc rgb "#2166ac" title "libuv, p99", \
     $uv using 1:4 with linespoints dt 2 lw 2 pt 7 ps 0.5 lc rgb "#2166ac" title "libuv, p99.9", \
     $glib using 1:2 with linespoints dt 3 lw 2 pt 7 ps 0.5 lc rgb "#8073ac" title "GLib (GSocket), p50", \
     $glib using 1:3 with linespoints dt 1 lw 2 pt 7 ps 0.5 lc rgb "#8073ac" title "GLib (GSocket), p99", \
     $glib using 1:4 with linespoints dt 2 lw 2 pt 7 ps 0.5 lc rgb "#8073ac" title "GLib (GSocket), p99.9", \
     $qt using 1:2 with linespoints dt 3 lw 2 pt 7 ps 0.5 lc rgb "#e08214" title "Qt (QLocalSocket), p50", \
     $qt using 1:3 with linespoints dt 1 lw 2 pt 7 ps 0.5 lc rgb "#e08214" title "Qt (QLocalSocket), p99", \
     $qt using 1:4 with linespoints dt 2 lw 2 pt 7 ps 0.5 lc rgb "#e08214" title "Qt (QLocalSocket), p99.9"
