#include <glib.h>
#include <sys/socket.h>
#include <unistd.h>

static int open_it(void)
{
	return socket(AF_INET, SOCK_STREAM, 0); // L6
}

static gboolean run(char **argv)
{
	return g_spawn_async(NULL, argv, NULL, G_SPAWN_LEAVE_DESCRIPTORS_OPEN, NULL, NULL, NULL, NULL);
}

int main(int argc, char **argv)
{
	int fd = open_it(), ok;

	(void)argc;
	if (fd < 0)
		return 1;
	ok = run(argv + 1);
	close(fd);
	return !ok;
}
