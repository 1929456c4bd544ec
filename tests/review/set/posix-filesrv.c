/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Defects:
 *  - the name in a request may contain "../" and is opened;
 *  - the file stays open when it is not a regular one;
 *  - a send() that takes less than it was given is counted as whole;
 *  - the request is searched as a string and has no terminator;
 *  - a recv() interrupted by SIGHUP (its handler has no SA_RESTART) is taken for the end of the
 *    connection.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define ROOT "/srv/files"

typedef struct {
    int         sock;
    const char *path;
    int         debug;
    long        served;
} FileServer;

static volatile sig_atomic_t reopen_log, terminate;

static void on_hup(int signo) { (void) signo; reopen_log = 1; }
static void on_term(int signo) { (void) signo; terminate = 1; }

static void LogMessage(FileServer *self, const char *format, ...)
{
    va_list args;

    if (!self->debug)
        return;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

static int FileServer_Open(FileServer *self, const char *path)
{
    struct sockaddr_un address = { 0 };

    self->path = path;
    self->sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (self->sock == -1)
        return -1;
    address.sun_family = AF_UNIX;
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    if (bind(self->sock, (struct sockaddr *) &address, sizeof address) == -1)
        goto error;
    if (listen(self->sock, 10) == -1)
    {
        unlink(path);
        goto error;
    }
    return 0;

error:
    close(self->sock);
    self->sock = -1;
    return -1;
}

static void FileServer_Close(FileServer *self)
{
    if (self->sock != -1)
    {
        unlink(self->path);
        close(self->sock);
        self->sock = -1;
    }
}

static int OpenRequested(const char *name, off_t *size)
{
    char        full[512];
    struct stat st;
    int         fd;

    if (snprintf(full, sizeof full, ROOT "/%s", name) >= (int) sizeof full)
        return -1;
    fd = open(full, O_RDONLY | O_CLOEXEC); /* @N3 */
    if (fd == -1)
        return -1;
    if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode))
        return -1; /* @L1 */
    *size = st.st_size;
    return fd;
}

static int SendAll(int sock, const char *data, size_t length)
{
    while (length > 0)
    {
        ssize_t n = send(sock, data, length, MSG_NOSIGNAL);
        if (n == -1 && errno == EINTR)
            continue;
        if (n == -1)
            return -1;
        data += n;
        length -= (size_t) n;
    }
    return 0;
}

static int SendFile(FileServer *self, int client, int file, off_t size)
{
    char    head[64], block[16384];
    ssize_t got;
    long    total = 0;

    snprintf(head, sizeof head, "OK %lld\n", (long long) size);
    if (SendAll(client, head, strlen(head)) == -1)
        return -1;
    while ((got = read(file, block, sizeof block)) > 0)
    {
        if (send(client, block, (size_t) got, MSG_NOSIGNAL) == -1) /* @E3 @E4? */
        {
            LogMessage(self, "send: %s", strerror(errno));
            return -1;
        }
        total += got;
    }
    LogMessage(self, "%ld bytes", total);
    self->served++;
    return 0;
}

static void HandleClient(FileServer *self, int client)
{
    char    request[256];
    char   *name, *end;
    off_t   size = 0;
    ssize_t length;
    size_t  have = 0;
    int     file;

    while (have < sizeof request)
    {
        length = recv(client, request + have, sizeof request - have, 0); /* @E4 */
        if (length <= 0)
            return;
        have += (size_t) length;
        if (memchr(request, '\n', have))
            break;
    }
    if (strncmp(request, "GET ", 4) != 0)
    {
        SendAll(client, "ERR verb\n", 9);
        return;
    }
    name = request + 4;
    end = strpbrk(name, "\r\n"); /* @N4 */
    if (end)
        *end = '\0';
    file = OpenRequested(name, &size);
    if (file == -1)
    {
        SendAll(client, "ERR file\n", 9);
        return;
    }
    SendFile(self, client, file, size);
    close(file);
}

static int SetLimits(int client)
{
    struct timeval limit = { 20, 0 };

    if (setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == -1)
        return -1;
    return setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

static void FileServer_Run(FileServer *self)
{
    while (!terminate)
    {
        int client = accept4(self->sock, NULL, NULL, SOCK_CLOEXEC);

        if (client == -1)
        {
            if (errno == EMFILE || errno == ENFILE || errno == ENOMEM)
                sleep(1);
            if (reopen_log)
            {
                reopen_log = 0;
                freopen("/var/log/filesrv.log", "ae", stderr);
            }
            continue;
        }
        if (SetLimits(client) == 0)
            HandleClient(self, client);
        close(client);
    }
}

int main(int argc, char **argv)
{
    struct sigaction action = { 0 };
    FileServer server = { .sock = -1 };

    if (argc > 2 && !strcmp(argv[1], "-d"))
    {
        server.debug = 1;
        argv++;
        argc--;
    }
    if (argc != 2)
    {
        fprintf(stderr, "usage: filesrv [-d] socket\n");
        return 2;
    }
    action.sa_handler = on_hup;
    sigaction(SIGHUP, &action, NULL);
    action.sa_handler = on_term;
    sigaction(SIGTERM, &action, NULL);

    if (FileServer_Open(&server, argv[1]) == -1)
    {
        perror(argv[1]);
        return 1;
    }
    FileServer_Run(&server);
    FileServer_Close(&server);
    return 0;
}
