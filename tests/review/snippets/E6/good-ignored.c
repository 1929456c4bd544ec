#include <signal.h>
#include <sys/socket.h>

int hello(int fd)
{
	return send(fd, "hello\n", 6, 0) == 6 ? 0 : -1;
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	return hello(3) < 0;
}
