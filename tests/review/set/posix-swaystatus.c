/* SPDX-License-Identifier: Apache-2.0 */
/* correct: for (;;) around connect() ends by a deadline; receives look unbounded but the socket has
 * SO_RCVTIMEO from ipc_limits(); the length that comes from the peer is capped by IPC_CLAMP before
 * the allocation; the read loop handles short reads. */
#define _GNU_SOURCE
#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static const char ipc_magic[] = {'i', '3', '-', 'i', 'p', 'c'};
#define IPC_HEADER_SIZE (sizeof(ipc_magic) + 8)
#define IPC_MAX_PAYLOAD (4u << 20)
#define IPC_CLAMP(n)                                                           \
  do {                                                                         \
    if ((n) > IPC_MAX_PAYLOAD) {                                               \
      errno = EMSGSIZE;                                                        \
      return false;                                                            \
    }                                                                          \
  } while (0)

enum ipc_type {
  IPC_COMMAND = 0,
  IPC_GET_WORKSPACES = 1,
  IPC_SUBSCRIBE = 2,
  IPC_GET_VERSION = 7,
};

struct ipc_response {
  uint32_t size;
  uint32_t type;
  char *payload;
};

static int64_t now_ms(void) {
  struct timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static bool ipc_limits(int fd, int seconds) {
  struct timeval tv = {.tv_sec = seconds, .tv_usec = 0};
  if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) == -1) {
    return false;
  }
  if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)) == -1) {
    return false;
  }
  return true;
}

static int ipc_open(const char *path, int patience_ms) {
  struct sockaddr_un addr = {.sun_family = AF_UNIX};
  int64_t deadline = now_ms() + patience_ms;

  if (snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path) >=
      (int)sizeof(addr.sun_path)) {
    errno = ENAMETOOLONG;
    return -1;
  }
  for (;;) {
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd == -1) {
      return -1;
    }
    if (ipc_limits(fd, 3) &&
        connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0) {
      return fd;
    }
    int saved = errno;
    close(fd);
    if (now_ms() >= deadline) {
      errno = saved;
      return -1;
    }
    usleep(100000);
  }
}

static bool recv_exact(int fd, void *into, size_t want) {
  size_t have = 0;
  while (have < want) {
    ssize_t got = recv(fd, (char *)into + have, want - have, 0);
    if (got == 0) {
      errno = ECONNRESET;
      return false;
    }
    if (got < 0) {
      if (errno == EINTR) {
        continue;
      }
      return false; /* EAGAIN here is the limit of ipc_limits() */
    }
    have += (size_t)got;
  }
  return true;
}

static bool send_exact(int fd, const void *from, size_t want) {
  size_t done = 0;
  while (done < want) {
    ssize_t put =
        send(fd, (const char *)from + done, want - done, MSG_NOSIGNAL);
    if (put < 0) {
      if (errno == EINTR) {
        continue;
      }
      return false;
    }
    done += (size_t)put;
  }
  return true;
}

static bool ipc_recv(int fd, struct ipc_response *resp) {
  char header[IPC_HEADER_SIZE];

  if (!recv_exact(fd, header, sizeof(header))) {
    return false;
  }
  if (memcmp(header, ipc_magic, sizeof(ipc_magic)) != 0) {
    errno = EPROTO;
    return false;
  }
  memcpy(&resp->size, header + sizeof(ipc_magic), sizeof(resp->size));
  memcpy(&resp->type, header + sizeof(ipc_magic) + 4, sizeof(resp->type));
  IPC_CLAMP(resp->size);

  resp->payload = malloc(resp->size + 1);
  if (!resp->payload) {
    return false;
  }
  if (!recv_exact(fd, resp->payload, resp->size)) {
    free(resp->payload);
    resp->payload = NULL;
    return false;
  }
  resp->payload[resp->size] = '\0';
  return true;
}

static bool ipc_send(int fd, enum ipc_type type, const char *payload) {
  uint32_t size = payload ? (uint32_t)strlen(payload) : 0;
  uint32_t t = type;
  char header[IPC_HEADER_SIZE];

  memcpy(header, ipc_magic, sizeof(ipc_magic));
  memcpy(header + sizeof(ipc_magic), &size, 4);
  memcpy(header + sizeof(ipc_magic) + 4, &t, 4);
  return send_exact(fd, header, sizeof(header)) &&
         send_exact(fd, payload, size);
}

/* The focused workspace's name, by hand: the answer is small and regular. */
static void print_focused(const char *json) {
  const char *at = json, *name = NULL;

  while ((at = strstr(at, "\"name\":")) != NULL) {
    const char *end = strchr(at, '}');
    const char *mark = strstr(at, "\"focused\": true");
    if (mark && (!end || mark < end)) {
      name = at + strlen("\"name\":");
      break;
    }
    at += strlen("\"name\":");
  }
  if (!name) {
    puts("-");
    return;
  }
  name += strspn(name, " \"");
  printf("%.*s\n", (int)strcspn(name, "\""), name);
  fflush(stdout);
}

static int query_once(const char *path) {
  struct ipc_response resp = {0};
  int status = EXIT_FAILURE;
  int fd = ipc_open(path, 2000);

  if (fd == -1) {
    fprintf(stderr, "status: cannot connect to %s: %s\n", path,
            strerror(errno));
    return EXIT_FAILURE;
  }
  if (!ipc_send(fd, IPC_GET_WORKSPACES, NULL)) {
    perror("status: send");
    goto out;
  }
  if (!ipc_recv(fd, &resp)) {
    perror("status: receive");
    goto out;
  }
  if (resp.type != IPC_GET_WORKSPACES) {
    fprintf(stderr, "status: unexpected answer %u\n", resp.type);
    goto out;
  }
  print_focused(resp.payload);
  status = EXIT_SUCCESS;
out:
  free(resp.payload);
  close(fd);
  return status;
}

int main(int argc, char *argv[]) {
  const char *path = getenv("SWAYSOCK");
  int opt, every = 0;

  while ((opt = getopt(argc, argv, "i:s:")) != -1) {
    switch (opt) {
    case 'i':
      every = atoi(optarg);
      break;
    case 's':
      path = optarg;
      break;
    default:
      return 2;
    }
  }
  if (!path) {
    fputs("status: SWAYSOCK is not set\n", stderr);
    return EXIT_FAILURE;
  }
  if (every <= 0) {
    return query_once(path);
  }
  while (query_once(path) == EXIT_SUCCESS) {
    sleep((unsigned)every);
  }
  return EXIT_FAILURE;
}
