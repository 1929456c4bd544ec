/* SPDX-License-Identifier: Apache-2.0 */
/* correct: the descriptor of accept_cb goes to the bufferevent (BEV_OPT_CLOSE_ON_FREE), which is
 * freed in event_cb or when the last answer has been written; on EMFILE the error callback turns the
 * listener off for a second; the name is unlinked under a lock; SIGPIPE is ignored in main. */

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MAXLINE		400
#define IDLE_SECONDS	120

struct ctl_conn {
	TAILQ_ENTRY(ctl_conn)	 entry;
	struct bufferevent	*bev;
	int			 closing;
};
TAILQ_HEAD(ctl_list, ctl_conn);

static struct event_base	*base;
static struct evconnlistener	*listener;
static struct event		*resume_ev;
static struct ctl_list		 conns = TAILQ_HEAD_INITIALIZER(conns);
static int			 verbose;

static void
ctl_close(struct ctl_conn *c)
{
	TAILQ_REMOVE(&conns, c, entry);
	bufferevent_free(c->bev);
	free(c);
}

/* Answers are complete first: the write callback closes when the output is empty. */
static void
ctl_close_later(struct ctl_conn *c)
{
	c->closing = 1;
	bufferevent_disable(c->bev, EV_READ);
}

static void
write_cb(struct bufferevent *bev, void *arg)
{
	struct ctl_conn *c = arg;

	if (c->closing && evbuffer_get_length(bufferevent_get_output(bev)) == 0)
		ctl_close(c);
}

static void
ctl_command(struct ctl_conn *c, const char *line)
{
	struct evbuffer *out = bufferevent_get_output(c->bev);
	struct ctl_conn *o;
	int n = 0;

	if (strcmp(line, "ping") == 0)
		evbuffer_add(out, "pong\n", 5);
	else if (strcmp(line, "verbose") == 0)
		evbuffer_add_printf(out, "verbose %d\n", verbose = !verbose);
	else if (strcmp(line, "who") == 0) {
		TAILQ_FOREACH(o, &conns, entry)
			n++;
		evbuffer_add_printf(out, "%d\n", n);
	} else if (strcmp(line, "quit") == 0) {
		evbuffer_add(out, "bye\n", 4);
		ctl_close_later(c);
	} else
		evbuffer_add_printf(out, "unknown: %s\n", line);
}

static void
read_cb(struct bufferevent *bev, void *arg)
{
	struct ctl_conn *c = arg;
	struct evbuffer *in = bufferevent_get_input(bev);
	char *line;

	while (!c->closing && (line = evbuffer_readln(in, NULL, EVBUFFER_EOL_LF)) != NULL) {
		if (strlen(line) <= MAXLINE)
			ctl_command(c, line);
		free(line);
	}
	if (evbuffer_get_length(in) > MAXLINE)
		ctl_close(c);
}

static void
event_cb(struct bufferevent *bev, short what, void *arg)
{
	struct ctl_conn *c = arg;

	(void)bev;
	if (verbose && (what & BEV_EVENT_ERROR))
		fprintf(stderr, "ctl: %s\n",
		    evutil_socket_error_to_string(EVUTIL_SOCKET_ERROR()));
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR | BEV_EVENT_TIMEOUT))
		ctl_close(c);
}

static void
accept_cb(struct evconnlistener *lev, evutil_socket_t fd, struct sockaddr *sa, int len, void *arg)
{
	struct timeval idle = { IDLE_SECONDS, 0 };
	struct ctl_conn *c;

	(void)lev, (void)sa, (void)len, (void)arg;
	if ((c = calloc(1, sizeof(*c))) == NULL) {
		evutil_closesocket(fd);
		return;
	}
	c->bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (c->bev == NULL) {
		evutil_closesocket(fd);
		free(c);
		return;
	}
	TAILQ_INSERT_TAIL(&conns, c, entry);
	bufferevent_setcb(c->bev, read_cb, write_cb, event_cb, c);
	bufferevent_setwatermark(c->bev, EV_READ, 0, MAXLINE * 2);
	bufferevent_set_timeouts(c->bev, &idle, &idle);
	if (bufferevent_enable(c->bev, EV_READ | EV_WRITE) < 0)
		ctl_close(c);
}

static void
accept_error_cb(struct evconnlistener *lev, void *arg)
{
	struct timeval second = { 1, 0 };

	(void)arg;
	fprintf(stderr, "ctl: accept: %s\n",
	    evutil_socket_error_to_string(EVUTIL_SOCKET_ERROR()));
	evconnlistener_disable(lev);
	evtimer_add(resume_ev, &second);
}

static void
resume_cb(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
	evconnlistener_enable(listener);
}

static void
signal_cb(evutil_socket_t sig, short what, void *arg)
{
	(void)sig, (void)what;
	event_base_loopbreak(arg);
}

static int
hold_lock(const char *path)
{
	char name[sizeof(((struct sockaddr_un *)0)->sun_path) + 6];
	int fd;

	snprintf(name, sizeof(name), "%s.lock", path);
	if ((fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600)) == -1)
		return -1;
	if (flock(fd, LOCK_EX | LOCK_NB) == -1) {
		close(fd);
		return -1;
	}
	return fd;
}

int
main(int argc, char **argv)
{
	struct sockaddr_un sun;
	struct event *term;
	struct ctl_conn *c;
	int lock;

	if (argc != 2 || strlen(argv[1]) >= sizeof(sun.sun_path)) {
		fprintf(stderr, "usage: ctl socket\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	memset(&sun, 0, sizeof(sun));
	sun.sun_family = AF_UNIX;
	strcpy(sun.sun_path, argv[1]);

	if ((lock = hold_lock(argv[1])) == -1) {
		fprintf(stderr, "ctl: %s: in use\n", argv[1]);
		return 1;
	}
	unlink(argv[1]);
	if ((base = event_base_new()) == NULL ||
	    (resume_ev = evtimer_new(base, resume_cb, NULL)) == NULL ||
	    (term = evsignal_new(base, SIGTERM, signal_cb, base)) == NULL ||
	    evsignal_add(term, NULL) == -1) {
		fprintf(stderr, "ctl: out of memory\n");
		return 1;
	}
	listener = evconnlistener_new_bind(base, accept_cb, NULL,
	    LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 16,
	    (struct sockaddr *)&sun, sizeof(sun));
	if (listener == NULL) {
		fprintf(stderr, "ctl: %s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	evconnlistener_set_error_cb(listener, accept_error_cb);

	event_base_dispatch(base);

	while ((c = TAILQ_FIRST(&conns)) != NULL)
		ctl_close(c);
	evconnlistener_free(listener);
	unlink(argv[1]);
	event_free(term);
	event_free(resume_ev);
	event_base_free(base);
	close(lock);
	return 0;
}
