/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Defects:
 *  - connect is tried for ever when the window manager is gone;
 *  - the header is taken as whole whatever read() gave;
 *  - the length in the header goes to malloc() and read() without a bound;
 *  - the payload is searched as a string and has no terminator;
 *  - the payload of an event that is not of interest is not freed;
 *  - after a bad header the connection is not closed, and the caller makes another.
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <err.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MAGIC "i3-ipc"

typedef struct __attribute__((packed)) {
    char magic[6];
    uint32_t size;
    uint32_t type;
} ipc_header_t;

enum { MSG_SUBSCRIBE = 2, MSG_GET_TREE = 4 };
#define EVENT_MASK (1u << 31)
#define EVENT_WINDOW (EVENT_MASK | 3)

static const char *socket_path;
static bool show_class = false;

static void *smalloc(size_t size) {
    void *p = malloc(size);
    if (p == NULL)
        errx(EXIT_FAILURE, "out of memory (%zu bytes)", size);
    return p;
}

/*
 * Writes everything, or returns -1.
 */
static int writeall(int fd, const void *buf, size_t count) {
    size_t written = 0;

    while (written < count) {
        const ssize_t n = write(fd, (const char *)buf + written, count - written);
        if (n == -1) {
            if (errno == EINTR)
                continue;
            return -1;
        }
        written += (size_t)n;
    }
    return 0;
}

static int ipc_connect(const char *path) {
    struct sockaddr_un addr;
    int sockfd = socket(AF_LOCAL, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (sockfd == -1)
        err(EXIT_FAILURE, "Could not create socket");

    memset(&addr, 0, sizeof(struct sockaddr_un));
    addr.sun_family = AF_LOCAL;
    strncpy(addr.sun_path, path, sizeof(addr.sun_path) - 1);

    /* The window manager may be restarting. */
    while (connect(sockfd, (const struct sockaddr *)&addr, sizeof(struct sockaddr_un)) == -1) { /* @W1 */
        usleep(200 * 1000);
    }
    return sockfd;
}

static int ipc_send_message(int sockfd, uint32_t type, const char *payload) {
    ipc_header_t header;

    memcpy(header.magic, MAGIC, sizeof(header.magic));
    header.size = (uint32_t)strlen(payload);
    header.type = type;
    if (writeall(sockfd, &header, sizeof(header)) == -1)
        return -1;
    return writeall(sockfd, payload, header.size);
}

/*
 * Reads one message. The payload has to be freed by the caller.
 */
static int ipc_recv_message(int sockfd, uint32_t *type, char **payload, uint32_t *size) {
    ipc_header_t header;

    if (read(sockfd, &header, sizeof(header)) <= 0) { /* @E3 @W4? */
        return -1;
    }
    if (memcmp(header.magic, MAGIC, sizeof(header.magic)) != 0) {
        warnx("wrong magic code");
        return -1;
    }

    *type = header.type;
    *size = header.size;
    *payload = smalloc(header.size); /* @N5 */

    uint32_t got = 0;
    while (got < header.size) {
        ssize_t n = read(sockfd, *payload + got, header.size - got); /* @W4? */
        if (n == -1 && errno == EINTR)
            continue;
        if (n <= 0) {
            free(*payload);
            *payload = NULL;
            return -1;
        }
        got += (uint32_t)n;
    }
    return 0;
}

/* Prints the value of a key up to its closing quote. */
static void print_value(const char *json, const char *key) {
    const char *start = strstr(json, key); /* @N4 */

    if (start == NULL)
        return;
    start += strlen(key);
    const char *end = strchr(start, '"'); /* @N4? */
    if (end == NULL)
        return;
    printf("%.*s\n", (int)(end - start), start);
    fflush(stdout);
}

/*
 * Follows the events of one connection until it ends.
 */
static int follow(void) {
    uint32_t type, size;
    char *payload = NULL;
    int fd = ipc_connect(socket_path);

    if (ipc_send_message(fd, MSG_SUBSCRIBE, "[\"window\"]") == -1) {
        warn("subscribe");
        close(fd);
        return 0;
    }
    if (ipc_recv_message(fd, &type, &payload, &size) == -1) {
        warnx("no answer to subscribe");
        return 0; /* @L1 */
    }
    free(payload);

    for (;;) {
        if (ipc_recv_message(fd, &type, &payload, &size) == -1)
            break;
        if (type != EVENT_WINDOW)
            continue; /* @L7 */
        print_value(payload, show_class ? "\"class\":\"" : "\"title\":\"");
        free(payload);
    }
    close(fd);
    return 0;
}

int main(int argc, char *argv[]) {
    int o;

    socket_path = getenv("I3SOCK");
    while ((o = getopt(argc, argv, "cs:")) != -1) {
        switch (o) {
            case 'c':
                show_class = true;
                break;
            case 's':
                socket_path = optarg;
                break;
            default:
                errx(2, "usage: i3follow [-c] [-s socket]");
        }
    }
    if (socket_path == NULL)
        errx(EXIT_FAILURE, "no socket: set I3SOCK or use -s");

    signal(SIGPIPE, SIG_IGN);
    /* A restart of the window manager ends the connection: make the next one. */
    while (follow() == 0) /* @W1? */
        sleep(1);
    return 0;
}
