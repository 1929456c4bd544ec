/* Tests that do not tell a failure from success, and others that look as if they did not. */
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <gio/gio.h>
#include <uv.h>

void wrong_uv_listen(uv_stream_t *server, uv_connection_cb arrived)
{
	if (uv_listen(server, 16, arrived) == -1) // E1
		fprintf(stderr, "nobody can come\n");
}

int wrong_uv_bind(uv_tcp_t *server, const struct sockaddr *at)
{
	int r;

	r = uv_tcp_bind(server, at, 0);
	if (r != -1) // E1
		puts("bound");
	return 0;
}

bool wrong_bool(GSocket *socket, GSocketAddress *at)
{
	if (g_socket_bind(socket, at, TRUE, NULL) < 0) // E1
		return false;
	return true;
}

int wrong_thread(pthread_t *t, void *(*run)(void *), void *data)
{
	if (pthread_create(t, NULL, run, data) == -1) // E1
		return -1;
	return 0;
}

int wrong_text(const char *text, struct in_addr *at)
{
	if (inet_pton(AF_INET, text, at) < 0) // E1
		return -1;
	return 0;
}

int wrong_unsigned(int fd, const char *text, size_t n)
{
	size_t sent = send(fd, text, n, MSG_NOSIGNAL); // E3

	if (sent < 0) // E1
		return -1;
	return 0;
}

int wrong_end(int s)
{
	char word[16] = "";

	if (recv(s, word, sizeof(word) - 1, 0) == 0) // E1
		return 0;
	return strcmp(word, "stop") == 0;
}

/* A helper of the project has the same contract, found out. */
static int listen_at(int s, const struct sockaddr *at, socklen_t n)
{
	if (bind(s, at, n) < 0)
		return -1;
	if (listen(s, 8) < 0)
		return -2;
	return 0;
}

int wrong_helper(int s, const struct sockaddr *at, socklen_t n)
{
	if (listen_at(s, at, n) < -2) // E1
		return 1;
	return 0;
}

/* All below is silent. */

/* -2 is another failure, and may be meant to pass. */
int right_helper_part(int s, const struct sockaddr *at, socklen_t n)
{
	if (listen_at(s, at, n) == -1)
		return 1;
	return 0;
}

int right_uv(uv_stream_t *server, uv_connection_cb arrived)
{
	if (uv_listen(server, 16, arrived) != 0)
		return -1;
	return 0;
}

int right_uv_one(uv_stream_t *server, uv_connection_cb arrived)
{
	int r = uv_listen(server, 16, arrived);

	if (r == UV_EADDRINUSE)
		return 1;
	return r < 0 ? -1 : 0;
}

int right_both(int s, const struct sockaddr *at, socklen_t n)
{
	int r = listen_at(s, at, n);

	if (r == -1)
		return 1;
	if (r == -2)
		return 2;
	return 0;
}

int right_unsigned(int fd, const char *text, size_t n)
{
	size_t sent = send(fd, text, n, MSG_NOSIGNAL);

	return sent == n ? 0 : -1;
}

int right_unsigned_minus_one(int fd, char *to, size_t n)
{
	size_t got = recv(fd, to, n, 0);

	if (got == (size_t)-1)
		return -1;
	to[got] = '\0';
	return 0;
}

int right_thread(pthread_t *t, void *(*run)(void *), void *data)
{
	return pthread_create(t, NULL, run, data) == 0 ? 0 : -1;
}

int right_text(const char *text, struct in_addr *at)
{
	if (!inet_pton(AF_INET, text, at))
		return -1;
	return 0;
}

/* Only the end is asked for, and the bytes are nobody's. */
int right_drained(int s)
{
	char word[16];

	for (;;)
		if (recv(s, word, sizeof(word), MSG_DONTWAIT) == 0)
			return 0;
}

int right_end_then_failure(int s)
{
	char word[16] = "";
	ssize_t n = recv(s, word, sizeof(word) - 1, 0);

	if (n == 0)
		return 0;
	if (n < 0)
		return -1;
	return strcmp(word, "stop") == 0;
}

/* Which number it got, and not whether it got one. */
int right_standard(int fd)
{
	close(0);
	if (dup(fd) != 0)
		return -1;
	return 0;
}

/* A way to say to a compiler that nobody asks. */
void right_empty(int s, int on)
{
	if (setsockopt(s, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)) < 1) {
	}
}

/* A byte is a signal here, and the end is another: a failure is no start either. */
int right_gate(int gate)
{
	char byte;

	if (read(gate, &byte, 1) != 0)
		return 3;
	return byte;
}
