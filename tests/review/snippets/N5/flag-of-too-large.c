/* What is too large sets a flag, and the flag is asked before the number is used. */
#include <arpa/inet.h>
#include <stdint.h>
#include <sys/socket.h>

enum { TOO_LARGE = 2 };
static int values[400];

int limit_of(int kind);

int right_flag(int s, int kind)
{
	unsigned char request[4];
	int error = 0, first;

	if (recv(s, request, sizeof(request), MSG_WAITALL) != sizeof(request))
		return -1;
	first = request[0] << 8 | request[1];
	if (first + 1 > limit_of(kind))
		error = TOO_LARGE;
	if (error == 0)
		return values[first];
	return -error;
}

int wrong_no_flag(int s, int kind)
{
	unsigned char request[4];
	int error = 0, first;

	if (recv(s, request, sizeof(request), MSG_WAITALL) != sizeof(request))
		return -1;
	first = request[0] << 8 | request[1];
	if (kind > limit_of(kind))
		error = TOO_LARGE;
	if (error == 0)
		return values[first]; // N5
	return -error;
}
