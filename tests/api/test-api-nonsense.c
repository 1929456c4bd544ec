/* SPDX-License-Identifier: Apache-2.0 */
/* What the public calls say to null and to nonsense. */
#include "world.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <postern.h>
#include <postern/client.h>
#include <postern/conn.h>
#include <postern/frame.h>
#include <postern/loop.h>
#include <postern/name.h>
#include <postern/server.h>
#include <postern/thread.h>

/* ---- nonsense ---- */

static void calls_with_null_say_invalid(void **state)
{
	struct iovec iov = { 0 };
	char text[8];

	(void)state;
	assert_errno(postern_loop_new(NULL), -EINVAL);
	assert_null(postern_loop_free(NULL));
	assert_errno(postern_loop_run(NULL), -EINVAL);
	postern_loop_stop(NULL);
	assert_errno(postern_loop_fd(NULL), -EINVAL);
	assert_errno(postern_loop_dispatch(NULL, 0), -EINVAL);
	assert_errno(postern_loop_post(NULL, world_post, NULL), -EINVAL);
	assert_non_null(postern_why());
	assert_non_null(postern_why()->text);
	assert_errno(postern_loop_set_log(NULL, world_log, NULL), -EINVAL);
	assert_errno(postern_loop_set_busy_poll(NULL, 0), -EINVAL);

	assert_null(postern_timer_free(NULL));
	assert_errno(postern_timer_set(NULL, 1), -EINVAL);
	assert_errno(postern_timer_set_periodic(NULL, 1), -EINVAL);
	assert_errno(postern_timer_cancel(NULL), -EINVAL);
	assert_int_equal(postern_timer_due_ns(NULL), 0);
	assert_null(postern_watch_free(NULL));
	assert_errno(postern_watch_set(NULL, 0), -EINVAL);
	assert_null(postern_child_free(NULL));
	assert_errno(postern_child_kill(NULL, 0), -EINVAL);

	assert_null(postern_conn_free(NULL));
	assert_null(postern_conn_keep(NULL));
	assert_errno(postern_conn_write(NULL, "x", 1), -EINVAL);
	assert_errno(postern_conn_writev(NULL, &iov, 1), -EINVAL);
	assert_int_equal(postern_conn_room(NULL), 0);
	assert_int_equal(postern_conn_queued(NULL), 0);
	assert_errno(postern_conn_flush(NULL), -EINVAL);
	assert_errno(postern_conn_pause(NULL), -EINVAL);
	assert_errno(postern_conn_resume(NULL), -EINVAL);
	assert_errno(postern_conn_shutdown(NULL), -EINVAL);
	assert_errno(postern_conn_close(NULL), -EINVAL);
	assert_errno(postern_conn_abort(NULL), -EINVAL);
	assert_int_equal(postern_conn_state(NULL), POSTERN_STATE_CLOSED);
	assert_null(postern_conn_data(NULL));
	assert_errno(postern_conn_set_data(NULL, NULL), -EINVAL);
	assert_errno(postern_conn_set_events(NULL, &end_events, NULL), -EINVAL);
	assert_non_null(postern_conn_why(NULL));
	assert_non_null(postern_conn_why(NULL)->text);
	assert_errno(postern_conn_detach(NULL), -EINVAL);
	assert_true(postern_conn_fd(NULL) < 0);
	assert_null(postern_conn_server(NULL));
	assert_errno(postern_conn_peer(NULL, &(struct postern_peer){ 0 }, 12), -EINVAL);
	assert_errno(postern_conn_peer_pidfd(NULL), -EINVAL);
	assert_errno(postern_conn_peer_label(NULL, text, sizeof text), -EINVAL);
	assert_errno(postern_conn_get_counters(NULL, &(struct postern_conn_counters){ 0 }, 8),
		     -EINVAL);

	assert_null(postern_server_free(NULL));
	assert_errno(postern_server_stop(NULL), -EINVAL);
	assert_errno(postern_server_drain(NULL, 0), -EINVAL);
	assert_null(postern_server_path(NULL));
	assert_null(postern_server_name(NULL));
	assert_null(postern_server_data(NULL));
	assert_errno(postern_server_set_data(NULL, NULL), -EINVAL);
	assert_true(postern_server_fd(NULL) < 0);
	assert_errno(postern_server_get_counters(NULL, &(struct postern_server_counters){ 0 }, 8),
		     -EINVAL);
	assert_errno(postern_server_each(NULL, world_each, NULL), -EINVAL);

	assert_errno(postern_server_pause(NULL), -EINVAL);
	assert_errno(postern_server_resume(NULL), -EINVAL);

	assert_errno(postern_name_resolve(NULL, text, sizeof text), -EINVAL);
	assert_errno(postern_name_resolve("api", NULL, 8), -EINVAL);
	assert_errno(postern_name_resolve("api", text, 0), -EINVAL);
	assert_errno(postern_name_list(NULL, NULL), -EINVAL);
	assert_errno(postern_name_look("api", NULL, NULL), -EINVAL);
	assert_errno(postern_name_look(NULL, NULL, NULL), -EINVAL);
}

