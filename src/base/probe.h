/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe.h - places that tracers of the system can watch (USDT: bpftrace, perf, SystemTap, gdb)
 *
 *   postern:accept  conn, uid, pid          a server has admitted a connection
 *   postern:call    conn, method, bytes     a service has received a call, which will be run
 *   postern:answer  conn, bytes, final      its answer is queued; final is 0 if others follow
 *   postern:end     conn, reason, error     a connection has ended, with the code of its reason; 0: freed by the program
 *
 * conn tells connections apart while they live; method is a text. Each place is one instruction that does nothing, and a note
 * in the file that says where it is and where its arguments are: nothing is paid until somebody attaches, and then only by
 * this process. They are there if <sys/sdt.h> was when this was compiled, and are no part of the interface.
 */
#ifndef POSTERN_PROBE_H
#define POSTERN_PROBE_H

#ifdef __has_include
#if __has_include(<sys/sdt.h>)
#define PROBE_IS_THERE 1
#endif
#endif

#ifdef PROBE_IS_THERE
#include <sys/sdt.h>
#define PROBE(name, a, b, c) DTRACE_PROBE3(postern, name, a, b, c)
#else
#define PROBE(name, a, b, c) ((void)(a), (void)(b), (void)(c))
#endif

#endif
