#include <sys/socket.h>
#include <unistd.h>

static void close_others(int last)
{
	for (int fd = 3; fd <= last; fd++)
		close(fd);
}

int start(char **argv)
{
	close_others(1023);
	execvp(argv[0], argv);
	return -1;
}

int open_it(void)
{
	return socket(AF_INET, SOCK_STREAM, 0);
}
