/* SPDX-License-Identifier: Apache-2.0 */
/* correct: the bufferevent is created without a descriptor and opens, owns and closes its own; it is
 * freed once in session_drop(), also between attempts; attempts are counted; the record length that
 * the server sends is bounded before a byte of it is waited for. */
#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

static const unsigned MaxRecord = 64 * 1024;
static const int MaxAttempts = 6;

struct Session
{
    struct event_base *Base;
    struct bufferevent *Bev;
    struct event *Again;
    struct sockaddr_un Address;
    unsigned long Records;
    int Attempts;
    int Failed;
};

static void session_start(struct Session *S);

static void session_drop(struct Session *S)
{
    if (S->Bev)
    {
        bufferevent_free(S->Bev);
        S->Bev = NULL;
    }
}

static void session_fail(struct Session *S, const char *Why)
{
    struct timeval Delay = { 0, 200000 };

    session_drop(S);
    if (++S->Attempts >= MaxAttempts)
    {
        fprintf(stderr, "tail: %s\n", Why);
        S->Failed = 1;
        event_base_loopexit(S->Base, NULL);
        return;
    }
    Delay.tv_usec += 100000 * S->Attempts;
    if (evtimer_add(S->Again, &Delay) != 0)
    {
        S->Failed = 1;
        event_base_loopexit(S->Base, NULL);
    }
}

/* A record: length in network order, then text that is not terminated. */
static void on_read(struct bufferevent *Bev, void *Arg)
{
    struct Session *S = Arg;
    struct evbuffer *In = bufferevent_get_input(Bev);
    char Text[1024];
    uint32_t Length;
    size_t Part;

    for (;;)
    {
        if (evbuffer_copyout(In, &Length, sizeof Length) < (ev_ssize_t) sizeof Length)
            return;
        Length = ntohl(Length);
        if (Length > MaxRecord)
        {
            session_fail(S, "the server sends nonsense");
            return;
        }
        if (evbuffer_get_length(In) < sizeof Length + Length)
            return;
        evbuffer_drain(In, sizeof Length);
        while (Length > 0)
        {
            Part = Length < sizeof Text ? Length : sizeof Text;
            if (evbuffer_remove(In, Text, Part) != (int) Part)
                return;
            fwrite(Text, 1, Part, stdout);
            Length -= (uint32_t) Part;
        }
        putchar('\n');
        fflush(stdout);
        S->Records++;
        S->Attempts = 0;
    }
}

static void on_event(struct bufferevent *Bev, short What, void *Arg)
{
    struct Session *S = Arg;

    if (What & BEV_EVENT_CONNECTED)
    {
        if (bufferevent_enable(Bev, EV_READ) != 0 || bufferevent_write(Bev, "TAIL\n", 5) != 0)
            session_fail(S, "out of memory");
        return;
    }
    if (What & BEV_EVENT_EOF)
        session_fail(S, "the server closed the connection");
    else if (What & BEV_EVENT_TIMEOUT)
        session_fail(S, "no sign of life from the server");
    else if (What & BEV_EVENT_ERROR)
        session_fail(S, evutil_socket_error_to_string(EVUTIL_SOCKET_ERROR()));
}

static void on_again(evutil_socket_t Fd, short What, void *Arg)
{
    (void) Fd;
    (void) What;
    session_start(Arg);
}

static void session_start(struct Session *S)
{
    struct timeval Limit = { 90, 0 };

    S->Bev = bufferevent_socket_new(S->Base, -1, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
    if (!S->Bev)
    {
        session_fail(S, "out of memory");
        return;
    }
    bufferevent_setcb(S->Bev, on_read, NULL, on_event, S);
    bufferevent_set_timeouts(S->Bev, &Limit, &Limit);
    if (bufferevent_socket_connect(S->Bev, (struct sockaddr *) &S->Address, sizeof S->Address) < 0)
    {
        /* With deferred callbacks on_event may still come for a refusal that was seen at once, but
         * not after the bufferevent has been freed. */
        session_fail(S, evutil_socket_error_to_string(EVUTIL_SOCKET_ERROR()));
    }
}

int main(int argc, char **argv)
{
    struct Session S;

    memset(&S, 0, sizeof S);
    if (argc != 2 || strlen(argv[1]) >= sizeof S.Address.sun_path)
    {
        fprintf(stderr, "usage: tail SOCKET\n");
        return 2;
    }
    S.Address.sun_family = AF_UNIX;
    strcpy(S.Address.sun_path, argv[1]);

    signal(SIGPIPE, SIG_IGN);
    S.Base = event_base_new();
    if (!S.Base)
        return 1;
    S.Again = evtimer_new(S.Base, on_again, &S);
    if (!S.Again)
    {
        event_base_free(S.Base);
        return 1;
    }
    session_start(&S);
    event_base_dispatch(S.Base);

    session_drop(&S);
    event_free(S.Again);
    event_base_free(S.Base);
    fprintf(stderr, "tail: %lu records\n", S.Records);
    return S.Failed;
}
