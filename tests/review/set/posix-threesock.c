/* SPDX-License-Identifier: Apache-2.0 */
/* correct: three sockets are opened in a row and released by labels in the reverse order; the TCP
 * ones are closed through CLOSE(), which sets them to -1; a nonblocking read loop ends at EAGAIN
 * and goes back to epoll; freeaddrinfo() is on every way out. */

/* A relay: control clients on a local socket turn the copying of UDP samples to a collector on and
 * off. Macro style inherited from an older code base. */

#define _GNU_SOURCE
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <fcntl.h>
#include <unistd.h>

#define LOG(fmt, ...)   fprintf(stderr, "relay: " fmt "\n", ##__VA_ARGS__)
#define CLOSE(fd)       do { if ((fd) >= 0) { close(fd); (fd) = -1; } } while (0)
#define TRY(expr)       do { if ((expr) < 0) { LOG(#expr ": %s", strerror(errno)); goto fail; } } while (0)
#define RETRY(var, expr) do { (var) = (expr); } while ((var) < 0 && errno == EINTR)
#define MIN(a, b)       ((a) < (b) ? (a) : (b))

typedef struct relay {
    int   ep;
    int   ctl;          /* listens for control clients */
    int   udp;          /* samples come in */
    int   tcp;          /* and go out, when there is a collector */
    int   client;       /* one control client at a time */
    int   lock;
    int   forward;
    unsigned long seen, sent, lost;
    char  ctlpath[108];
    char  cmd[64];
    size_t cmdlen;
} relay_t;

static volatile sig_atomic_t done;

static void on_signal(int s) { (void) s; done = 1; }

static int lock_name(relay_t *r)
{
    char name[128];

    snprintf(name, sizeof name, "%s.lk", r->ctlpath);
    r->lock = open(name, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (r->lock < 0)
        return -1;
    return flock(r->lock, LOCK_EX | LOCK_NB);
}

static int watch(relay_t *r, int fd)
{
    struct epoll_event ev = { .events = EPOLLIN, .data.fd = fd };
    return epoll_ctl(r->ep, EPOLL_CTL_ADD, fd, &ev);
}

static int open_ctl(relay_t *r)
{
    struct sockaddr_un sun = { .sun_family = AF_UNIX };

    TRY(lock_name(r));
    unlink(r->ctlpath);
    memcpy(sun.sun_path, r->ctlpath, sizeof sun.sun_path);
    TRY(r->ctl = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    TRY(bind(r->ctl, (struct sockaddr *) &sun, sizeof sun));
    TRY(listen(r->ctl, 1));
    TRY(watch(r, r->ctl));
    return 0;
fail:
    CLOSE(r->ctl);
    return -1;
}

static int open_udp(relay_t *r, int port)
{
    struct sockaddr_in6 sin = { .sin6_family = AF_INET6, .sin6_port = htons((in_port_t) port) };
    int off = 0;

    TRY(r->udp = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    TRY(setsockopt(r->udp, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off));
    TRY(bind(r->udp, (struct sockaddr *) &sin, sizeof sin));
    TRY(watch(r, r->udp));
    return 0;
fail:
    CLOSE(r->udp);
    return -1;
}

static int open_tcp(relay_t *r, const char *host, const char *service)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list, *ai;
    struct timeval tv = { .tv_sec = 3 };
    int fd = -1, rc;

    rc = getaddrinfo(host, service, &hints, &list);
    if (rc != 0) {
        LOG("%s: %s", host, gai_strerror(rc));
        return -1;
    }
    for (ai = list; ai != NULL; ai = ai->ai_next) {
        fd = socket(ai->ai_family, ai->ai_socktype | SOCK_CLOEXEC, ai->ai_protocol);
        if (fd < 0)
            continue;
        if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv) == 0 &&
            connect(fd, ai->ai_addr, ai->ai_addrlen) == 0)
            break;
        CLOSE(fd);
    }
    freeaddrinfo(list);
    r->tcp = fd;
    return fd < 0 ? -1 : 0;
}

static void forward(relay_t *r, const char *data, size_t len)
{
    ssize_t n;

    while (len > 0) {
        RETRY(n, send(r->tcp, data, len, MSG_NOSIGNAL));
        if (n <= 0) {
            LOG("collector lost");
            CLOSE(r->tcp);
            r->forward = 0;
            return;
        }
        data += n;
        len -= (size_t) n;
    }
    r->sent++;
}

