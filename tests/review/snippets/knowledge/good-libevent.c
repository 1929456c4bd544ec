/* libevent: everything has its end, or belongs to somebody. */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/util.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct session {
	struct event timer;
	struct event *input;
	int fd;
};

static void expired(evutil_socket_t fd, short what, void *data)
{
	struct session *session = data;

	(void)fd;
	(void)what;
	event_free(session->input);
	evutil_closesocket(session->fd);
	free(session);
}

/* The events have the session, and the session the descriptor. */
int begin(struct event_base *base, int fd, const struct timeval *limit)
{
	struct session *session = calloc(1, sizeof(*session));

	if (!session)
		return -1;
	session->fd = fd;
	evtimer_assign(&session->timer, base, expired, session);
	session->input = event_new(base, fd, EV_READ, expired, session);
	if (!session->input) {
		free(session);
		return -1;
	}
	return evtimer_add(&session->timer, limit);
}

int door(struct sockaddr *address, int size)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (evutil_make_listen_socket_reuseable(fd) < 0 || bind(fd, address, size) < 0) {
		evutil_closesocket(fd);
		return -1;
	}
	return fd;
}

/* The buffer closes it when it is sent. */
int send_file(struct evbuffer *out, const char *path, long size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	if (evbuffer_add_file(out, fd, 0, size) < 0) {
		close(fd);
		return -1;
	}
	return 0;
}

/* The bytes are copied out of the buffer, which stays ours. */
int reply(struct evhttp_request *request, const char *text)
{
	struct evbuffer *out = evbuffer_new();

	if (!out)
		return -1;
	evbuffer_add_printf(out, "%s", text);
	evhttp_send_reply(request, 200, "OK", out);
	evbuffer_free(out);
	return 0;
}

int addresses(const char *name)
{
	struct evutil_addrinfo *all = NULL;
	int found;

	if (evutil_getaddrinfo(name, "80", NULL, &all) != 0)
		return -1;
	found = all->ai_addr != NULL;
	evutil_freeaddrinfo(all);
	return found;
}
