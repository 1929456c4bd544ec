/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Defects:
 *  - the socket's name is never unlinked, so that the next start fails;
 *  - the result of listen() is ignored;
 *  - the result of fcntl() is ignored;
 *  - what a client sends is the format of a syslog() call;
 *  - the received bytes are compared and copied as a string without a terminator.
 */

// trayd: shows short notes of other programs in a one-line tray (a pipe to the bar).

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define MAX_ITEMS   10
#define MAX_TEXT    80
#define MAX_CLIENTS 20
#define TRAY_SOCK   "/tmp/trayd.sock"

typedef struct item
{
  char   text[MAX_TEXT];
  time_t until;
} Item;

static Item items[MAX_ITEMS];
static int  item_count = 0;
static volatile sig_atomic_t running = 1;

static struct pollfd fds[MAX_CLIENTS + 1];
static int           nfds = 0;

static void stop_handler(int sig)
{
  (void)sig;
  running = 0;
}

static void show(void)
{
  int i;

  for (i = 0; i < item_count; i++)
    printf("%s%s", i ? " | " : "", items[i].text);
  putchar('\n');
  fflush(stdout);
}

static void expire(void)
{
  time_t now = time(NULL);
  int    i, kept = 0;

  for (i = 0; i < item_count; i++)
    if (items[i].until > now)
      items[kept++] = items[i];
  if (kept != item_count)
  {
    item_count = kept;
    show();
  }
}

static void add_item(const char *text, int seconds)
{
  if (item_count == MAX_ITEMS)
  {
    memmove(items, items + 1, sizeof(Item) * (MAX_ITEMS - 1));
    item_count--;
  }
  snprintf(items[item_count].text, MAX_TEXT, "%s", text);
  items[item_count].until = time(NULL) + seconds;
  item_count++;
  show();
}

static int open_tray(void)
{
  struct sockaddr_un addr;
  int                sock;

  sock = socket(AF_UNIX, SOCK_STREAM, 0);
  if (sock < 0)
  {
    perror("socket");
    return -1;
  }
  fcntl(sock, F_SETFL, O_NONBLOCK); /* @E1? */

  memset(&addr, 0, sizeof(addr));
  addr.sun_family = AF_UNIX;
  strcpy(addr.sun_path, TRAY_SOCK);
  if (bind(sock, (struct sockaddr *)&addr, sizeof(addr)) < 0) /* @L5 */
  {
    perror("bind");
    close(sock);
    return -1;
  }
  listen(sock, 5); /* @E1? */
  return sock;
}

static void close_client(int i)
{
  close(fds[i].fd);
  fds[i] = fds[--nfds];
}

static void client_message(int i)
{
  char    buf[256];
  ssize_t n;

  // Programs send one message and hang up; a message is one packet of the library's send().
  n = recv(fds[i].fd, buf, sizeof(buf), MSG_DONTWAIT); /* @E3? */
  if (n < 0 && (errno == EINTR || errno == EAGAIN))
    return;
  if (n <= 0)
  {
    close_client(i);
    return;
  }
  if (strncmp(buf, "log:", 4) == 0)
    syslog(LOG_INFO, buf + 4); /* @N1 @N4? */
  else if (strcmp(buf, "clear") == 0) /* @N4 */
  {
    item_count = 0;
    show();
  }
  else
    add_item(buf, 10); /* @N4? */
}

static void new_client(int sock)
{
  int c = accept(sock, NULL, NULL);

  if (c < 0)
  {
    if (errno == EMFILE || errno == ENFILE)
      sleep(1);
    return;
  }
  if (nfds > MAX_CLIENTS)
  {
    syslog(LOG_WARNING, "too many clients");
    close(c);
    return;
  }
  fds[nfds].fd = c;
  fds[nfds].events = POLLIN;
  fds[nfds].revents = 0;
  nfds++;
}

int main(void)
{
  int i, n;

  openlog("trayd", LOG_PID, LOG_USER);
  signal(SIGTERM, stop_handler);
  signal(SIGINT, stop_handler);

  fds[0].fd = open_tray();
  if (fds[0].fd < 0)
    return 1;
  fds[0].events = POLLIN;
  nfds = 1;

  while (running)
  {
    n = poll(fds, (nfds_t)nfds, 1000);
    if (n < 0 && errno != EINTR)
    {
      syslog(LOG_ERR, "poll: %s", strerror(errno));
      break;
    }
    expire();
    if (n <= 0)
      continue;
    for (i = nfds - 1; i > 0; i--)
      if (fds[i].revents)
        client_message(i);
    if (fds[0].revents & POLLIN)
      new_client(fds[0].fd);
  }

  while (nfds > 0)
    close_client(nfds - 1);
  closelog();
  return 0;
}
