/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Defects:
 *  - waits for the started server's socket for as long as it does not come;
 *  - each connection attempt that fails leaves its descriptor open;
 *  - the result of setsockopt() is ignored;
 *  - the server unlinks the name before bind without asking who listens there;
 *  - the file name that the client sends is one write(), whose result nobody looks at.
 */

/* ed1: opens files in the one running editor; starts it when there is none. */

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/un.h>
#include <unistd.h>

#ifndef PATH_MAX
#define PATH_MAX 4096
#endif

#define streq(a, b) (strcmp((a), (b)) == 0)

static char socket_name[100];
static volatile sig_atomic_t leave;

static void on_leave(int sig) { leave = sig; }

static void set_socket_name(void)
{
    const char *dir = getenv("XDG_RUNTIME_DIR");

    if (dir == NULL)
        dir = "/tmp";
    snprintf(socket_name, sizeof socket_name, "%s/ed1-%ld", dir, (long) getuid());
}

static void fill(struct sockaddr_un *sun)
{
    memset(sun, 0, sizeof *sun);
    sun->sun_family = AF_UNIX;
    strcpy(sun->sun_path, socket_name);
}

/* ---- the editor ---- */

static void edit(const char *name)
{
    /* stands for the buffer and window code, which lives elsewhere */
    printf("opened %s\n", name);
    fflush(stdout);
}

static int server_socket(void)
{
    struct sockaddr_un sun;
    int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (s < 0) {
        perror("socket");
        return -1;
    }
    fill(&sun);
    unlink(socket_name); /* @L5 */
    if (bind(s, (struct sockaddr *) &sun, sizeof sun) < 0 || listen(s, 4) < 0) {
        perror(socket_name);
        close(s);
        return -1;
    }
    return s;
}

static void one_client(int c)
{
    char buf[PATH_MAX];
    size_t used = 0;
    char *line, *nl;
    struct timeval tv = { 1, 0 };

    setsockopt(c, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv); /* @E1 */
    for (;;) {
        ssize_t n = read(c, buf + used, sizeof buf - used);

        if (n < 0 && errno == EINTR && !leave)
            continue;
        if (n <= 0)
            break;
        used += (size_t) n;
        line = buf;
        while ((nl = memchr(line, '\n', used - (size_t) (line - buf))) != NULL) {
            *nl = '\0';
            edit(line);
            line = nl + 1;
        }
        used -= (size_t) (line - buf);
        memmove(buf, line, used);
        if (used == sizeof buf)
            break;
    }
    close(c);
}

static int serve(void)
{
    struct pollfd p;
    int s, c;

    s = server_socket();
    if (s < 0)
        return 1;
    p.fd = s;
    p.events = POLLIN;
    while (!leave) {
        if (poll(&p, 1, -1) <= 0)
            continue;
        c = accept(s, NULL, NULL); /* @L6? */
        if (c < 0) {
            if (errno != EINTR && errno != ECONNABORTED)
                sleep(1);
            continue;
        }
        one_client(c);
    }
    unlink(socket_name);
    close(s);
    return 0;
}

/* ---- the client ---- */

static int start_server(void)
{
    pid_t pid = fork();

    if (pid < 0) {
        perror("fork");
        return -1;
    }
    if (pid == 0) {
        setsid();
        signal(SIGINT, SIG_IGN);
        signal(SIGTERM, on_leave);
        _exit(serve());
    }
    return 0;
}

static int try_connect(void)
{
    struct sockaddr_un sun;
    int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (s < 0)
        return -1;
    fill(&sun);
    if (connect(s, (struct sockaddr *) &sun, sizeof sun) == 0)
        return s;
    return -1; /* @L1 */
}

static int get_connection(void)
{
    int s = try_connect();

    if (s >= 0)
        return s;
    if (start_server() < 0)
        return -1;
    while ((s = try_connect()) < 0) /* @W1 */
        usleep(20000);
    return s;
}

static void send_name(int s, const char *name)
{
    char full[PATH_MAX + 1];
    size_t len;

    if (realpath(name, full) == NULL) {
        fprintf(stderr, "ed1: %s: %s\n", name, strerror(errno));
        return;
    }
    len = strlen(full);
    full[len] = '\n';
    write(s, full, len + 1); /* @E3 @E6? */
}

int main(int argc, char **argv)
{
    int i, s;

    set_socket_name();
    if (argc > 1 && streq(argv[1], "--server")) {
        struct sigaction sa;

        memset(&sa, 0, sizeof sa);
        sa.sa_handler = on_leave;
        sigaction(SIGTERM, &sa, NULL);
        return serve();
    }
    if (argc < 2) {
        fprintf(stderr, "usage: ed1 FILE...\n");
        return 2;
    }
    s = get_connection();
    if (s < 0)
        return 1;
    for (i = 1; i < argc; i++)
        send_name(s, argv[i]);
    close(s);
    return 0;
}
