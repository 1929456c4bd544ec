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
1 1.073 1.053 1.095
64 1.083 1.009 1.107
1024 1.055 1.032 1.074
16384 1.07 1.05 1.097
262144 1.002 0.9652 1.047
4194304 0.9871 0.9739 1.001
EOD
$postern_frames << EOD
1 1.101 1.079 1.126
64 1.1 1.002 1.128
1024 1.033 1.013 1.071
16384 1.096 1.074 1.149
262144 1.09 1.059 1.136
4194304 1.123 1.107 1.139
EOD
$uv << EOD
1 1.072 1.057 1.127
64 1.103 1.087 1.13
1024 1.024 0.9931 1.061
16384 1.048 0.9983 1.077
262144 0.9904 0.9561 1.05
4194304 1.047 1.032 1.052
EOD
$glib << EOD
1 1.388 1.334 1.403
64 1.403 1.313 1.44
1024 1.337 1.271 1.368
16384 1.242 1.17 1.274
262144 1.117 1.091 1.176
4194304 1.178 1.16 1.184
EOD
$qt << EOD
1 1.903 1.879 1.958
64 1.915 1.826 2.02
1024 1.765 1.715 1.849
16384 1.61 1.584 1.699
262144 1.304 1.253 1.363
4194304 2.118 2.041 2.175
EOD
$zmq << EOD
1 3.363 3.281 3.593
64 3.447 3.335 3.512
1024 3.181 3.118 3.319
16384 3.039 2.955 3.43
262144 1.203 1.161 1.244
4194304 1.194 1.176 1.263
EOD
$nng << EOD
1 5.777 5.455 6.404
64 5.557 5.245 6.171
1024 5.195 5.011 5.658
16384 4.384 3.725 4.412
262144 1.581 1.504 1.659
4194304 1.855 1.791 1.904
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
