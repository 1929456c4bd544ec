#include "doors.h" /* NO_DOOR, which nobody finds here */
#include <sys/socket.h>
#include <unistd.h>

int good_eq(int family)
{
	int door = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (door == NO_DOOR)
		return -1;
	return door;
}

int good_ne(int family)
{
	int door = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (door != NO_DOOR)
		close(door);
	return 0;
}

int good_twice(int family, const struct sockaddr *to, socklen_t n)
{
	int door, ok = 0;

	if ((door = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)) != NO_DOOR &&
	    connect(door, to, n) == 0)
		ok = 1;
	if (door != NO_DOOR)
		close(door);
	return ok;
}

static const int none = -1;

int good_const(int family)
{
	int door = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return door == none ? -2 : door;
}

int bad_after(int family, const struct sockaddr *at, socklen_t n)
{
	int door = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (door == NO_DOOR)
		return -1;
	if (bind(door, at, n) < 0)
		return -1; // L1
	return door;
}

int bad_swapped(int family)
{
	int door = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (door != NO_DOOR)
		return -1; // L1
	close(door);
	return 0;
}
