/* Memory that a helper hands out and that others, further down, send. */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct header {
	unsigned length;
};

static int make_list(char **data, unsigned *n)
{
	char *list = malloc(64);

	*data = NULL;
	if (!list)
		return -1;
	strcpy(list, "one\ntwo\n");
	*n = (unsigned)strlen(list);
	*data = list;
	return 0;
}

static int send_all(int fd, const void *data, size_t n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t sent = send(fd, (const char *)data + done, n - done, MSG_NOSIGNAL);

		if (sent <= 0)
			return -1;
		done += (size_t)sent;
	}
	return 0;
}

static int send_framed(int fd, const struct header *head, const void *data, size_t n)
{
	if (send_all(fd, head, sizeof(*head)) < 0)
		return -1;
	return send_all(fd, data, n);
}

int bad_answer(int fd)
{
	struct header head;
	char *data;

	if (make_list(&data, &head.length) < 0) // L7
		return -1;
	return send_framed(fd, &head, data, head.length);
}

int good_answer(int fd)
{
	struct header head;
	char *data;
	int result;

	if (make_list(&data, &head.length) < 0)
		return -1;
	result = send_framed(fd, &head, data, head.length);
	free(data);
	return result;
}

struct peer {
	int fd;
	char *last;
};

int good_kept(struct peer *peer)
{
	struct header head;
	char *data;

	if (make_list(&data, &head.length) < 0)
		return -1;
	free(peer->last);
	peer->last = data;
	return send_framed(peer->fd, &head, data, head.length);
}
