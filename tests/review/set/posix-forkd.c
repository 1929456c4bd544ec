/* SPDX-License-Identifier: Apache-2.0 */
/* correct: the parent closes the connection although the child still needs it, the child leaves
 * the listener to _exit(); a child that hangs is ended by alarm(); accept() that fails for want of
 * descriptors waits; wrappers starting with x end the process on failure. */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_CHILDREN 40
#define CHILD_SECONDS 30

static const char *sockname = "/run/fingerd.sock";
static volatile sig_atomic_t stopping;
static volatile sig_atomic_t children;

static void sigchld(int sig)
{
    int saved = errno;

    (void)sig;
    while (waitpid(-1, NULL, WNOHANG) > 0)
        children--;
    errno = saved;
}

static void sigterm(int sig)
{
    (void)sig;
    stopping = 1;
}

static int xsocket(int domain, int type)
{
    int fd = socket(domain, type | SOCK_CLOEXEC, 0);

    if (fd < 0)
        err(1, "socket");
    return fd;
}

static void xbind(int fd, const char *path)
{
    struct sockaddr_un sa;

    memset(&sa, 0, sizeof(sa));
    sa.sun_family = AF_UNIX;
    if (strlen(path) >= sizeof(sa.sun_path))
        errx(1, "%s: too long", path);
    strcpy(sa.sun_path, path);
    if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
        err(1, "bind %s", path);
}

static void xlisten(int fd, int backlog)
{
    if (listen(fd, backlog) < 0)
        err(1, "listen");
}

static void xsigaction(int sig, void (*handler)(int), int flags)
{
    struct sigaction sa;

    memset(&sa, 0, sizeof(sa));
    sigemptyset(&sa.sa_mask);
    sa.sa_handler = handler;
    sa.sa_flags = flags;
    if (sigaction(sig, &sa, NULL) < 0)
        err(1, "sigaction");
}

static int write_all(int fd, const char *s, size_t len)
{
    size_t off;
    ssize_t n;

    for (off = 0; off < len; off += (size_t)n) {
        n = write(fd, s + off, len - off);
        if (n < 0 && errno == EINTR)
            n = 0;
        else if (n <= 0)
            return -1;
    }
    return 0;
}

static int read_line(int fd, char *buf, size_t size)
{
    size_t n = 0;
    ssize_t r;

    while (n + 1 < size) {
        r = read(fd, buf + n, 1);
        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            return -1;
        if (buf[n] == '\n')
            break;
        n++;
    }
    buf[n] = '\0';
    return (int)n;
}

/* Letters, digits and a dash: the rest can name other files. */
static int is_user_name(const char *s)
{
    return *s && strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(s);
}

static void answer(int fd, const char *user)
{
    char path[256], buf[1024];
    size_t n;
    FILE *f;

    if (!is_user_name(user) ||
        snprintf(path, sizeof(path), "/home/%s/.plan", user) >= (int)sizeof(path)) {
        write_all(fd, "no such user\n", 13);
        return;
    }
    f = fopen(path, "re");
    if (f == NULL) {
        write_all(fd, "no plan\n", 8);
        return;
    }
    while ((n = fread(buf, 1, sizeof(buf), f)) > 0)
        if (write_all(fd, buf, n) < 0)
            break;
    fclose(f);
}

static void child(int fd)
{
    char user[64];

    signal(SIGTERM, SIG_DFL);
    signal(SIGCHLD, SIG_DFL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGALRM, SIG_DFL);
    alarm(CHILD_SECONDS);
    if (read_line(fd, user, sizeof(user)) >= 0)
        answer(fd, user);
    _exit(0);
}

static void wait_for_room(void)
{
    sigset_t block, old;

    sigemptyset(&block);
    sigaddset(&block, SIGCHLD);
    sigaddset(&block, SIGTERM);
    sigprocmask(SIG_BLOCK, &block, &old);
    while (children >= MAX_CHILDREN && !stopping)
        sigsuspend(&old);
    sigprocmask(SIG_SETMASK, &old, NULL);
}

static void spawn(int fd)
{
    sigset_t block, old;
    pid_t pid;

    sigemptyset(&block);
    sigaddset(&block, SIGCHLD);
    sigprocmask(SIG_BLOCK, &block, &old);
    pid = fork();
    if (pid == 0) {
        sigprocmask(SIG_SETMASK, &old, NULL);
        child(fd);
    }
    if (pid > 0)
        children++;
    else
        warn("fork");
    sigprocmask(SIG_SETMASK, &old, NULL);
    close(fd);
}

int main(int argc, char **argv)
{
    mode_t mask;
    int lfd, fd;

    if (argc > 1)
        sockname = argv[1];

    xsigaction(SIGCHLD, sigchld, SA_RESTART | SA_NOCLDSTOP);
    xsigaction(SIGTERM, sigterm, 0);
    xsigaction(SIGINT, sigterm, 0);

    lfd = xsocket(AF_UNIX, SOCK_STREAM);
    mask = umask(0111);
    xbind(lfd, sockname);
    umask(mask);
    xlisten(lfd, 10);

    while (!stopping) {
        wait_for_room();
        fd = accept4(lfd, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0) {
            switch (errno) {
            case EINTR:
            case ECONNABORTED:
                break;
            default:
                warn("accept");
                sleep(1);
            }
            continue;
        }
        spawn(fd);
    }
    unlink(sockname);
    return 0;
}
