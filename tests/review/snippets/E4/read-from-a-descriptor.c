#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

static volatile sig_atomic_t children, hung;

static void on_child(int signo)
{
	(void)signo;
	children++;
}

static void on_hup(int signo)
{
	(void)signo;
	hung++;
}

/* From now on SIGCHLD interrupts nothing. */
static int signal_fd(void)
{
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &mask, NULL) < 0)
		return -1;
	return signalfd(-1, &mask, SFD_CLOEXEC);
}

static int wait_once(struct pollfd *p)
{
	return poll(p, 2, -1);
}

void good_server(int fd)
{
	struct pollfd p[2] = { { .fd = fd, .events = POLLIN },
			       { .fd = signal_fd(), .events = POLLIN } };
	char c;

	while (wait_once(p) >= 0)
		if (p[0].revents && read(fd, &c, 1) <= 0)
			break;
	if (p[1].fd >= 0)
		close(p[1].fd);
}

void has_it_not_blocked(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char c;

	while (poll(&p, 1, -1) >= 0) // E4
		if (p.revents && read(fd, &c, 1) <= 0)
			break;
}

int main(int argc, char **argv)
{
	(void)argv;
	signal(SIGCHLD, on_child);
	if (argc > 1)
		good_server(0);
	else
		has_it_not_blocked(0);
	return 0;
}