static void waiting_and_framing_calls_with_null_say_invalid(void **state)
{
	struct postern_client *client = NULL;
	struct postern_frame frame;
	char text[8];
	void *at;

	(void)state;
	assert_errno(postern_client_new(NULL, "x", NULL), -EINVAL);
	assert_errno(postern_client_new(&client, NULL, NULL), -EINVAL);
	assert_errno(postern_client_adopt(NULL, 0, NULL), -EINVAL);
	assert_errno(postern_client_adopt(&client, -1, NULL), -EINVAL);
	assert_null(client);
	assert_null(postern_client_free(NULL));
	assert_errno(postern_client_read(NULL, text, 1, 0), -EINVAL);
	assert_errno(postern_client_read_exactly(NULL, text, 1, 0), -EINVAL);
	assert_errno(postern_client_read_line(NULL, text, 1, 0), -EINVAL);
	assert_errno(postern_client_read_frame(NULL, POSTERN_FRAMING_LINES, text, 1, 0), -EINVAL);
	assert_errno(postern_client_write(NULL, text, 1, 0), -EINVAL);
	assert_errno(postern_client_write_frame(NULL, POSTERN_FRAMING_LINES, text, 1, 0), -EINVAL);
	assert_errno(postern_client_shutdown(NULL, 0), -EINVAL);
	assert_errno(postern_client_close(NULL, 0), -EINVAL);
	assert_errno(postern_client_wait_end(NULL, 0), -EINVAL);
	assert_int_equal(postern_client_available(NULL), 0);
	assert_errno(postern_client_set_busy_poll(NULL, 0), -EINVAL);
	assert_non_null(postern_client_why(NULL));
	assert_null(postern_client_conn(NULL));

	assert_errno(postern_frame_find(0, "x", 1, 0, 1, &frame), -EINVAL);
	assert_errno(postern_frame_find(POSTERN_FRAMING_LINES, NULL, 1, 0, 1, &frame), -EINVAL);
	assert_errno(postern_frame_find(POSTERN_FRAMING_LINES, "x", 1, 0, 1, NULL), -EINVAL);
	assert_errno(postern_frame_make(0, "x", 1, text, text), -EINVAL);
	assert_errno(postern_frame_make(POSTERN_FRAMING_LINES, NULL, 1, text, text), -EINVAL);
	assert_errno(postern_conn_reserve(NULL, 0, 1, &at), -EINVAL);
	assert_errno(postern_conn_commit(NULL, 1), -EINVAL);
	assert_errno(postern_conn_write_frame(NULL, POSTERN_FRAMING_LINES, "x", 1), -EINVAL);
	assert_errno(postern_buffer_new(NULL, 0), -EINVAL);
	assert_null(postern_buffer_free(NULL));
	assert_int_equal(postern_buffer_add(NULL, "x", 1), 0);
	assert_int_equal(postern_buffer_size(NULL), 0);
	(void)postern_buffer_bytes(NULL); /* of 0 bytes, whatever it points to */
	assert_int_equal(postern_buffer_read(NULL, text, 1), 0);
	assert_int_equal(postern_buffer_peek(NULL, text, 1), 0);
	assert_int_equal(postern_buffer_skip(NULL, 1), 0);
	assert_errno(postern_buffer_read_exactly(NULL, text, 1), -EINVAL);
	assert_errno(postern_buffer_read_line(NULL, text, 1), -EINVAL);
	assert_errno(postern_buffer_read_frame(NULL, POSTERN_FRAMING_LINES, text, 1), -EINVAL);
}

