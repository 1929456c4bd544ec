#include <sys/socket.h>
#include <unistd.h>

static struct {
	int door;
	int log;
} hall;

int hall_open(const struct sockaddr *at, socklen_t n)
{
	hall.door = socket(AF_UNIX, SOCK_STREAM, 0); // L6
	if (hall.door < 0)
		return -1;
	return bind(hall.door, at, n) < 0 || listen(hall.door, 4) < 0 ? -1 : 0;
}

int hall_run(char **words)
{
	pid_t child = fork();

	if (child == 0) {
		close(hall.log);
		execv(words[0], words);
		_exit(127);
	}
	return child < 0 ? -1 : 0;
}
