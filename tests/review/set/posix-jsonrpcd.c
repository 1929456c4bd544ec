/* SPDX-License-Identifier: Apache-2.0 */
/* correct: the accepted descriptor is handed to a detached thread, which closes it; on EMFILE a
 * spare descriptor is given up to turn the client away; the receive loop of a connection ends by
 * the idle time set in conn_setup(); argument memory is freed by the thread.
 */

/*
 *  jsonrpcd.c -- line-delimited JSON-RPC over a local socket; one thread for each client.
 *
 *  Only what the build farm needs: "echo", "uptime", "count".
 */

#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define MAX_LINE   8192
#define MAX_CONNS  64
#define IDLE_SECS  300

struct conn {
    int     fd;
    size_t  have;
    char    in[MAX_LINE + 1];
};

struct server {
    int          listen_fd;
    int          spare_fd;     /* given up to accept and close when there are no others */
    int          signal_fd;
    time_t       started;
    atomic_int   conns;
    atomic_ulong calls;
};

static struct server srv = { .listen_fd = -1, .spare_fd = -1, .signal_fd = -1 };

/* ------------------------------------------------------------------ output */

static int
conn_write(struct conn *c, const char *data, size_t len)
{
    while (len) {
        ssize_t w = send(c->fd, data, len, MSG_NOSIGNAL);
        if (w == -1) {
            if (errno == EINTR)
                continue;
            return -1;
        }
        data += w;
        len -= (size_t) w;
    }
    return 0;
}

static int
conn_reply(struct conn *c, long id, const char *json)
{
    char  *text = NULL;
    int    n, rc;

    n = asprintf(&text, "{\"jsonrpc\":\"2.0\",\"id\":%ld,%s}\n", id, json);
    if (n < 0)
        return -1;
    rc = conn_write(c, text, (size_t) n);
    free(text);
    return rc;
}

/* ----------------------------------------------------------------- parsing */

/* Copies the string value of a key; false if it is not there or is not a plain string. */
static int
json_string(const char *line, const char *key, char *out, size_t size)
{
    char        quoted[32];
    const char *p;
    size_t      n = 0;

    snprintf(quoted, sizeof quoted, "\"%s\"", key);
    p = strstr(line, quoted);
    if (p == NULL)
        return 0;
    p += strlen(quoted);
    while (isspace((unsigned char) *p) || *p == ':')
        p++;
    if (*p++ != '"')
        return 0;
    while (*p != '\0' && *p != '"') {
        if (*p == '\\' || n + 1 >= size)
            return 0;
        out[n++] = *p++;
    }
    out[n] = '\0';
    return *p == '"';
}

static long
json_long(const char *line, const char *key, long none)
{
    char        quoted[32];
    const char *p;

    snprintf(quoted, sizeof quoted, "\"%s\":", key);
    p = strstr(line, quoted);
    return p ? strtol(p + strlen(quoted), NULL, 10) : none;
}

static int
dispatch(struct conn *c, const char *line)
{
    char  method[32], text[1024], result[1100];
    long  id = json_long(line, "id", -1);

    atomic_fetch_add(&srv.calls, 1);
    if (!json_string(line, "method", method, sizeof method))
        return conn_reply(c, id, "\"error\":{\"code\":-32600}");
    if (!strcmp(method, "echo")) {
        if (!json_string(line, "text", text, sizeof text))
            return conn_reply(c, id, "\"error\":{\"code\":-32602}");
        snprintf(result, sizeof result, "\"result\":\"%s\"", text);
        return conn_reply(c, id, result);
    }
    if (!strcmp(method, "uptime")) {
        snprintf(result, sizeof result, "\"result\":%ld", (long) (time(NULL) - srv.started));
        return conn_reply(c, id, result);
    }
    if (!strcmp(method, "count")) {
        snprintf(result, sizeof result, "\"result\":%lu", atomic_load(&srv.calls));
        return conn_reply(c, id, result);
    }
    return conn_reply(c, id, "\"error\":{\"code\":-32601}");
}