static void thread_calls_with_null_say_invalid(void **state)
{
	struct postern_thread *t = NULL;

	(void)state;
	assert_errno(postern_thread_start(NULL, NULL, thread_serve, NULL), -EINVAL);
	assert_errno(postern_thread_start(&t, NULL, NULL, NULL), -EINVAL);
	assert_null(t);
	assert_errno(postern_thread_stop(NULL), -EINVAL);
	assert_errno(postern_thread_post(NULL, thread_posted, NULL), -EINVAL);
	assert_errno(postern_thread_join(NULL, 0), -EINVAL);
	assert_non_null(postern_thread_calling(NULL));
	assert_null(postern_thread_free(NULL));
}

static void constructors_with_nonsense_leave_the_result_alone(void **state)
{
	struct postern_server *server = (void *)state;
	struct postern_conn *conn = (void *)state;
	struct postern_timer *timer = (void *)state;
	struct postern_watch *watch = (void *)state;
	struct postern_child *child = (void *)state;
	struct postern_conn_events small = { .size = 8 };
	struct postern_server_events small_server = { .size = 8 };
	struct postern_server_events small_conn = { .size = sizeof small_conn, .conn = &small };
	struct world w;
	int pair[2];

	world_begin(&w);
	assert_errno(postern_timer_new(NULL, w.loop, ticks_fire, NULL), -EINVAL);
	assert_errno(postern_timer_new(&timer, NULL, ticks_fire, NULL), -EINVAL);
	assert_errno(postern_timer_new(&timer, w.loop, NULL, NULL), -EINVAL);
	assert_errno(postern_watch_new(NULL, w.loop, 0, 1, ticks_ready, NULL), -EINVAL);
	assert_errno(postern_watch_new(&watch, NULL, 0, 1, ticks_ready, NULL), -EINVAL);
	assert_errno(postern_watch_new(&watch, w.loop, -1, 1, ticks_ready, NULL), -EINVAL);
	assert_errno(postern_watch_new(&watch, w.loop, 60000, 1, ticks_ready, NULL), -EBADF);
	assert_errno(postern_watch_new(&watch, w.loop, 0, 1, NULL, NULL), -EINVAL);
	assert_errno(postern_watch_new(&watch, w.loop, 0, 1u << 31, ticks_ready, NULL), -EINVAL);
	assert_errno(postern_child_new(NULL, w.loop, 1, ticks_exit, NULL), -EINVAL);
	assert_errno(postern_child_new(&child, NULL, 1, ticks_exit, NULL), -EINVAL);
	assert_errno(postern_child_new(&child, w.loop, 0, ticks_exit, NULL), -EINVAL);
	assert_errno(postern_child_new(&child, w.loop, -1, ticks_exit, NULL), -EINVAL);
	assert_errno(postern_child_new(&child, w.loop, 1, NULL, NULL), -EINVAL);
	assert_errno(postern_loop_post(w.loop, NULL, NULL), -EINVAL);

	assert_errno(postern_server_new(NULL, w.loop, "x", NULL, &world_events, NULL), -EINVAL);
	assert_errno(postern_server_new(&server, NULL, "x", NULL, &world_events, NULL), -EINVAL);
	assert_errno(postern_server_new(&server, w.loop, NULL, NULL, &world_events, NULL), -EINVAL);
	assert_errno(postern_server_new(&server, w.loop, "", NULL, &world_events, NULL), -EINVAL);
	assert_errno(postern_server_new(&server, w.loop, "x", NULL, NULL, NULL), -EINVAL);
	assert_errno(postern_server_new(&server, w.loop, "x", NULL, &small_server, NULL), -EINVAL);
	assert_errno(postern_server_new(&server, w.loop, "x", NULL, &small_conn, NULL), -EINVAL);
	assert_errno(postern_server_new(&server, w.loop, "api", NULL, &world_events, NULL),
		     -EADDRINUSE);
	assert_int_equal(postern_why()->code, POSTERN_REASON_NAME_IN_USE);

	assert_errno(postern_connect(NULL, w.loop, "x", NULL, &end_events, NULL), -EINVAL);
	assert_errno(postern_connect(&conn, NULL, "x", NULL, &end_events, NULL), -EINVAL);
	assert_errno(postern_connect(&conn, w.loop, NULL, NULL, &end_events, NULL), -EINVAL);
	assert_errno(postern_connect(&conn, w.loop, "a b", NULL, &end_events, NULL), -EINVAL);
	assert_errno(postern_connect(&conn, w.loop, "x", NULL, NULL, NULL), -EINVAL);
	assert_errno(postern_connect(&conn, w.loop, "x", NULL, &small, NULL), -EINVAL);

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_errno(postern_conn_adopt(NULL, w.loop, pair[0], NULL, &end_events, NULL), -EINVAL);
	assert_errno(postern_conn_adopt(&conn, NULL, pair[0], NULL, &end_events, NULL), -EINVAL);
	assert_errno(postern_conn_adopt(&conn, w.loop, -1, NULL, &end_events, NULL), -EINVAL);
	assert_errno(postern_conn_adopt(&conn, w.loop, 60000, NULL, &end_events, NULL), -EBADF);
	assert_errno(postern_conn_adopt(&conn, w.loop, pair[0], NULL, NULL, NULL), -EINVAL);
	assert_errno(postern_conn_adopt(&conn, w.loop, pair[0], NULL, &small, NULL), -EINVAL);
	close(pair[0]);
	close(pair[1]);

	assert_ptr_equal(server, (void *)state);
	assert_ptr_equal(conn, (void *)state);
	assert_ptr_equal(timer, (void *)state);
	assert_ptr_equal(watch, (void *)state);
	assert_ptr_equal(child, (void *)state);
	world_end(&w);
}

