/* Two members, of which one closes the other, wherever they are made. */
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <event2/util.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct client {
	int fd;
	struct bufferevent *bev;
	int spare;
	struct bufferevent *plain;
	FILE *out;
	int number;
};

int begin(struct client *c, struct event_base *base, int fd)
{
	c->fd = fd;
	c->bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
	c->plain = bufferevent_socket_new(base, c->spare, 0);
	c->out = fdopen(c->number, "w");
	return c->bev && c->plain && c->out ? 0 : -1;
}

void end(struct client *c)
{
	bufferevent_free(c->bev);
	close(c->fd); // L4
	free(c);
}

void end_before(struct client *c)
{
	evutil_closesocket(c->fd); // L4
	bufferevent_free(c->bev);
	free(c);
}

void end_stream(struct client *c)
{
	fclose(c->out);
	close(c->number); // L4
}

void right(struct client *c)
{
	bufferevent_free(c->bev);
	fclose(c->out);
	c->fd = -1;
	free(c);
}

void right_set(struct client *c)
{
	if (c->fd >= 0)
		shutdown(c->fd, SHUT_RDWR);
	bufferevent_free(c->bev);
	c->fd = -1;
	if (c->fd >= 0)
		close(c->fd);
}

void right_plain(struct client *c)
{
	bufferevent_free(c->plain);
	close(c->spare);
}

void right_other(struct client *c, struct client *d)
{
	bufferevent_free(c->bev);
	close(d->fd);
}

int right_again(struct client *c, struct event_base *base, int fd)
{
	c->fd = fd;
	bufferevent_free(c->bev);
	c->bev = bufferevent_socket_new(base, c->fd, BEV_OPT_CLOSE_ON_FREE);
	if (!c->bev) {
		close(c->fd);
		return -1;
	}
	return 0;
}
