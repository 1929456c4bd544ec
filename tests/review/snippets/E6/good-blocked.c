#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>

int hello(int fd)
{
	return send(fd, "hello\n", 6, 0) == 6 ? 0 : -1;
}

int start(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	return pthread_sigmask(SIG_BLOCK, &set, NULL);
}
