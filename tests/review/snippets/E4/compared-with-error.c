/* A result that is compared with the number of an error, which stands elsewhere. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

int wrong_select(int s, fd_set *in)
{
	int rc = select(s + 1, in, NULL, NULL, NULL);

	if (rc == EINTR) // E4
		return 0;
	if (rc < 0)
		exit(1);
	return rc;
}

long wrong_loop(int s, char *to, size_t n)
{
	ssize_t got;

	do {
		got = recv(s, to, n, 0);
	} while (got == EINTR || got == EAGAIN); // E4
	if (got <= 0)
		return -1;
	return got;
}

int wrong_negative(uv_stream_t *server, uv_connection_cb come)
{
	int r = uv_listen(server, 8, come);

	if (r == EADDRINUSE) // E4
		return 1;
	return r < 0 ? -1 : 0;
}

static ssize_t hear(int s, char *to, size_t n)
{
	return recv(s, to, n, 0);
}

long wrong_helper(int s, char *to, size_t n)
{
	ssize_t got = hear(s, to, n);

	if (got == EAGAIN) // E4
		return 0;
	if (got < 0)
		return -1;
	return got;
}

/* All below is silent. */

int right_errno(int s, fd_set *in)
{
	int rc = select(s + 1, in, NULL, NULL, NULL);

	if (rc < 0 && errno == EINTR)
		return 0;
	return rc;
}

int right_negative(uv_stream_t *server, uv_connection_cb come)
{
	int r = uv_listen(server, 8, come);

	if (r == -EADDRINUSE)
		return 1;
	return r < 0 ? -1 : 0;
}

int right_thread(pthread_t *t, void *(*run)(void *), void *data)
{
	int r = pthread_create(t, NULL, run, data);

	if (r == EAGAIN)
		return 1;
	return r;
}

int right_taken_along(int s, fd_set *in)
{
	int rc = select(s + 1, in, NULL, NULL, NULL);

	if (rc < 0)
		rc = errno;
	if (rc == EINTR)
		return 0;
	return rc;
}

static int turned(int s, char *to, size_t n)
{
	return recv(s, to, n, 0) < 0 ? errno : 0;
}

int right_helper(int s, char *to, size_t n)
{
	int r = turned(s, to, n);

	if (r == EAGAIN)
		return 0;
	return r;
}
