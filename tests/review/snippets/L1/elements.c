// Which element of an array a name from elsewhere means, nobody knows; an #if for each system; a program that is not there.
#include "sides.h"
#include <sys/socket.h>
#include <unistd.h>

int prepare(int out);

int both_sides(void)
{
	int ends[2] = { -1, -1 };

	if (pipe(ends) < 0)
		goto out;
	if (prepare(ends[1]) < 0)
		goto out;
	write(ends[SIDE_OUT], "x", 1);
out:
	if (ends[SIDE_IN] != -1)
		close(ends[SIDE_IN]);
	if (ends[SIDE_OUT] != -1)
		close(ends[SIDE_OUT]);
	return -1;
}

int one_side(void)
{
	int ends[2];

	if (pipe(ends) < 0)
		return -1;
	if (prepare(ends[1]) < 0)
		return -1; // L1
	close(ends[0]);
	close(ends[1]);
	return 0;
}

int each_system(void)
{
	char byte;
	int s = socket(AF_UNIX, SOCK_STREAM, 0), r;

	if (s < 0)
		return -1;
	r = (int)recv(s, &byte, 1, 0);
#ifdef OWN_UNIX
	close(s);
#endif
#ifdef _WIN32
	closesocket(s);
#endif
	return r;
}

int no_system(void)
{
	char byte;
	int s = socket(AF_UNIX, SOCK_STREAM, 0), r;

	if (s < 0)
		return -1;
	r = (int)recv(s, &byte, 1, 0);
	if (r < 0)
		return -1; // L1
#ifdef OWN_UNIX
	close(s);
#endif
	return r;
}
