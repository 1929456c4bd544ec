#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>

int hello(int fd)
{
	return send(fd, "hello\n", 6, 0) == 6 ? 0 : -1;
}

int start(void)
{
	sigset_t set;

	sigfillset(&set);
	return sigprocmask(SIG_BLOCK, &set, NULL);
}
