#include <sys/socket.h>
#include <unistd.h>

int use(int s);

int good_no_listener(int door)
{
	int guest = accept(door, NULL, NULL);

	if (door == -1)
		return 0;
	if (guest < 0)
		return 0;
	use(guest);
	close(guest);
	return 1;
}

int bad_other(int door, int limit)
{
	int guest = accept(door, NULL, NULL);

	if (guest < 0)
		return 0;
	if (limit == -1)
		return 0; // L1
	use(guest);
	close(guest);
	return 1;
}
