/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Defects:
 *  - without memory the accepted descriptor is left open;
 *  - the old name is unlinked without asking who listens there;
 *  - bufferevent_socket_new() may have given NULL when callbacks are set on it;
 *  - a frame's length, from the peer, decides how much is copied into a buffer of fixed size;
 *  - the pair is freed before its second half.
 */

// Relays framed messages between local clients and one upstream service, and counts them.

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>

#define FRAME_SIZE 2048
#define HIGH_WATER (256 * 1024)

struct frame_header {
    uint16_t kind;
    uint16_t reserved;
    uint32_t length;
};

struct pair {
    struct bufferevent *down; /* the client */
    struct bufferevent *up;   /* the service */
    unsigned long frames;
    unsigned char frame[sizeof(struct frame_header) + FRAME_SIZE];
};

static struct sockaddr_un upstream;
static unsigned long total;

static void pair_end(struct pair *p)
{
    total += p->frames;
    bufferevent_free(p->up);
    free(p);
    bufferevent_free(p->down); /* @L4 */
}

static void relay_frames(struct pair *p, struct bufferevent *from, struct bufferevent *to)
{
    struct evbuffer *in = bufferevent_get_input(from);
    struct frame_header h;
    size_t whole;

    while (evbuffer_copyout(in, &h, sizeof(h)) == (ev_ssize_t)sizeof(h)) {
        whole = sizeof(h) + ntohl(h.length);
        if (evbuffer_get_length(in) < whole)
            break;
        evbuffer_remove(in, p->frame, whole); /* @N5 */
        p->frames++;
        if (ntohs(h.kind) == 0)
            continue; /* keep-alive: for us only */
        bufferevent_write(to, p->frame, whole);
    }
}

static void down_read(struct bufferevent *bev, void *arg)
{
    struct pair *p = arg;

    relay_frames(p, bev, p->up);
}

static void up_read(struct bufferevent *bev, void *arg)
{
    struct pair *p = arg;

    relay_frames(p, bev, p->down);
}

static void any_event(struct bufferevent *bev, short what, void *arg)
{
    struct pair *p = arg;

    if (what & BEV_EVENT_CONNECTED) {
        bufferevent_enable(p->down, EV_READ);
        return;
    }
    if (what & BEV_EVENT_ERROR)
        fprintf(stderr, "relay: %s: %s\n", bev == p->up ? "service" : "client",
                evutil_socket_error_to_string(EVUTIL_SOCKET_ERROR()));
    if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR | BEV_EVENT_TIMEOUT))
        pair_end(p);
}

static void accepted(struct evconnlistener *lev, evutil_socket_t fd, struct sockaddr *sa,
                     int salen, void *arg)
{
    struct event_base *base = evconnlistener_get_base(lev);
    struct timeval idle = { 600, 0 };
    struct pair *p;

    (void)sa;
    (void)salen;
    (void)arg;

    p = calloc(1, sizeof(*p));
    if (p == NULL) {
        fprintf(stderr, "relay: out of memory\n");
        return; /* @L1 */
    }
    p->down = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
    if (p->down == NULL) {
        evutil_closesocket(fd);
        free(p);
        return;
    }
    p->up = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
    bufferevent_setcb(p->up, up_read, NULL, any_event, p); /* @E2 */
    bufferevent_setcb(p->down, down_read, NULL, any_event, p);
    bufferevent_setwatermark(p->up, EV_READ, 0, HIGH_WATER);
    bufferevent_setwatermark(p->down, EV_READ, 0, HIGH_WATER);
    bufferevent_set_timeouts(p->down, &idle, &idle);
    bufferevent_socket_connect(p->up, (struct sockaddr *)&upstream, sizeof(upstream)); /* @E1? */
    bufferevent_enable(p->up, EV_READ | EV_WRITE);
}

static void accept_failed(struct evconnlistener *lev, void *arg)
{
    (void)lev;
    (void)arg;
    fprintf(stderr, "relay: accept: %s\n",
            evutil_socket_error_to_string(EVUTIL_SOCKET_ERROR()));
    usleep(100000); /* until somebody leaves */
}

static void on_term(evutil_socket_t sig, short what, void *arg)
{
    (void)sig;
    (void)what;
    event_base_loopbreak(arg);
}

static int set_path(struct sockaddr_un *sun, const char *path)
{
    memset(sun, 0, sizeof(*sun));
    sun->sun_family = AF_UNIX;
    if (strlen(path) >= sizeof(sun->sun_path))
        return -1;
    strcpy(sun->sun_path, path);
    return 0;
}

int main(int argc, char **argv)
{
    struct event_base *base;
    struct evconnlistener *lev;
    struct event *term;
    struct sockaddr_un local;

    if (argc != 3 || set_path(&local, argv[1]) < 0 || set_path(&upstream, argv[2]) < 0) {
        fprintf(stderr, "usage: relay LOCAL UPSTREAM\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    base = event_base_new();
    if (base == NULL)
        return 1;
    term = evsignal_new(base, SIGTERM, on_term, base);
    if (term == NULL || event_add(term, NULL) < 0)
        return 1;
    unlink(argv[1]); /* @L5 */
    lev = evconnlistener_new_bind(base, accepted, NULL,
                                  LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 10,
                                  (struct sockaddr *)&local, sizeof(local));
    if (lev == NULL) {
        fprintf(stderr, "relay: %s: %s\n", argv[1], strerror(errno));
        return 1;
    }
    evconnlistener_set_error_cb(lev, accept_failed);

    event_base_dispatch(base);

    fprintf(stderr, "relay: %lu frames\n", total);
    evconnlistener_free(lev);
    unlink(argv[1]);
    event_free(term);
    event_base_free(base);
    return 0;
}
