# SPDX-License-Identifier: Apache-2.0
# Made by make bench, on: Linux 6.18.44-fc-v657, AMD EPYC, 2 CPUs
set terminal svg size 860,460 font "Helvetica,13" background "white"
set title "One-way stream, ends on two CPUs: medians and quartiles; less is better"
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
64 1 1 1
1024 1 1 1
65536 1 1 1
1048576 1 1 1
EOD
$raw_one << EOD
64 46.66 44.36 54.76
1024 4.766 4.326 5.14
65536 1.001 0.9883 1.047
1048576 0.9902 0.963 1.02
EOD
$raw_best << EOD
64 1.03 1.011 1.097
1024 0.9661 0.9522 0.9779
65536 0.9791 0.9551 1.044
1048576 0.5304 0.469 0.6142
EOD
$postern << EOD
64 1.09 1.06 1.312
1024 1.034 0.9984 1.06
65536 0.9619 0.8829 1.016
1048576 0.9019 0.8415 1.008
EOD
$postern_frames << EOD
64 1.474 1.391 1.599
1024 1.448 1.311 1.65
65536 1.002 0.9558 1.035
1048576 0.7807 0.6871 0.8899
EOD
$uv << EOD
64 1.042 0.972 1.094
1024 1.061 1.043 1.089
65536 1.086 1.063 1.184
1048576 1.036 0.9359 1.057
EOD
$glib << EOD
64 0.962 0.8504 1.031
1024 0.9093 0.8545 0.9686
65536 1.087 1.034 1.144
1048576 1.056 1.04 1.2
EOD
$qt << EOD
64 1.341 1.184 1.401
1024 1.418 1.342 1.441
65536 1.329 1.293 1.414
1048576 0.6851 0.57 0.7355
EOD
$zmq << EOD
64 7.422 6.772 7.797
1024 4.984 4.517 5.263
65536 2.952 2.761 3.485
1048576 1.032 0.9818 1.156
EOD
$nng << EOD
64 630.9 553 765.5
1024 54.26 45.34 66.71
65536 1.941 1.799 2.016
1048576 0.8596 0.6781 1.04
EOD
set xtics ("64" 64, "1Ki" 1024, "64Ki" 65536, "1Mi" 1048576)
set xrange [49.2308:1.36315e+06]
plot $raw using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#666666" title "raw epoll", \
     $raw_one using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#aaaaaa" title "raw epoll, a write each", \
     $raw_best using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#000000" title "raw epoll, 1 MiB buffer", \
     $postern using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#1b7837" title "Postern", \
     $postern_frames using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#7fbf7b" title "Postern, messages", \
     $uv using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#2166ac" title "libuv", \
     $glib using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#8073ac" title "GLib (GSocket)", \
     $qt using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#e08214" title "Qt (QLocalSocket)", \
     $zmq using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#b2182b" title "ZeroMQ", \
     $nng using 1:2:3:4 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb "#f4a582" title "nng"
