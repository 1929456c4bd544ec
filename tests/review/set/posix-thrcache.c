/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Defects:
 *  - at the start, the peer that fills the cache is tried for ever;
 *  - the worker uses the descriptor of an accept() that failed;
 *  - the worker threads are neither detached nor joined;
 *  - when no thread can be made, the connection stays open;
 *  - the bucket number in a request is used as an index as it came;
 *  - the value's length in a request is not bounded by the buffer that receives it.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define NBUCKETS 64
#define VALUE_MAX 4096

struct bucket {
    pthread_mutex_t lock;
    uint32_t len;
    char value[VALUE_MAX];
};

struct request {
    uint8_t op;
    uint8_t pad[3];
    uint32_t bucket;
    uint32_t len;
};

enum { OP_GET = 'g', OP_SET = 's' };

struct worker_arg {
    int fd;
    unsigned serial;
};

static struct bucket *cache;
static const char *sock_path;

static void cleanup(int sig)
{
    unlink(sock_path);
    _exit(sig == SIGTERM ? 0 : 1);
}

static ssize_t readn(int fd, void *vptr, size_t n)
{
    size_t left = n;
    char *p = vptr;

    while (left > 0) {
        ssize_t r = read(fd, p, left);
        if (r < 0) {
            if (errno == EINTR)
                continue;
            return -1;
        }
        if (r == 0)
            break;
        left -= (size_t)r;
        p += r;
    }
    return (ssize_t)(n - left);
}

static int writen(int fd, const void *vptr, size_t n)
{
    const char *p = vptr;

    while (n > 0) {
        ssize_t w = write(fd, p, n);
        if (w < 0 && errno == EINTR)
            continue;
        if (w <= 0)
            return -1;
        n -= (size_t)w;
        p += w;
    }
    return 0;
}

static int do_get(int fd, struct bucket *b)
{
    char copy[VALUE_MAX];
    uint32_t len;

    pthread_mutex_lock(&b->lock);
    len = b->len;
    memcpy(copy, b->value, len);
    pthread_mutex_unlock(&b->lock);
    if (writen(fd, &len, sizeof(len)) < 0)
        return -1;
    return writen(fd, copy, len);
}

static int do_set(int fd, struct bucket *b, uint32_t len)
{
    char value[VALUE_MAX];

    if (readn(fd, value, len) != (ssize_t)len) /* @N5 */
        return -1;
    pthread_mutex_lock(&b->lock);
    memcpy(b->value, value, len);
    b->len = len;
    pthread_mutex_unlock(&b->lock);
    return writen(fd, &len, sizeof(len));
}

static void *worker(void *varg)
{
    struct worker_arg *arg = varg;
    struct request req;
    int fd = arg->fd;
    int rc = 0;

    while (rc == 0 && readn(fd, &req, sizeof(req)) == (ssize_t)sizeof(req)) { /* @W4? */
        struct bucket *b = &cache[req.bucket]; /* @N5 */

        switch (req.op) {
        case OP_GET:
            rc = do_get(fd, b);
            break;
        case OP_SET:
            rc = do_set(fd, b, req.len);
            break;
        default:
            rc = -1;
        }
    }
    close(fd);
    free(arg);
    return NULL;
}

static int listen_unix(const char *path)
{
    struct sockaddr_un sa;
    int fd;

    if (strlen(path) >= sizeof(sa.sun_path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memset(&sa, 0, sizeof(sa));
    sa.sun_family = AF_UNIX;
    strcpy(sa.sun_path, path);

    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0)
        return -1;
    if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
        close(fd);
        return -1;
    }
    if (chmod(path, 0660) < 0 || listen(fd, 64) < 0) {
        unlink(path);
        close(fd);
        return -1;
    }
    return fd;
}

static int connect_unix(const char *path)
{
    struct sockaddr_un sa;
    int fd;

    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0)
        return -1;
    memset(&sa, 0, sizeof(sa));
    sa.sun_family = AF_UNIX;
    snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
    if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* Fills the cache from an instance that runs already. */
static int warm_up(const char *peer)
{
    struct request req = { .op = OP_GET };
    struct bucket *b;
    int fd, rc = -1;

    for (;;) { /* @W1 */
        fd = connect_unix(peer);
        if (fd >= 0)
            break;
        fprintf(stderr, "thrcache: waiting for %s\n", peer);
        sleep(1);
    }
    for (req.bucket = 0; req.bucket < NBUCKETS; req.bucket++) {
        b = &cache[req.bucket];
        if (writen(fd, &req, sizeof(req)) < 0 ||
            readn(fd, &b->len, sizeof(b->len)) != (ssize_t)sizeof(b->len))
            goto out;
        if (b->len > VALUE_MAX) {
            b->len = 0;
            goto out;
        }
        if (readn(fd, b->value, b->len) != (ssize_t)b->len)
            goto out;
    }
    rc = 0;
out:
    close(fd);
    return rc;
}

int main(int argc, char **argv)
{
    unsigned serial = 0;
    int lfd, i;

    if (argc != 2 && argc != 3) {
        fprintf(stderr, "usage: thrcache socket [peer]\n");
        return 2;
    }
    sock_path = argv[1];
    signal(SIGPIPE, SIG_IGN);
    signal(SIGTERM, cleanup);
    signal(SIGINT, cleanup);

    cache = calloc(NBUCKETS, sizeof(*cache));
    if (!cache)
        return 1;
    for (i = 0; i < NBUCKETS; i++)
        pthread_mutex_init(&cache[i].lock, NULL);

    if (argc == 3 && warm_up(argv[2]) < 0)
        fprintf(stderr, "thrcache: %s: no data\n", argv[2]);
    lfd = listen_unix(sock_path);
    if (lfd < 0) {
        perror(sock_path);
        return 1;
    }

    for (;;) {
        struct worker_arg *arg = malloc(sizeof(*arg));
        pthread_t tid;

        if (!arg) {
            sleep(1);
            continue;
        }
        arg->serial = serial++;
        arg->fd = accept(lfd, NULL, NULL); /* @E2 @E7? @E1? */
        if (pthread_create(&tid, NULL, worker, arg) != 0) { /* @L7 */
            fprintf(stderr, "thrcache: no thread for connection %u\n", arg->serial);
            free(arg); /* @L1 */
        }
    }
}