static void calls_with_nonsense_say_invalid(void **state)
{
	struct postern_conn_events small = { .size = 8 };
	struct iovec iov = { NULL, 1 };
	struct postern_timer *timer = NULL;
	struct world w;

	(void)state;
	world_begin(&w);
	world_connect(&w);
	assert_errno(postern_conn_write(w.client.conn, NULL, 1), -EINVAL);
	assert_errno(postern_conn_write(w.client.conn, "x", SIZE_MAX), -EINVAL);
	assert_int_equal(postern_conn_write(w.client.conn, NULL, 0), 0);
	assert_errno(postern_conn_writev(w.client.conn, NULL, 1), -EINVAL);
	assert_errno(postern_conn_writev(w.client.conn, &iov, 1), -EINVAL);
	assert_errno(postern_conn_writev(w.client.conn, &iov, 1025), -EINVAL);
	assert_int_equal(postern_conn_writev(w.client.conn, NULL, 0), 0);
	assert_errno(postern_conn_set_events(w.client.conn, NULL, NULL), -EINVAL);
	assert_errno(postern_conn_set_events(w.client.conn, &small, NULL), -EINVAL);
	assert_errno(postern_conn_peer(w.client.conn, NULL, 12), -EINVAL);
	assert_errno(postern_conn_peer_label(w.client.conn, NULL, 8), -EINVAL);
	assert_errno(postern_conn_peer_label(w.client.conn, w.client.last, 0), -EINVAL);
	assert_errno(postern_conn_get_counters(w.client.conn, NULL, 8), -EINVAL);
	assert_errno(postern_server_get_counters(w.server, NULL, 8), -EINVAL);
	assert_errno(postern_server_each(w.server, NULL, NULL), -EINVAL);
	assert_errno(postern_server_drain(w.server, -1), -EINVAL);
	assert_true(postern_server_fd(w.server) >= 0);
	assert_ok(postern_timer_new(&timer, w.loop, ticks_fire, NULL));
	assert_errno(postern_timer_set_periodic(timer, 0), -EINVAL);
	assert_errno(postern_timer_set_periodic(timer, INT64_MIN), -EINVAL);
	assert_null(postern_timer_free(timer));
	assert_ok(postern_loop_set_log(w.loop, NULL, NULL));
	assert_string_equal(postern_reason_text(0), postern_reason_text(INT_MAX));
	assert_string_equal(postern_reason_text(0), postern_reason_text(INT_MIN));
	world_end(&w);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(calls_with_null_say_invalid),
		TEST(waiting_and_framing_calls_with_null_say_invalid),
		TEST(thread_calls_with_null_say_invalid),
		TEST(constructors_with_nonsense_leave_the_result_alone),
		TEST(calls_with_nonsense_say_invalid),
	};

	return test_run(tests);
}
