/* SPDX-License-Identifier: Apache-2.0 */
/* correct: reconnection without a loop, a timer that starts the next attempt until the attempts
 * are used up; the pipe handle is closed before it is initialised again, in the close callback;
 * each buffer of alloc_cb is freed at the end of read_cb, on every way out of it. */

/*
 * Follows a player's event socket and prints one line for each change, for a status bar.
 */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

enum { ATTEMPTS = 8, FIRST_DELAY_MS = 250, IDLE_MS = 60 * 1000 };

static struct bar {
	uv_loop_t *loop;
	uv_pipe_t pipe;
	uv_connect_t connect;
	uv_timer_t timer;	/* the next attempt, or the limit of the present wait */
	uv_write_t subscribe;
	const char *path;
	int attempts;
	int status;
	bool again;
	char line[1024];
	size_t len;
} bar;

static void start(void);

static void shown(const char *line)
{
	printf("%s\n", line);
	fflush(stdout);
}

static void on_retry(uv_timer_t *timer)
{
	(void)timer;
	start();
}

static void on_pipe_closed(uv_handle_t *handle)
{
	(void)handle;
	if (!bar.again) {
		uv_close((uv_handle_t *)&bar.timer, NULL);
		return;
	}
	if (uv_timer_start(&bar.timer, on_retry, (uint64_t)FIRST_DELAY_MS << bar.attempts, 0) != 0)
		uv_close((uv_handle_t *)&bar.timer, NULL);
}

/* The one place where a connection ends, whatever ended it. */
static void finish(int err)
{
	if (uv_is_closing((uv_handle_t *)&bar.pipe))
		return;
	uv_timer_stop(&bar.timer);
	bar.len = 0;
	bar.again = ++bar.attempts < ATTEMPTS;
	if (!bar.again) {
		fprintf(stderr, "bar: %s: %s\n", bar.path, uv_strerror(err));
		bar.status = 1;
	}
	uv_close((uv_handle_t *)&bar.pipe, on_pipe_closed);
}

static void on_idle(uv_timer_t *timer)
{
	(void)timer;
	finish(UV_ETIMEDOUT);
}

static void alloc_cb(uv_handle_t *handle, size_t hint, uv_buf_t *buf)
{
	(void)handle;
	buf->base = malloc(hint);
	buf->len = buf->base ? hint : 0;
}

static void take(const char *data, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (data[i] == '\n') {
			bar.line[bar.len] = '\0';
			shown(bar.line);
			bar.len = 0;
		} else if (bar.len + 1 < sizeof(bar.line)) {
			bar.line[bar.len++] = data[i];
		}
	}
}

static void read_cb(uv_stream_t *stream, ssize_t nread, const uv_buf_t *buf)
{
	(void)stream;
	if (nread < 0) {
		finish((int)nread);
		goto out;
	}
	if (nread == 0)
		goto out;
	bar.attempts = 0; /* a server that talks may go away again later */
	uv_timer_again(&bar.timer);
	take(buf->base, (size_t)nread);
out:
	free(buf->base);
}

static void write_cb(uv_write_t *req, int status)
{
	(void)req;
	if (status < 0 && status != UV_ECANCELED)
		finish(status);
}

static void connect_cb(uv_connect_t *req, int status)
{
	static char hello[] = "subscribe player\n";
	uv_buf_t buf = uv_buf_init(hello, sizeof(hello) - 1);
	int r;

	if (status == UV_ECANCELED)
		return;
	if (status < 0) {
		finish(status);
		return;
	}
	r = uv_write(&bar.subscribe, req->handle, &buf, 1, write_cb);
	if (r == 0)
		r = uv_read_start(req->handle, alloc_cb, read_cb);
	if (r == 0)
		r = uv_timer_start(&bar.timer, on_idle, IDLE_MS, IDLE_MS);
	if (r != 0)
		finish(r);
}

static void start(void)
{
	int r = uv_pipe_init(bar.loop, &bar.pipe, 0);

	if (r != 0) {
		fprintf(stderr, "bar: %s\n", uv_strerror(r));
		bar.status = 1;
		uv_close((uv_handle_t *)&bar.timer, NULL);
		return;
	}
	uv_pipe_connect(&bar.connect, &bar.pipe, bar.path, connect_cb);
}

int main(int argc, char *argv[])
{
	if (argc != 2) {
		fputs("usage: barclient SOCKET\n", stderr);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	bar.path = argv[1];
	bar.loop = uv_default_loop();
	if (uv_timer_init(bar.loop, &bar.timer) != 0)
		return 1;
	start();
	uv_run(bar.loop, UV_RUN_DEFAULT);
	if (uv_loop_close(bar.loop) != 0)
		return 1;
	return bar.status;
}
