#include <errno.h>
#include <sys/epoll.h>

static int reactor;

/* No handler is installed; a debugger interrupts it all the same. */
static int bad_turn(void)
{
	struct epoll_event events[8];
	int n = epoll_wait(reactor, events, 8, -1); // E4

	if (n < 0)
		return 1;
	return 0;
}

int bad_run(void)
{
	int r;

	for (;;) {
		r = bad_turn();
		if (r)
			return r;
	}
}

static int good_turn(void)
{
	struct epoll_event events[8];
	int n = epoll_wait(reactor, events, 8, -1);

	if (n < 0 && errno != EINTR)
		return 1;
	return 0;
}

int good_run(void)
{
	int r;

	for (;;) {
		r = good_turn();
		if (r)
			return r;
	}
}
