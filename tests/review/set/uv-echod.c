/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Defects:
 *  - the old name is unlinked without asking who listens there;
 *  - the result of uv_pipe_bind() is ignored;
 *  - a connection that ends is stopped but never closed, nor is its handle freed;
 *  - the read buffer leaks when a connection ends;
 *  - the write request is never freed.
 */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#define DEFAULT_SOCK "/tmp/echod.sock"
#define BACKLOG 32

#define CHECK(call, what)                                           \
    do {                                                            \
        int r_ = (call);                                            \
        if (r_) {                                                   \
            fprintf(stderr, "%s: [%s] %s\n", what, uv_err_name(r_), \
                    uv_strerror(r_));                               \
            exit(1);                                                \
        }                                                           \
    } while (0)

typedef struct {
    unsigned long connections;
    unsigned long bytes;
} stats_t;

static uv_loop_t *loop;
static stats_t stats;
static const char *sockname = DEFAULT_SOCK;

static void alloc_buffer(uv_handle_t *handle, size_t suggested_size, uv_buf_t *buf)
{
    (void)handle;
    buf->base = malloc(suggested_size);
    buf->len = buf->base ? suggested_size : 0;
}

static void on_write(uv_write_t *req, int status)
{
    if (status < 0)
        fprintf(stderr, "write: %s\n", uv_strerror(status));
    free(req->data);
}

static void on_read(uv_stream_t *client, ssize_t nread, const uv_buf_t *buf)
{
    uv_write_t *req;
    uv_buf_t out;
    int r;

    if (nread < 0) {
        if (nread != UV_EOF)
            fprintf(stderr, "read: %s\n", uv_strerror((int)nread));
        uv_read_stop(client);
        return; /* @L7 */
    }
    if (nread == 0) {
        free(buf->base);
        return;
    }
    stats.bytes += (unsigned long)nread;

    req = malloc(sizeof(*req)); /* @L7 */
    if (req == NULL) {
        free(buf->base);
        return;
    }
    req->data = buf->base;
    out = uv_buf_init(buf->base, (unsigned)nread);
    r = uv_write(req, client, &out, 1, on_write);
    if (r < 0) {
        fprintf(stderr, "uv_write: %s\n", uv_strerror(r));
        free(buf->base);
        free(req);
    }
}

static void on_closed(uv_handle_t *handle)
{
    free(handle);
}

static void on_new_connection(uv_stream_t *server, int status)
{
    uv_pipe_t *client;

    if (status < 0) {
        fprintf(stderr, "connection: %s\n", uv_strerror(status));
        return;
    }
    client = malloc(sizeof(uv_pipe_t));
    if (client == NULL)
        abort();
    CHECK(uv_pipe_init(loop, client, 0), "pipe_init");
    if (uv_accept(server, (uv_stream_t *)client) == 0) { /* @L3 */
        stats.connections++;
        CHECK(uv_read_start((uv_stream_t *)client, alloc_buffer, on_read), "read_start");
    } else {
        uv_close((uv_handle_t *)client, on_closed);
    }
}

static void on_stats(uv_timer_t *timer)
{
    (void)timer;
    fprintf(stderr, "%lu connections, %lu bytes\n", stats.connections, stats.bytes);
}

static void on_signal(uv_signal_t *handle, int signum)
{
    fprintf(stderr, "signal %d\n", signum);
    uv_stop(handle->loop);
}

int main(int argc, char **argv)
{
    uv_pipe_t server;
    uv_signal_t sigterm;
    uv_timer_t timer;

    if (argc > 1)
        sockname = argv[1];
    signal(SIGPIPE, SIG_IGN);
    loop = uv_default_loop();

    CHECK(uv_signal_init(loop, &sigterm), "signal_init");
    CHECK(uv_signal_start(&sigterm, on_signal, SIGTERM), "signal_start");
    CHECK(uv_timer_init(loop, &timer), "timer_init");
    CHECK(uv_timer_start(&timer, on_stats, 60000, 60000), "timer_start");

    CHECK(uv_pipe_init(loop, &server, 0), "pipe_init");
    unlink(sockname); /* @L5 */
    uv_pipe_bind(&server, sockname); /* @E1 */
    CHECK(uv_listen((uv_stream_t *)&server, BACKLOG, on_new_connection), "listen");

    uv_run(loop, UV_RUN_DEFAULT);
    unlink(sockname);
    return 0;
}
