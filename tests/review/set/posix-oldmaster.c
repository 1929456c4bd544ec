/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Defects:
 * - the control socket is made before the program is forked and has no close-on-exec;
 * - the old name is unlinked without asking whether a master still serves it;
 * - accept() that fails (EMFILE) ends the master and with it the program;
 * - select() that a SIGCHLD interrupts ends the master too;
 * - what a client does not take in one write() is lost.
 */

/*
 * master.c: keeps a program running on a pty and lets terminals come and go.
 */
#include <sys/types.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <errno.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define MSG_PUSH	0
#define MSG_ATTACH	1
#define MSG_DETACH	2
#define MSG_WINCH	3

#define BUFSIZE		4096

struct packet
{
	unsigned char type;
	unsigned char len;
	union
	{
		unsigned char buf[sizeof(struct winsize)];
		struct winsize ws;
	} u;
};

struct client
{
	struct client *next;
	struct client **pprev;
	int fd;
	int attached;
};

static struct client *clients;
static char *sockname;
static int pty_fd = -1;
static pid_t child;
static volatile sig_atomic_t child_gone;

static void
die(sig)
	int sig;
{
	(void)sig;
	child_gone = 1;
}

static void
unlink_socket()
{
	unlink(sockname);
}

static int
create_socket(name)
	char *name;
{
	struct sockaddr_un sockun;
	mode_t omask;
	int s;

	if (strlen(name) > sizeof(sockun.sun_path) - 1)
	{
		errno = ENAMETOOLONG;
		return -1;
	}
	memset(&sockun, 0, sizeof(sockun));
	sockun.sun_family = AF_UNIX;
	strcpy(sockun.sun_path, name);

	s = socket(PF_UNIX, SOCK_STREAM, 0); /* @L6 */
	if (s < 0)
		return -1;
	unlink(name); /* @L5 */
	omask = umask(077);
	if (bind(s, (struct sockaddr *)&sockun, sizeof(sockun)) < 0)
	{
		umask(omask);
		close(s);
		return -1;
	}
	umask(omask);
	if (listen(s, 128) < 0)
	{
		unlink(name);
		close(s);
		return -1;
	}
	return s;
}

static int
init_pty(argv)
	char **argv;
{
	child = forkpty(&pty_fd, NULL, NULL, NULL);
	if (child < 0)
		return -1;
	if (child == 0)
	{
		execvp(*argv, argv);
		_exit(127);
	}
	return 0;
}

static void
drop(p)
	struct client *p;
{
	close(p->fd);
	if (p->next)
		p->next->pprev = p->pprev;
	*(p->pprev) = p->next;
	free(p);
}

/* Everything that the program writes goes to all who are attached. */
static void
pty_activity()
{
	unsigned char buf[BUFSIZE];
	struct client *p;
	ssize_t len;

	len = read(pty_fd, buf, sizeof(buf));
	if (len < 0 && errno == EINTR)
		return;
	if (len <= 0)
		exit(0);
	for (p = clients; p; p = p->next)
		if (p->attached)
			write(p->fd, buf, len); /* @E3 */
}

static void
control_activity(s)
	int s;
{
	struct client *p;
	int fd;

	fd = accept(s, NULL, NULL); /* @E7 @L6? */
	if (fd < 0)
	{
		perror("accept");
		exit(1);
	}
	p = (struct client *)calloc(1, sizeof(struct client));
	if (!p || fd >= FD_SETSIZE)
	{
		close(fd);
		free(p);
		return;
	}
	p->fd = fd;
	p->pprev = &clients;
	p->next = clients;
	if (p->next)
		p->next->pprev = &p->next;
	clients = p;
}

static int
push(buf, len)
	unsigned char *buf;
	size_t len;
{
	ssize_t n;

	while (len > 0)
	{
		n = write(pty_fd, buf, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		buf += n;
		len -= n;
	}
	return 0;
}

static void
client_activity(p)
	struct client *p;
{
	struct packet pkt;
	ssize_t len;

	len = recv(p->fd, &pkt, sizeof(pkt), MSG_WAITALL); /* @W4? */
	if (len < 0 && errno == EINTR)
		return;
	if (len != sizeof(pkt))
	{
		drop(p);
		return;
	}
	switch (pkt.type)
	{
	case MSG_PUSH:
		if (pkt.len <= sizeof(pkt.u.buf))
			push(pkt.u.buf, pkt.len);
		break;
	case MSG_ATTACH:
		p->attached = 1;
		break;
	case MSG_DETACH:
		p->attached = 0;
		break;
	case MSG_WINCH:
		ioctl(pty_fd, TIOCSWINSZ, &pkt.u.ws);
		break;
	}
}

static void
master_process(s)
	int s;
{
	struct client *p, *next;
	fd_set readfds;
	int highest;

	atexit(unlink_socket);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGCHLD, die);

	while (!child_gone)
	{
		FD_ZERO(&readfds);
		FD_SET(s, &readfds);
		FD_SET(pty_fd, &readfds);
		highest = s > pty_fd ? s : pty_fd;
		for (p = clients; p; p = p->next)
		{
			FD_SET(p->fd, &readfds);
			if (p->fd > highest)
				highest = p->fd;
		}
		if (select(highest + 1, &readfds, NULL, NULL, NULL) < 0) /* @E4 */
		{
			perror("select");
			exit(1);
		}
		for (p = clients; p; p = next)
		{
			next = p->next;
			if (FD_ISSET(p->fd, &readfds))
				client_activity(p);
		}
		if (FD_ISSET(s, &readfds))
			control_activity(s);
		if (FD_ISSET(pty_fd, &readfds))
			pty_activity();
	}
}

int
main(argc, argv)
	int argc;
	char **argv;
{
	int s;

	if (argc < 3)
	{
		fprintf(stderr, "usage: master socket command [args]\n");
		return 2;
	}
	sockname = argv[1];
	s = create_socket(sockname);
	if (s < 0)
	{
		perror(sockname);
		return 1;
	}
	if (init_pty(argv + 2) < 0)
	{
		perror("forkpty");
		unlink_socket();
		return 1;
	}
	master_process(s);
	exit(0);
}
