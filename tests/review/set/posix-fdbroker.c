/* SPDX-License-Identifier: Apache-2.0 */
/* correct: descriptors come in through SCM_RIGHTS and leave again; every owner that gives one away
 * sets its variable to -1, and the cleanup attribute closes the rest; one sendmsg() is whole on
 * SOCK_SEQPACKET; the count that came from the peer is checked against the array by lengthof(). */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <signal.h>
#include <unistd.h>

#define lengthof(a) (sizeof(a) / sizeof((a)[0]))
#define auto_close  __attribute__((cleanup(closep)))

enum op { OP_PUT = 1, OP_GET = 2, OP_DROP = 3 };

struct request {
        uint32_t op;
        uint32_t slot;
};

struct answer {
        int32_t error;
};

static int slots[32];

static void closep(int *fd) {
        if (*fd >= 0) {
                int saved = errno;

                close(*fd);
                errno = saved;
        }
}

static inline int steal_fd(int *fd) {
        int r = *fd;

        *fd = -1;
        return r;
}

/* Takes over what it returns: the caller closes or stores it. -1 if none came. */
static int receive(int sock, struct request *req, int *ret_fd) {
        union {
                char buf[CMSG_SPACE(sizeof(int))];
                struct cmsghdr align;
        } control;
        struct iovec iov = { .iov_base = req, .iov_len = sizeof(*req) };
        struct msghdr msg = {
                .msg_iov = &iov,
                .msg_iovlen = 1,
                .msg_control = &control,
                .msg_controllen = CMSG_LEN(sizeof(int)), /* room for one, no padding for a second */
        };
        struct cmsghdr *c;
        auto_close int fd = -1;
        ssize_t n;

        n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
        if (n < 0)
                return -errno;
        for (c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c))
                if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
                    c->cmsg_len == CMSG_LEN(sizeof(int)))
                        memcpy(&fd, CMSG_DATA(c), sizeof(int));
        if (n == 0)
                return -ECONNRESET;
        if ((size_t)n != sizeof(*req) || (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)))
                return -EBADMSG;
        *ret_fd = steal_fd(&fd);
        return 0;
}

static int reply(int sock, int error, int fd) {
        struct answer a = { .error = error };
        union {
                char buf[CMSG_SPACE(sizeof(int))];
                struct cmsghdr align;
        } control;
        struct iovec iov = { .iov_base = &a, .iov_len = sizeof(a) };
        struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

        if (fd >= 0) {
                struct cmsghdr *c;

                memset(&control, 0, sizeof(control));
                msg.msg_control = &control;
                msg.msg_controllen = sizeof(control);
                c = CMSG_FIRSTHDR(&msg);
                c->cmsg_level = SOL_SOCKET;
                c->cmsg_type = SCM_RIGHTS;
                c->cmsg_len = CMSG_LEN(sizeof(int));
                memcpy(CMSG_DATA(c), &fd, sizeof(int));
        }
        if (sendmsg(sock, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
                return -errno;
        return 0;
}

static int handle(int sock) {
        auto_close int fd = -1;
        struct request req;
        int r;

        r = receive(sock, &req, &fd);
        if (r == -EAGAIN || r == -EINTR)
                return 0;
        if (r < 0)
                return r;
        if (req.slot >= lengthof(slots))
                return reply(sock, EINVAL, -1);

        switch (req.op) {
        case OP_PUT:
                if (fd < 0)
                        return reply(sock, EBADF, -1);
                if (slots[req.slot] >= 0)
                        return reply(sock, EEXIST, -1);
                slots[req.slot] = steal_fd(&fd);
                return reply(sock, 0, -1);
        case OP_GET:
                if (slots[req.slot] < 0)
                        return reply(sock, ENOENT, -1);
                return reply(sock, 0, slots[req.slot]);
        case OP_DROP:
                if (slots[req.slot] >= 0) {
                        close(slots[req.slot]);
                        slots[req.slot] = -1;
                }
                return reply(sock, 0, -1);
        }
        return reply(sock, ENOSYS, -1);
}

static int watch(int ep, int fd) {
        struct epoll_event ev = { .events = EPOLLIN, .data.fd = fd };

        return epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}

static void welcome(int ep, int listener) {
        auto_close int fd = -1;
        struct ucred peer;
        socklen_t len = sizeof(peer);

        fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0) {
                if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
                        usleep(50 * 1000);
                return;
        }
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 || peer.uid != getuid())
                return;
        if (watch(ep, fd) < 0)
                return;
        steal_fd(&fd); /* the epoll set keeps it until the client leaves */
}

static int listen_at(const char *name) {
        struct sockaddr_un sun = { .sun_family = AF_UNIX };
        auto_close int fd = -1;
        size_t len = strlen(name);

        /* Abstract: nothing to unlink, and the kernel frees the name with the process. */
        if (len + 1 > sizeof(sun.sun_path))
                return -ENAMETOOLONG;
        memcpy(sun.sun_path + 1, name, len);
        fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        if (bind(fd, (struct sockaddr *)&sun,
                 (socklen_t)(sizeof(sa_family_t) + 1 + len)) < 0)
                return -errno;
        if (listen(fd, 16) < 0)
                return -errno;
        return steal_fd(&fd);
}

static int run(int listener, int signals) {
        auto_close int ep = epoll_create1(EPOLL_CLOEXEC);
        struct epoll_event evs[8];
        int r, n, i;

        if (ep < 0)
                return -errno;
        if ((r = watch(ep, listener)) < 0 || (r = watch(ep, signals)) < 0)
                return r;
        for (;;) {
                n = epoll_wait(ep, evs, lengthof(evs), -1);
                if (n < 0 && errno != EINTR)
                        return -errno;
                for (i = 0; i < n; i++) {
                        int fd = evs[i].data.fd;

                        if (fd == signals)
                                return 0;
                        if (fd == listener)
                                welcome(ep, listener);
                        else if (handle(fd) < 0)
                                close(fd); /* leaves the epoll set with it */
                }
        }
}

int main(int argc, char *argv[]) {
        auto_close int listener = -1, signals = -1;
        sigset_t set;
        size_t i;
        int r;

        for (i = 0; i < lengthof(slots); i++)
                slots[i] = -1;
        sigemptyset(&set);
        sigaddset(&set, SIGTERM);
        sigaddset(&set, SIGINT);
        sigprocmask(SIG_BLOCK, &set, NULL);

        signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        if (signals < 0) {
                perror("signalfd");
                return EXIT_FAILURE;
        }
        listener = listen_at(argc > 1 ? argv[1] : "fdbroker");
        if (listener < 0) {
                fprintf(stderr, "fdbroker: %s\n", strerror(-listener));
                return EXIT_FAILURE;
        }
        r = run(listener, signals);
        if (r < 0)
                fprintf(stderr, "fdbroker: %s\n", strerror(-r));
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
