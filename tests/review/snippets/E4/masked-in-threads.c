#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t children;

static void on_child(int signo)
{
	(void)signo;
	children++;
}

/* Signals are blocked in all threads but the first. */
static void *good_thread(void *data)
{
	struct pollfd p = { .fd = *(int *)data, .events = POLLIN };
	char c;

	while (poll(&p, 1, 1000) >= 0)
		if (p.revents && read(p.fd, &c, 1) <= 0)
			break;
	return NULL;
}

static int in_the_first_thread(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char c;

	while (poll(&p, 1, 1000) >= 0) // E4
		if (p.revents && read(p.fd, &c, 1) <= 0)
			break;
	return 0;
}

int main(void)
{
	struct sigaction sa;
	pthread_t thread;
	sigset_t set;
	int fd = 0;

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = on_child;
	sigaction(SIGCHLD, &sa, NULL);
	sigfillset(&set);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	if (pthread_create(&thread, NULL, good_thread, &fd) != 0)
		return 1;
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	in_the_first_thread(fd);
	pthread_join(thread, NULL);
	return 0;
}