static void udp_ready(relay_t *r)
{
    char buf[2048];
    int budget = 64;
    ssize_t n;

    while (budget-- > 0) {
        n = recv(r->udp, buf, sizeof buf, 0);
        if (n < 0) {
            if (errno != EAGAIN && errno != EINTR)
                LOG("recv: %s", strerror(errno));
            return;
        }
        r->seen++;
        if (r->forward && r->tcp >= 0)
            forward(r, buf, MIN((size_t) n, sizeof buf));
        else
            r->lost++;
    }
}

static void say(relay_t *r, const char *text)
{
    size_t left = strlen(text);
    ssize_t n;

    /* Answers are far smaller than the socket's buffer: one that does not fit has a client that
     * never reads, and it loses its connection. */
    while (left > 0) {
        RETRY(n, send(r->client, text, left, MSG_NOSIGNAL | MSG_DONTWAIT));
        if (n < 0) {
            CLOSE(r->client);
            return;
        }
        text += n;
        left -= (size_t) n;
    }
}

static void command(relay_t *r, const char *cmd, char **av)
{
    char line[128];

    if (strcmp(cmd, "on") == 0) {
        if (r->tcp < 0 && open_tcp(r, av[2], av[3]) < 0) {
            say(r, "no collector\n");
            return;
        }
        r->forward = 1;
        say(r, "ok\n");
    } else if (strcmp(cmd, "off") == 0) {
        r->forward = 0;
        say(r, "ok\n");
    } else if (strcmp(cmd, "stat") == 0) {
        snprintf(line, sizeof line, "%lu %lu %lu\n", r->seen, r->sent, r->lost);
        say(r, line);
    } else {
        say(r, "?\n");
    }
}

static void client_ready(relay_t *r, char **av)
{
    char *nl;
    ssize_t n;

    n = recv(r->client, r->cmd + r->cmdlen, sizeof r->cmd - 1 - r->cmdlen, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        CLOSE(r->client);
        return;
    }
    r->cmdlen += (size_t) n;
    r->cmd[r->cmdlen] = '\0';
    while (r->client >= 0 && (nl = strchr(r->cmd, '\n')) != NULL) {
        *nl = '\0';
        command(r, r->cmd, av);
        r->cmdlen -= (size_t) (nl + 1 - r->cmd);
        memmove(r->cmd, nl + 1, r->cmdlen + 1);
    }
    if (r->cmdlen >= sizeof r->cmd - 1)
        CLOSE(r->client);
}

static void ctl_ready(relay_t *r)
{
    int fd = accept4(r->ctl, NULL, NULL, SOCK_CLOEXEC);

    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE)
            sleep(1);
        return;
    }
    CLOSE(r->client);       /* the newest client has the word */
    r->cmdlen = 0;
    if (watch(r, fd) < 0) {
        close(fd);
        return;
    }
    r->client = fd;
}

int main(int argc, char **argv)
{
    relay_t r = { .ep = -1, .ctl = -1, .udp = -1, .tcp = -1, .client = -1, .lock = -1 };
    struct sigaction sa = { .sa_handler = on_signal };
    struct epoll_event ev[4];
    int rc = 1, n, i;

    if (argc != 5 || strlen(argv[1]) >= sizeof r.ctlpath) {
        LOG("usage: relay SOCKET HOST PORT UDPPORT");
        return 2;
    }
    strcpy(r.ctlpath, argv[1]);
    sigaction(SIGTERM, &sa, NULL);
    sigaction(SIGINT, &sa, NULL);

    r.ep = epoll_create1(EPOLL_CLOEXEC);
    if (r.ep < 0)
        return 1;
    if (open_ctl(&r) < 0)
        goto no_ctl;
    if (open_udp(&r, atoi(argv[4])) < 0)
        goto no_udp;
    if (open_tcp(&r, argv[2], argv[3]) < 0)
        LOG("no collector yet");

    while (!done) {
        n = epoll_wait(r.ep, ev, 4, -1);
        if (n < 0 && errno != EINTR)
            break;
        for (i = 0; i < n; i++) {
            int fd = ev[i].data.fd;

            if (fd == r.udp)
                udp_ready(&r);
            else if (fd == r.ctl)
                ctl_ready(&r);
            else if (fd == r.client)
                client_ready(&r, argv);
        }
    }
    rc = 0;
    CLOSE(r.client);
    CLOSE(r.tcp);
    CLOSE(r.udp);
no_udp:
    unlink(r.ctlpath);
    CLOSE(r.ctl);
no_ctl:
    CLOSE(r.lock);
    close(r.ep);
    return rc;
}