/* ------------------------------------------------------------- connections */

static int
conn_setup(struct conn *c)
{
    struct timeval idle = { .tv_sec = IDLE_SECS }, slow = { .tv_sec = 5 };

    if (setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &idle, sizeof idle) == -1)
        return -1;
    return setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &slow, sizeof slow);
}

static void *
conn_main(void *arg)
{
    struct conn *c = arg;

    while (c->have < MAX_LINE) {
        char    *nl;
        ssize_t  r = recv(c->fd, c->in + c->have, MAX_LINE - c->have, 0);

        if (r == -1 && errno == EINTR)
            continue;
        if (r <= 0)
            break;
        c->have += (size_t) r;
        while ((nl = memchr(c->in, '\n', c->have)) != NULL) {
            *nl = '\0';
            if (dispatch(c, c->in) != 0)
                goto gone;
            c->have -= (size_t) (nl + 1 - c->in);
            memmove(c->in, nl + 1, c->have);
        }
    }
gone:
    close(c->fd);
    free(c);
    atomic_fetch_sub(&srv.conns, 1);
    return NULL;
}

static void
conn_start(int fd)
{
    pthread_attr_t  attr;
    pthread_t       tid;
    struct conn    *c;
    int             rc;

    c = calloc(1, sizeof *c);
    if (c == NULL) {
        close(fd);
        return;
    }
    c->fd = fd;
    if (conn_setup(c) == -1 || pthread_attr_init(&attr) != 0) {
        close(fd);
        free(c);
        return;
    }
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    atomic_fetch_add(&srv.conns, 1);
    rc = pthread_create(&tid, &attr, conn_main, c);
    pthread_attr_destroy(&attr);
    if (rc != 0) {
        atomic_fetch_sub(&srv.conns, 1);
        close(c->fd);
        free(c);
    }
}

static void
accept_ready(void)
{
    int fd = accept4(srv.listen_fd, NULL, NULL, SOCK_CLOEXEC);

    if (fd >= 0) {
        if (atomic_load(&srv.conns) >= MAX_CONNS)
            close(fd);
        else
            conn_start(fd);
        return;
    }
    if (errno == EMFILE || errno == ENFILE) {
        close(srv.spare_fd);
        fd = accept4(srv.listen_fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0)
            close(fd);
        else
            usleep(100000);
        srv.spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    }
}

/* -------------------------------------------------------------------- main */

static int
listen_on(const char *path)
{
    struct sockaddr_un  sun = { .sun_family = AF_UNIX };
    int                 fd;

    if (strlen(path) >= sizeof sun.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(sun.sun_path, path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd == -1)
        return -1;
    if (bind(fd, (struct sockaddr *) &sun, sizeof sun) == -1)
        goto failed;
    if (listen(fd, SOMAXCONN) == -1) {
        unlink(path);
        goto failed;
    }
    return fd;
failed:
    close(fd);
    return -1;
}

int
main(int argc, char **argv)
{
    struct pollfd  pfd[2];
    sigset_t       set;

    if (argc != 2) {
        fprintf(stderr, "usage: %s socket\n", argv[0]);
        return 2;
    }
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    srv.signal_fd = signalfd(-1, &set, SFD_CLOEXEC);
    srv.spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    srv.listen_fd = listen_on(argv[1]);
    srv.started = time(NULL);
    if (srv.signal_fd == -1 || srv.spare_fd == -1 || srv.listen_fd == -1) {
        perror(argv[1]);
        return 1;
    }
    pfd[0] = (struct pollfd) { .fd = srv.listen_fd, .events = POLLIN };
    pfd[1] = (struct pollfd) { .fd = srv.signal_fd, .events = POLLIN };
    for (;;) {
        if (poll(pfd, 2, -1) == -1) {
            if (errno == EINTR)
                continue;
            perror("poll");
            break;
        }
        if (pfd[1].revents)
            break;
        if (pfd[0].revents)
            accept_ready();
    }
    close(srv.listen_fd);
    unlink(argv[1]);
    return 0;
}
