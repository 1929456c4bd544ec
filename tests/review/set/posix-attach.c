/* SPDX-License-Identifier: Apache-2.0 */
/* correct: the poll without a limit is the terminal's event loop; the socket is kept in a static
 * struct and closed by the exit; SIGPIPE is ignored in setup_signals(); the connect loop ends by a
 * counter; sockaddr length is checked by a macro. */

/*
 * reattach: puts this terminal on a session that runs behind a socket. Packets of fixed size go
 * to the session, its output comes back as it is.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum pkt_type { PKT_TEXT, PKT_ATTACH, PKT_DETACH, PKT_RESIZE };

typedef struct {
    unsigned char type;
    unsigned char len;
    union {
        char text[sizeof(struct winsize)];
        struct winsize ws;
    } u;
} Packet;

#define ARRAY_FITS(dst, src) (strlen(src) < sizeof(dst))
#define DETACH_KEY           0x1c /* ctrl-backslash */

static struct {
    int socket;
    bool raw;
    struct termios saved;
    volatile sig_atomic_t resized;
    volatile sig_atomic_t stop;
} session = { .socket = -1 };

static void restore_terminal(void)
{
    if (session.raw)
        tcsetattr(STDIN_FILENO, TCSADRAIN, &session.saved);
    session.raw = false;
}

__attribute__((noreturn)) static void bail(const char *what)
{
    int err = errno;

    restore_terminal();
    fprintf(stderr, "reattach: %s: %s\n", what, strerror(err));
    exit(EXIT_FAILURE);
}

static void sig_winch(int signo)
{
    (void)signo;
    session.resized = 1;
}

static void sig_stop(int signo)
{
    (void)signo;
    session.stop = 1;
}

static void setup_signals(void)
{
    struct sigaction sa;

    memset(&sa, 0, sizeof sa);
    sigemptyset(&sa.sa_mask);
    sa.sa_handler = sig_winch;
    sigaction(SIGWINCH, &sa, NULL);
    sa.sa_handler = sig_stop;
    sigaction(SIGTERM, &sa, NULL);
    sigaction(SIGHUP, &sa, NULL);
    sa.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &sa, NULL);
}

static bool write_all(int fd, const void *data, size_t len)
{
    const char *p = data;

    while (len > 0) {
        ssize_t done = write(fd, p, len);

        if (done < 0) {
            if (errno == EINTR)
                continue;
            if (errno == EAGAIN) {
                struct pollfd pfd = { .fd = fd, .events = POLLOUT };

                if (poll(&pfd, 1, 5000) == 0)
                    return false;
                continue;
            }
            return false;
        }
        p += done;
        len -= (size_t)done;
    }
    return true;
}

static bool send_packet(enum pkt_type type, const void *body, size_t len)
{
    Packet pkt;

    memset(&pkt, 0, sizeof pkt);
    pkt.type = (unsigned char)type;
    pkt.len = (unsigned char)len;
    if (len)
        memcpy(&pkt.u, body, len);
    return write_all(session.socket, &pkt, sizeof pkt);
}

static bool send_size(void)
{
    struct winsize ws;

    if (ioctl(STDIN_FILENO, TIOCGWINSZ, &ws) < 0)
        return true;
    return send_packet(PKT_RESIZE, &ws, sizeof ws);
}

/* The session may be just starting: a few attempts, then it is not there. */
static int session_connect(const char *name)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int attempts = 20;

    if (!ARRAY_FITS(addr.sun_path, name)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(addr.sun_path, name);

    while (attempts-- > 0) {
        int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        int err;

        if (s < 0)
            return -1;
        if (connect(s, (struct sockaddr *)&addr, sizeof addr) == 0)
            return s;
        err = errno;
        close(s);
        errno = err;
        if (err != ENOENT && err != ECONNREFUSED && err != EINTR)
            return -1;
        nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
        errno = err;
    }
    return -1;
}

static void raw_terminal(void)
{
    struct termios t;

    if (tcgetattr(STDIN_FILENO, &session.saved) < 0)
        bail("not a terminal");
    t = session.saved;
    cfmakeraw(&t);
    t.c_cc[VMIN] = 1;
    t.c_cc[VTIME] = 0;
    if (tcsetattr(STDIN_FILENO, TCSADRAIN, &t) < 0)
        bail("tcsetattr");
    session.raw = true;
    atexit(restore_terminal);
}

/* Returns false when the session or the terminal is gone. */
static bool from_session(void)
{
    char buf[4096];
    ssize_t n = read(session.socket, buf, sizeof buf);

    if (n < 0)
        return errno == EINTR;
    if (n == 0)
        return false;
    return write_all(STDOUT_FILENO, buf, (size_t)n);
}

static bool from_terminal(void)
{
    char buf[sizeof(struct winsize)];
    ssize_t n = read(STDIN_FILENO, buf, sizeof buf);

    if (n < 0)
        return errno == EINTR;
    if (n == 0)
        return false;
    if (memchr(buf, DETACH_KEY, (size_t)n)) {
        send_packet(PKT_DETACH, NULL, 0);
        return false;
    }
    return send_packet(PKT_TEXT, buf, (size_t)n);
}

static int run(void)
{
    struct pollfd pfds[2] = {
        { .fd = STDIN_FILENO, .events = POLLIN },
        { .fd = session.socket, .events = POLLIN },
    };

    if (!send_packet(PKT_ATTACH, NULL, 0) || !send_size())
        return 1;
    while (!session.stop) {
        if (session.resized) {
            session.resized = 0;
            if (!send_size())
                return 1;
        }
        if (poll(pfds, 2, -1) < 0) {
            if (errno == EINTR)
                continue;
            bail("poll");
        }
        if (pfds[1].revents && !from_session())
            return 0;
        if (pfds[0].revents && !from_terminal())
            return 0;
    }
    return 0;
}

int main(int argc, char *argv[])
{
    int status;

    if (argc != 2) {
        fprintf(stderr, "usage: reattach SOCKET\n");
        return 2;
    }
    setup_signals();
    session.socket = session_connect(argv[1]);
    if (session.socket < 0)
        bail(argv[1]);
    raw_terminal();
    status = run();
    restore_terminal();
    puts("[detached]");
    return status;
}
