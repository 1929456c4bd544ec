# SPDX-License-Identifier: Apache-2.0
# Made by make bench, on: Linux 6.18.44-fc-v657, AMD EPYC, 2 CPUs
set terminal svg size 860,460 font "Helvetica,13" background "white"
set title "64 B answers, ends on one CPU: medians and quartiles; less is better"
set grid lc rgb "#dddddd"
set border 3
set xtics nomirror
set ytics nomirror
set key outside right top reverse Left samplen 2
set logscale xy
set xlabel "messages in flight"
set ylabel "µs for each answer"
set format y '%g'
$raw << EOD
16 0.5477 0.5412 0.5959
64 0.1801 0.1643 0.1887
1024 0.03521 0.03482 0.03612
EOD
$postern << EOD
16 0.6017 0.5735 0.6256
64 0.1891 0.1832 0.1911
1024 0.03767 0.03717 0.03883
EOD
$postern_frames << EOD
16 0.656 0.622 0.6902
64 0.2288 0.2206 0.234
1024 0.06777 0.06747 0.06843
EOD
$uv << EOD
16 0.5985 0.573 0.6112
64 0.1822 0.1722 0.1926
1024 0.03599 0.03562 0.03671
EOD
$glib << EOD
16 0.8078 0.7506 0.8213
64 0.2278 0.2156 0.2344
1024 0.03785 0.03717 0.03874
EOD
$qt << EOD
16 1.073 1.025 1.123
64 0.3088 0.2926 0.3142
1024 0.04534 0.04471 0.04652
EOD
$zmq << EOD
16 3.274 2.846 3.377
64 0.8646 0.8481 0.8729
1024 0.477 0.4684 0.4856
EOD
$nng << EOD
16 17.18 15.25 18.53
64 11.27 10.96 11.64
1024 9.669 9.52 9.693
EOD
set xtics ("16" 16, "64" 64, "1Ki" 1024)
set xrange [12.3077:1331.2]
plot $raw using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#666666" title "raw epoll", \
     $postern using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#1b7837" title "Postern", \
     $postern_frames using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#7fbf7b" title "Postern, messages", \
     $uv using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#2166ac" title "libuv", \
     $glib using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#8073ac" title "GLib (GSocket)", \
     $qt using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#e08214" title "Qt (QLocalSocket)", \
     $zmq using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#b2182b" title "ZeroMQ", \
     $nng using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#f4a582" title "nng"
