/* A virtual network, and a script that sets it up. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static int tunnel_open(void)
{
	return open("/dev/net/tun", O_RDWR); // L6
}

static int tunnel_open_well(void)
{
	return open("/dev/net/tun", O_RDWR | O_CLOEXEC);
}

static int tunnel_open_last(void)
{
	return open("/dev/net/tun", O_RDWR);
}

static int notes_open(void)
{
	return open("/var/log/notes", O_RDWR);
}

int run(int argc, char **argv, int *kept)
{
	kept[0] = tunnel_open();
	kept[1] = tunnel_open_well();
	kept[2] = notes_open();
	if (system("/etc/network/up") != 0)
		return 1;
	kept[3] = tunnel_open_last();
	return argc > 1 && argv[1][0] == '-';
}

int main(int argc, char **argv)
{
	int kept[4];

	return run(argc, argv, kept);
}
