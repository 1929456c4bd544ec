#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static int open_door(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0); // L6
}

static int turn(const char *command)
{
	return system(command);
}

int main(int argc, char **argv)
{
	int door = -1;

	for (int i = 1; i < argc; i++) {
		if (turn(argv[i]) != 0)
			break;
		if (door < 0)
			door = open_door();
	}
	if (door >= 0)
		close(door);
	return 0;
}
