/* -1 is not 0: a wait that failed or was interrupted passes for one that found something. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

static volatile sig_atomic_t children;

static void on_child(int signal)
{
	(void)signal;
	children = children + 1;
}

void begin(void)
{
	struct sigaction a = { .sa_handler = on_child };

	sigaction(SIGCHLD, &a, NULL);
}

long wrong_condition(int s, char *text, size_t room)
{
	fd_set in;
	struct timeval limit = { 2, 0 };

	FD_ZERO(&in);
	FD_SET(s, &in);
	if (select(s + 1, &in, NULL, NULL, &limit)) /* E4 */
		return recv(s, text, room, 0);
	return -1;
}

long wrong_isset(int s, char *text, size_t room)
{
	fd_set in;
	struct timeval limit = { 2, 0 };
	int any;

	FD_ZERO(&in);
	FD_SET(s, &in);
	any = select(s + 1, &in, NULL, NULL, &limit); /* E4 */
	if (any == 0)
		return -1;
	if (FD_ISSET(s, &in))
		return recv(s, text, room, 0);
	return 0;
}

int wrong_poll(int door)
{
	struct pollfd p = { .fd = door, .events = POLLIN };

	if (!poll(&p, 1, 500)) /* E4 */
		return -1;
	return accept4(door, NULL, NULL, SOCK_CLOEXEC);
}

long wrong_loop(int s, char *text, size_t room)
{
	struct pollfd p = { .fd = s, .events = POLLIN };

	for (int turns = 0; turns < 5; turns++) {
		int n = poll(&p, 1, 500); /* E4 */

		if (n != 0)
			return recv(s, text, room, 0);
	}
	return -1;
}

long right_above_zero(int s, char *text, size_t room)
{
	fd_set in;
	struct timeval limit = { 2, 0 };

	FD_ZERO(&in);
	FD_SET(s, &in);
	if (select(s + 1, &in, NULL, NULL, &limit) > 0)
		return recv(s, text, room, 0);
	return -1;
}

long right_one(int s, char *text, size_t room)
{
	struct pollfd p = { .fd = s, .events = POLLIN };

	if (poll(&p, 1, 500) == 1)
		return recv(s, text, room, 0);
	return -1;
}

long right_failed_before(int s, char *text, size_t room)
{
	struct pollfd p = { .fd = s, .events = POLLIN };
	int n;

	do
		n = poll(&p, 1, 500);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -1;
	if (n)
		return recv(s, text, room, 0);
	return 0;
}

/* What did not happen leaves revents as it was. */
long right_revents(int s, char *text, size_t room)
{
	struct pollfd p = { .fd = s, .events = POLLIN };

	if (poll(&p, 1, 500) && (p.revents & POLLIN))
		return recv(s, text, room, 0);
	return 0;
}

/* The read does not wait, so it asks once more itself. */
long right_without_waiting(int s, char *text, size_t room)
{
	struct pollfd p = { .fd = s, .events = POLLIN };

	if (poll(&p, 1, 500))
		return recv(s, text, room, MSG_DONTWAIT);
	return 0;
}

/* Nobody asks for the result: the read has its own limit. */
long right_only_a_pause(int s, char *text, size_t room)
{
	struct pollfd p = { .fd = s, .events = POLLIN };

	(void)poll(&p, 1, 500);
	return recv(s, text, room, 0);
}
