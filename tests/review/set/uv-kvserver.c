/* SPDX-License-Identifier: Apache-2.0 */
/* correct: the name is bound and no unlink() is to be seen, since libuv removes it when the pipe
 * handle is closed; clients are freed in the close callback, write requests and their text in the
 * write callback; the read buffer belongs to the client; SIGPIPE is ignored in main(). */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define MAX_LINE 512
#define MAX_KEYS 128

typedef struct client_s client_t;
typedef struct reply_s reply_t;

struct client_s {
  uv_pipe_t pipe;
  size_t used;
  char line[MAX_LINE];
};

struct reply_s {
  uv_write_t req;
  uv_buf_t buf;
  char text[];
};

typedef struct {
  char key[64];
  char value[256];
} entry_t;

static entry_t store[MAX_KEYS];
static uv_pipe_t server;
static uv_signal_t on_term, on_int;

#define CLIENT(handle) ((client_t*) (handle)->data)

static void client_closed(uv_handle_t* handle) {
  free(CLIENT(handle));
}

static void client_close(client_t* c) {
  if (!uv_is_closing((uv_handle_t*) &c->pipe))
    uv_close((uv_handle_t*) &c->pipe, client_closed);
}

static void reply_done(uv_write_t* req, int status) {
  reply_t* r = (reply_t*) req->data;
  client_t* c = CLIENT(req->handle);

  free(r);
  if (status < 0)
    client_close(c);
}

static void reply(client_t* c, const char* status, const char* text) {
  size_t len = strlen(status) + strlen(text) + 2;
  reply_t* r = malloc(sizeof(*r) + len + 1);

  if (r == NULL) {
    client_close(c);
    return;
  }
  snprintf(r->text, len + 1, "%s %s\n", status, text);
  r->buf = uv_buf_init(r->text, (unsigned) len);
  r->req.data = r;
  if (uv_write(&r->req, (uv_stream_t*) &c->pipe, &r->buf, 1, reply_done) != 0) {
    free(r);
    client_close(c);
  }
}

static entry_t* find(const char* key, int create) {
  entry_t* empty = NULL;
  int i;

  for (i = 0; i < MAX_KEYS; i++) {
    if (store[i].key[0] == '\0') {
      if (empty == NULL)
        empty = &store[i];
    } else if (strcmp(store[i].key, key) == 0) {
      return &store[i];
    }
  }
  if (create && empty != NULL)
    snprintf(empty->key, sizeof(empty->key), "%s", key);
  return create ? empty : NULL;
}

static void execute(client_t* c, char* line) {
  char* verb = line;
  char* key = strchr(verb, ' ');
  char* value = NULL;
  entry_t* e;

  if (key == NULL || strlen(key + 1) == 0) {
    reply(c, "err", "usage");
    return;
  }
  *key++ = '\0';
  value = strchr(key, ' ');
  if (value != NULL)
    *value++ = '\0';
  if (strlen(key) >= sizeof(e->key)) {
    reply(c, "err", "key");
    return;
  }
  if (strcmp(verb, "get") == 0) {
    e = find(key, 0);
    reply(c, e ? "ok" : "none", e ? e->value : "");
  } else if (strcmp(verb, "set") == 0 && value != NULL) {
    if (strlen(value) >= sizeof(e->value) || (e = find(key, 1)) == NULL) {
      reply(c, "err", "full");
      return;
    }
    strcpy(e->value, value);
    reply(c, "ok", "");
  } else if (strcmp(verb, "del") == 0) {
    e = find(key, 0);
    if (e != NULL)
      memset(e, 0, sizeof(*e));
    reply(c, e ? "ok" : "none", "");
  } else {
    reply(c, "err", "verb");
  }
}

static void client_alloc(uv_handle_t* handle, size_t suggested, uv_buf_t* buf) {
  client_t* c = CLIENT(handle);

  (void) suggested;
  /* Nothing left means a line longer than any command: libuv then reports UV_ENOBUFS. */
  *buf = uv_buf_init(c->line + c->used, (unsigned) (sizeof(c->line) - c->used));
}

static void client_read(uv_stream_t* stream, ssize_t nread, const uv_buf_t* buf) {
  client_t* c = CLIENT(stream);
  char* nl;

  (void) buf;
  if (nread < 0) {
    client_close(c);
    return;
  }
  c->used += (size_t) nread;
  while (!uv_is_closing((uv_handle_t*) stream) &&
         (nl = memchr(c->line, '\n', c->used)) != NULL) {
    *nl = '\0';
    execute(c, c->line);
    c->used -= (size_t) (nl + 1 - c->line);
    memmove(c->line, nl + 1, c->used);
  }
}

static void new_client(uv_stream_t* srv, int status) {
  client_t* c;

  if (status < 0) {
    fprintf(stderr, "kvserver: %s\n", uv_strerror(status));
    return;
  }
  c = calloc(1, sizeof(*c));
  if (c == NULL || uv_pipe_init(srv->loop, &c->pipe, 0) != 0) {
    /* Without uv_accept() libuv would never listen again: better to be restarted. */
    fprintf(stderr, "kvserver: out of memory\n");
    abort();
  }
  c->pipe.data = c;
  if (uv_accept(srv, (uv_stream_t*) &c->pipe) != 0 ||
      uv_read_start((uv_stream_t*) &c->pipe, client_alloc, client_read) != 0)
    client_close(c);
}

static void close_handle(uv_handle_t* handle, void* arg) {
  (void) arg;
  if (uv_is_closing(handle))
    return;
  if (handle->type == UV_NAMED_PIPE && handle != (uv_handle_t*) &server)
    client_close(CLIENT(handle));
  else
    uv_close(handle, NULL);
}

static void stop(uv_signal_t* sig, int signum) {
  (void) signum;
  uv_walk(sig->loop, close_handle, NULL);
}

int main(int argc, char** argv) {
  uv_loop_t* loop = uv_default_loop();
  int r;

  if (argc != 2) {
    fprintf(stderr, "usage: kvserver PATH\n");
    return 2;
  }
  signal(SIGPIPE, SIG_IGN);

  if (uv_pipe_init(loop, &server, 0) != 0)
    return 1;
  if ((r = uv_pipe_bind(&server, argv[1])) != 0) {
    fprintf(stderr, "kvserver: bind %s: %s\n", argv[1], uv_strerror(r));
    return 1;
  }
  if ((r = uv_listen((uv_stream_t*) &server, 64, new_client)) != 0 ||
      (r = uv_signal_init(loop, &on_term)) != 0 ||
      (r = uv_signal_init(loop, &on_int)) != 0 ||
      (r = uv_signal_start(&on_term, stop, SIGTERM)) != 0 ||
      (r = uv_signal_start(&on_int, stop, SIGINT)) != 0) {
    fprintf(stderr, "kvserver: %s\n", uv_strerror(r));
    uv_walk(loop, close_handle, NULL);
    uv_run(loop, UV_RUN_DEFAULT);
    return 1;
  }
  uv_run(loop, UV_RUN_DEFAULT);
  return uv_loop_close(loop) == 0 ? 0 : 1;
}
