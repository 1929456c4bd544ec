#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

struct line {
	int fd, state;
	char in[256];
};

struct pair {
	int a, b, c;
};

static void line_end(struct line *l)
{
	close(l->fd);
	l->state = 0;
}

static void line_show(struct line *l)
{
	fwrite(l->in, 1, 4, stdout);
}

void good_drained(int fd)
{
	char away[512];

	recv(fd, away, sizeof(away), 0);
	recv(fd, away, sizeof(away), MSG_DONTWAIT);
}

void good_member(struct line *l)
{
	if (recv(l->fd, l->in, sizeof(l->in), 0) > 0)
		return;
	line_end(l);
}

void good_errors(int fd)
{
	struct pair p;

	if (recv(fd, &p, sizeof(p), MSG_ERRQUEUE) < 0)
		return;
	printf("%d\n", p.a);
}

void good_amount_asked(int fd)
{
	struct pair p = { 0 };
	int n = 0;

	if (ioctl(fd, FIONREAD, &n) < 0 || n < (int)sizeof(p))
		return;
	if (recv(fd, &p, sizeof(p), 0) < 0)
		return;
	printf("%d\n", p.b);
}

void bad_looked(int fd)
{
	struct pair p;

	if (recv(fd, &p, sizeof(p), 0) < 0) // E3
		return;
	printf("%d\n", p.c);
}

void bad_shown(struct line *l)
{
	recv(l->fd, l->in, sizeof(l->in), 0); // E3
	line_show(l);
}
