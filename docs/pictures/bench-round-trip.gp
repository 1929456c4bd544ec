# SPDX-License-Identifier: Apache-2.0
# Made by make bench, on: Linux 6.18.44-fc-v657, AMD EPYC, 2 CPUs
set terminal svg size 860,460 font "Helvetica,13" background "white"
set title "Round trip, ends on one CPU: medians and quartiles; less is better"
set grid lc rgb "#dddddd"
set border 3
set xtics nomirror
set ytics nomirror
set key outside right top reverse Left samplen 2
set logscale xy
set xlabel "bytes of a message"
set ylabel "times as long as raw epoll"
set format y '%g'
$raw << EOD
1 1 1 1
64 1 1 1
1024 1 1 1
16384 1 1 1
262144 1 1 1
4194304 1 1 1
EOD
$postern << EOD
1 0.9915 0.9683 1.015
64 1.052 1.038 1.075
1024 1.049 1.018 1.081
16384 1.122 1.104 1.198
262144 1.089 1.047 1.13
4194304 0.9483 0.9261 0.9706
EOD
$postern_frames << EOD
1 1.019 0.9553 1.083
64 1.028 0.9211 1.046
1024 1.125 1.014 1.235
16384 1.15 1.131 1.158
262144 1.212 1.057 1.367
4194304 1.186 1.18 1.192
EOD
$uv << EOD
1 1.165 1.164 1.166
64 1.077 0.9431 1.082
1024 1.055 0.9775 1.132
16384 1.07 1.062 1.136
262144 0.9234 0.8727 0.974
4194304 0.8043 0.7962 0.8125
EOD
$glib << EOD
1 1.777 1.635 1.919
64 1.418 1.363 1.426
1024 1.357 1.297 1.417
16384 1.197 1.195 1.219
262144 1.045 0.9982 1.093
4194304 0.8454 0.8428 0.848
EOD
$qt << EOD
1 2.314 2.071 2.557
64 1.899 1.897 1.953
1024 2.215 1.955 2.474
16384 1.603 1.597 1.68
262144 1.505 1.299 1.712
4194304 1.697 1.658 1.736
EOD
$zmq << EOD
1 3.236 3.136 3.337
64 3.344 3.186 3.565
1024 3.655 3.53 3.779
16384 3.35 3.297 3.389
262144 1.217 1.128 1.306
4194304 1.388 1.349 1.427
EOD
$nng << EOD
1 6.5 6.082 6.918
64 5.316 5.216 6.244
1024 5.554 5.24 5.868
16384 4.974 4.676 5.031
262144 1.522 1.429 1.615
4194304 1.541 1.515 1.567
EOD
set xtics ("1" 1, "64" 64, "1Ki" 1024, "16Ki" 16384, "256Ki" 262144, "4Mi" 4194304)
set xrange [0.769231:5.4526e+06]
plot $raw using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#666666" title "raw epoll", \
     $postern using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#1b7837" title "Postern", \
     $postern_frames using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#7fbf7b" title "Postern, messages", \
     $uv using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#2166ac" title "libuv", \
     $glib using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#8073ac" title "GLib (GSocket)", \
     $qt using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#e08214" title "Qt (QLocalSocket)", \
     $zmq using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#b2182b" title "ZeroMQ", \
     $nng using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#f4a582" title "nng"
