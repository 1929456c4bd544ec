/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Defects:
 *  - the frame length of a client goes to realloc() without a bound;
 *  - the method name in a frame is compared as a string and has no terminator;
 *  - the client is freed right after uv_close(), while the loop still has its handle;
 *  - the connection to the store is used although connecting may have failed;
 *  - the result of uv_listen() is ignored.
 */
#include <arpa/inet.h>
#include <assert.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

typedef struct RpcClient {
	uv_pipe_t handle;
	uint8_t head[4];
	size_t headLen;
	char *body;
	size_t bodyLen;
	size_t bodyWant;
} RpcClient;

typedef struct RpcWrite {
	uv_write_t req;
	uv_buf_t buf;
} RpcWrite;

static struct {
	uv_loop_t *loop;
	uv_pipe_t listener;
	uv_pipe_t store;
	uv_connect_t storeConnect;
	uv_signal_t term;
	int storeReady;
	uint64_t calls;
} g;

static void RpcClient_Destroy(RpcClient *client)
{
	free(client->body);
	client->body = NULL;
	uv_close((uv_handle_t *)&client->handle, NULL);
	free(client); /* @L4 */
}

static void OnWritten(uv_write_t *req, int status)
{
	RpcWrite *w = (RpcWrite *)req;

	if (status < 0)
		fprintf(stderr, "rpcd: write: %s\n", uv_strerror(status));
	free(w->buf.base);
	free(w);
}

static void Send(uv_stream_t *to, const char *text)
{
	size_t len = strlen(text);
	uint32_t netLen = htonl((uint32_t)len);
	RpcWrite *w = malloc(sizeof(*w));

	if (!w)
		return;
	w->buf.base = malloc(len + 4);
	w->buf.len = len + 4;
	if (!w->buf.base) {
		free(w);
		return;
	}
	memcpy(w->buf.base, &netLen, 4);
	memcpy(w->buf.base + 4, text, len);
	if (uv_write(&w->req, to, &w->buf, 1, OnWritten) != 0) {
		free(w->buf.base);
		free(w);
	}
}

static void HandleCall(RpcClient *client)
{
	char answer[64];

	g.calls++;
	if (strcmp(client->body, "ping") == 0) { /* @N4 */
		Send((uv_stream_t *)&client->handle, "pong");
	} else if (client->bodyLen == 5 && memcmp(client->body, "calls", 5) == 0) {
		snprintf(answer, sizeof(answer), "%llu", (unsigned long long)g.calls);
		Send((uv_stream_t *)&client->handle, answer);
	} else if (client->bodyLen == 4 && memcmp(client->body, "sync", 4) == 0) {
		if (g.storeReady)
			Send((uv_stream_t *)&g.store, "sync");
		Send((uv_stream_t *)&client->handle, g.storeReady ? "ok" : "no store");
	} else {
		Send((uv_stream_t *)&client->handle, "unknown");
	}
}

/* Eats bytes of the stream; false when the client cannot be served any more. */
static int Feed(RpcClient *client, const char *data, size_t len)
{
	size_t part;

	while (len > 0) {
		if (client->headLen < 4) {
			client->head[client->headLen++] = (uint8_t)*data++;
			len--;
			if (client->headLen == 4) {
				uint32_t netLen;
				char *body;

				memcpy(&netLen, client->head, 4);
				client->bodyWant = ntohl(netLen);
				body = realloc(client->body, client->bodyWant + 1); /* @N5 */
				if (!body)
					return 0;
				client->body = body;
				client->bodyLen = 0;
			}
			continue;
		}
		part = client->bodyWant - client->bodyLen;
		if (part > len)
			part = len;
		memcpy(client->body + client->bodyLen, data, part);
		client->bodyLen += part;
		data += part;
		len -= part;
		if (client->bodyLen == client->bodyWant) {
			HandleCall(client);
			client->headLen = 0;
		}
	}
	return 1;
}

static void OnAlloc(uv_handle_t *handle, size_t hint, uv_buf_t *buf)
{
	static char shared[65536];

	(void)handle;
	(void)hint;
	*buf = uv_buf_init(shared, sizeof(shared));
}

static void OnRead(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	RpcClient *client = (RpcClient *)stream;

	if (n < 0 || !Feed(client, buf->base, (size_t)n))
		RpcClient_Destroy(client);
}

static void OnConnection(uv_stream_t *server, int status)
{
	RpcClient *client;

	if (status < 0)
		return;
	client = calloc(1, sizeof(*client));
	if (!client)
		abort();
	if (uv_pipe_init(g.loop, &client->handle, 0) != 0)
		abort();
	if (uv_accept(server, (uv_stream_t *)&client->handle) != 0 ||
	    uv_read_start((uv_stream_t *)&client->handle, OnAlloc, OnRead) != 0)
		RpcClient_Destroy(client);
}

static void OnStoreRead(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	(void)buf;
	if (n < 0) {
		fprintf(stderr, "rpcd: the store is gone: %s\n", uv_strerror((int)n));
		g.storeReady = 0;
		uv_close((uv_handle_t *)stream, NULL);
	}
}

static void OnStoreConnected(uv_connect_t *req, int status)
{
	(void)status;
	g.storeReady = 1;
	Send(req->handle, "hello"); /* @E2 */
	if (uv_read_start(req->handle, OnAlloc, OnStoreRead) != 0)
		g.storeReady = 0;
}

static void OnTerm(uv_signal_t *sig, int signum)
{
	(void)signum;
	uv_stop(sig->loop);
}

int main(int argc, char **argv)
{
	int r;

	if (argc != 3) {
		fprintf(stderr, "usage: rpcd SOCKET STORE\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	g.loop = uv_default_loop();
	if (uv_signal_init(g.loop, &g.term) != 0 || uv_signal_start(&g.term, OnTerm, SIGTERM) != 0)
		return 1;
	if (uv_pipe_init(g.loop, &g.listener, 0) != 0 || uv_pipe_init(g.loop, &g.store, 0) != 0)
		return 1;
	uv_pipe_connect(&g.storeConnect, &g.store, argv[2], OnStoreConnected);

	r = uv_pipe_bind(&g.listener, argv[1]);
	if (r != 0) {
		fprintf(stderr, "rpcd: %s: %s\n", argv[1], uv_strerror(r));
		return 1;
	}
	uv_listen((uv_stream_t *)&g.listener, 16, OnConnection); /* @E1 */

	uv_run(g.loop, UV_RUN_DEFAULT);
	uv_close((uv_handle_t *)&g.listener, NULL); /* unlinks the name */
	uv_run(g.loop, UV_RUN_NOWAIT);
	return 0;
}
