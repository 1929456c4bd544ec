/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layout.c - the public structs have no padding on any machine
 *
 * Padding has no defined value, so the rule "unknown bytes at the end are 0" would cover bytes that no program can set.
 * Where padding would be differs: 64-bit machines need pairs of 32-bit fields, armhf aligns 64-bit fields to 8,
 * and i386 only to 4. So pointers and size_t come in even numbers before a 64-bit field and at
 * the end of a struct that has one, and so do fields of 32 bits. Then only the width of a word depends on the machine.
 *
 * A field that is added in the middle of a pair, or that is missing here, breaks the build.
 */
#include <postern.h>
#include <postern/caller.h>
#include <postern/topic.h>

#include <assert.h>
#include <stddef.h>

/* The field's size, or a value that fails the check if its offset is not a multiple of that, which only i386 would allow. */
#define AT(type, field)                                                                       \
	(offsetof(struct postern_##type, field) % sizeof(((struct postern_##type *)0)->field) \
		 ? 1024                                                                       \
		 : sizeof(((struct postern_##type *)0)->field))
#define WHOLE(type, sum) static_assert(sizeof(struct postern_##type) == (sum), "postern_" #type)

#define F(field)         AT(reason, field)
WHOLE(reason, F(code) + F(error) + F(text));
#undef F

#define F(field) AT(conn_events, field)
WHOLE(conn_events,
      F(size) + F(state) + F(received) + F(frame) + F(ended) + F(drained) + F(sent) + F(closed));
#undef F

#define F(field) AT(conn_options, field)
WHOLE(conn_options, F(size) + F(high_water) + F(low_water) + F(unread) + F(framing) + F(frame_max) +
			    F(idle_ns) + F(drain_ns) + F(message_ns));
#undef F

#define F(field) AT(connect_options, field)
WHOLE(connect_options, F(size) + F(conn) + F(deadline_ns) + F(backoff_ns) + F(backoff_max_ns) +
			       F(server_uids) + F(n_server_uids) + F(attempts) + F(reserved));
#undef F

#define F(field) AT(peer, field)
WHOLE(peer, F(uid) + F(gid) + F(pid));
#undef F

#define F(field) AT(conn_counters, field)
WHOLE(conn_counters, F(received) + F(sent) + F(connected_ns) + F(attempts) + F(unread));
#undef F

#define F(field) AT(server_events, field)
WHOLE(server_events, F(size) + F(conn) + F(allow) + F(accepted) + F(error) + F(closed));
#undef F

#define F(field) AT(server_options, field)
WHOLE(server_options, F(size) + F(access) + F(backlog) + F(connections) + F(connections_per_uid) +
			      F(bytes_per_uid) + F(group) + F(allow_uids) + F(allow_gids) +
			      F(n_allow_uids) + F(n_allow_gids) + F(conn) + F(keep_flags) +
			      F(descriptors_per_uid));
#undef F

#define F(field) AT(server_counters, field)
WHOLE(server_counters, F(accepted) + F(refused) + F(paused) + F(republished) + F(connections) +
			       F(listening) + F(bytes) + F(descriptors) + F(descriptors_refused) +
			       F(deferred));
#undef F

#define F(field) AT(frame, field)
WHOLE(frame, F(bytes) + F(n) + F(used));
#undef F

#define F(field) AT(json, field)
WHOLE(json, F(text) + F(n));
#undef F

#define F(field) AT(json_error, field)
WHOLE(json_error, F(offset) + F(text));
#undef F

#define F(field) AT(json_walk, field)
WHOLE(json_walk, F(at) + F(left) + F(kind) + F(begun));
#undef F

#define F(field) AT(json_writer, field)
WHOLE(json_writer, F(bytes) + F(size) + F(n) + F(reserved) + F(objects) + F(depth) + F(due) +
			   F(error) + F(reserved2));
#undef F

#define F(field) AT(name_info, field)
WHOLE(name_info, F(size) + F(name) + F(path) + F(mode) + F(version) + F(unused) + F(alive) +
			 F(pid) + F(uid) + F(reserved) + F(since));
#undef F

#define F(field) AT(thread_options, field)
WHOLE(thread_options, F(size) + F(stack_size) + F(start_ns) + F(join_ns) + F(name) + F(ended));
#undef F

#define F(field) AT(service_events, field)
WHOLE(service_events, F(size) + F(allow) + F(error) + F(closed));
#undef F

#define F(field) AT(service_options, field)
WHOLE(service_options, F(size) + F(server) + F(vendor) + F(product) + F(version) + F(url) +
			       F(message_max) + F(reserved) + F(exit_idle_ns) + F(flags));
#undef F

#define F(field) AT(service_counters, field)
WHOLE(service_counters, F(calls) + F(answers) + F(abandoned) + F(cancelled) + F(dropped) +
				F(violations) + F(open) + F(upgraded));
#undef F

#define F(field) AT(request_events, field)
WHOLE(request_events, F(size) + F(cancelled) + F(drained) + F(left));
#undef F

#define F(field) AT(topic_options, field)
WHOLE(topic_options, F(size) + F(bytes) + F(messages) + F(policy) + F(flags));
#undef F

#define F(field) AT(topic_events, field)
WHOLE(topic_events, F(size) + F(changed));
#undef F

#define F(field) AT(topic_counters, field)
WHOLE(topic_counters, F(published) + F(bytes) + F(sent) + F(skipped) + F(overflows) + F(dropped) +
			      F(subscribers) + F(behind));
#undef F

#define F(field) AT(caller_options, field)
WHOLE(caller_options, F(size) + F(connect) + F(message_max) + F(calls) + F(idle_ns) + F(flags));
#undef F

#define F(field) AT(answer, field)
static_assert(sizeof(struct postern_answer) == F(end) + F(n_fds) + F(caller) + F(error) +
						       sizeof(struct postern_json) + F(why),
	      "postern_answer");
#undef F

#define F(field) AT(type, field)
WHOLE(type, F(kind) + F(nullable) + F(value) + F(size) + F(n) + F(reserved) + F(fields) + F(names) +
		    F(element) + F(sorted) + F(more));
#undef F

#define F(field) AT(fds, field)
WHOLE(fds, F(fds) + F(n));
#undef F

#define F(f) AT(field, f)
WHOLE(field, F(name) + F(type) + F(offset) + F(flags));
#undef F

#define F(field) AT(method, field)
WHOLE(method, F(name) + F(in) + F(out) + F(flags) + F(handler) + F(handle) + F(deliver) +
		      F(more[0]) + F(more[1]));
#undef F

#define F(field) AT(error, field)
WHOLE(error, F(name) + F(type) + F(more[0]) + F(more[1]));
#undef F

#define F(field) AT(interface, field)
WHOLE(interface, F(version) + F(n_methods) + F(n_errors) + F(reserved) + F(name) + F(description) +
			 F(methods) + F(errors) + F(more[0]) + F(more[1]));
#undef F
#undef WHOLE
#undef AT
