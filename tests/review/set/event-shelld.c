/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Defects:
 *  - the listener (and with it each accepted socket) is inherited by the commands;
 *  - the listener may be NULL when the error callback is set;
 *  - the bufferevent does not own its descriptor, and nobody else closes it;
 *  - a line that does not begin with a known word is not freed;
 *  - the rest of a line goes to popen();
 *  - an accept() that fails for want of descriptors ends the server.
 */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <event2/util.h>

struct context {
	struct event_base *base;
	struct evconnlistener *listener;
	const char *path;
	int clients;
};

static const int max_clients = 8;
static const size_t max_line = 1000;

static void free_client(struct bufferevent *bev, struct context *ctx)
{
	ctx->clients--;
	bufferevent_free(bev);
}

static void run(struct bufferevent *bev, const char *args)
{
	struct evbuffer *out = bufferevent_get_output(bev);
	char cmd[1100], chunk[512];
	size_t n;
	FILE *p;
	int status;

	snprintf(cmd, sizeof(cmd), "/usr/libexec/shelld/query %s 2>&1", args);
	p = popen(cmd, "r"); /* @N2 */
	if (!p) {
		evbuffer_add_printf(out, "error %s\n", strerror(errno));
		return;
	}
	while ((n = fread(chunk, 1, sizeof(chunk), p)) > 0)
		evbuffer_add(out, chunk, n);
	status = pclose(p);
	evbuffer_add_printf(out, "status %d\n", WEXITSTATUS(status));
}

static void read_cb(struct bufferevent *bev, void *arg)
{
	struct context *ctx = arg;
	struct evbuffer *in = bufferevent_get_input(bev);
	char *line;

	for (;;) {
		line = evbuffer_readln(in, NULL, EVBUFFER_EOL_CRLF);
		if (!line)
			break;
		if (strncmp(line, "query ", 6) == 0 && strlen(line) < max_line) {
			run(bev, line + 6);
		} else if (strcmp(line, "clients") == 0) {
			evbuffer_add_printf(bufferevent_get_output(bev), "%d\n", ctx->clients);
		} else {
			evbuffer_add_printf(bufferevent_get_output(bev), "error\n");
			continue; /* @L7 */
		}
		free(line);
	}
	if (evbuffer_get_length(in) > max_line)
		free_client(bev, ctx);
}

static void event_cb(struct bufferevent *bev, short events, void *arg)
{
	struct context *ctx = arg;

	if (events & BEV_EVENT_ERROR)
		perror("shelld: client");
	if (events & (BEV_EVENT_EOF | BEV_EVENT_ERROR | BEV_EVENT_TIMEOUT))
		free_client(bev, ctx);
}

static void accept_conn_cb(struct evconnlistener *listener, evutil_socket_t fd,
			   struct sockaddr *address, int socklen, void *arg)
{
	struct context *ctx = arg;
	struct timeval idle = { 300, 0 };
	struct bufferevent *bev;

	(void)address;
	(void)socklen;
	if (ctx->clients >= max_clients) {
		evutil_closesocket(fd);
		return;
	}
	bev = bufferevent_socket_new(evconnlistener_get_base(listener), fd, 0); /* @L3 */
	if (!bev) {
		evutil_closesocket(fd);
		return;
	}
	ctx->clients++;
	bufferevent_setcb(bev, read_cb, NULL, event_cb, ctx);
	bufferevent_set_timeouts(bev, &idle, NULL);
	bufferevent_enable(bev, EV_READ | EV_WRITE);
}

static void accept_error_cb(struct evconnlistener *listener, void *arg)
{
	struct event_base *base = evconnlistener_get_base(listener);
	int err = EVUTIL_SOCKET_ERROR();

	(void)arg;
	fprintf(stderr, "shelld: got an error %d (%s) on the listener\n", err,
		evutil_socket_error_to_string(err));
	event_base_loopexit(base, NULL); /* @E7 */
}

static void term_cb(evutil_socket_t sig, short events, void *arg)
{
	struct context *ctx = arg;

	(void)sig;
	(void)events;
	event_base_loopbreak(ctx->base);
}

static void start_listening(struct context *ctx)
{
	struct sockaddr_un sun;

	memset(&sun, 0, sizeof(sun));
	sun.sun_family = AF_UNIX;
	strncpy(sun.sun_path, ctx->path, sizeof(sun.sun_path) - 1);

	ctx->listener = evconnlistener_new_bind(ctx->base, accept_conn_cb, ctx, /* @L6 */
						LEV_OPT_CLOSE_ON_FREE, -1,
						(struct sockaddr *)&sun, sizeof(sun));
	evconnlistener_set_error_cb(ctx->listener, accept_error_cb); /* @E2 */
}

int main(int argc, char **argv)
{
	struct context ctx = { .path = "/run/shelld" };
	struct event *term;

	if (argc > 1)
		ctx.path = argv[1];
	signal(SIGPIPE, SIG_IGN);
	ctx.base = event_base_new();
	if (!ctx.base)
		return 1;
	term = evsignal_new(ctx.base, SIGTERM, term_cb, &ctx);
	if (!term || event_add(term, NULL) != 0)
		return 1;
	start_listening(&ctx);
	event_base_dispatch(ctx.base);

	evconnlistener_free(ctx.listener);
	unlink(ctx.path);
	event_free(term);
	event_base_free(ctx.base);
	return 0;
}
