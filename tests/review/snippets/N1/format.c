#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <syslog.h>
#include <unistd.h>

struct client {
	int fd;
	char line[128];
	size_t used;
};

void bad_direct(int sock)
{
	char buf[256];
	ssize_t n = recv(sock, buf, sizeof(buf) - 1, 0);

	if (n <= 0)
		return;
	buf[n] = '\0';
	printf(buf); // N1
}

void bad_part(int sock)
{
	char buf[256];
	char *rest;
	ssize_t n = recv(sock, buf, sizeof(buf) - 1, 0);

	if (n <= 0)
		goto out;
	buf[n] = '\0';
	rest = strchr(buf, ':');
	if (rest)
		syslog(LOG_NOTICE, rest + 1); // N1
out:
	close(sock);
}

/* The bytes are copied twice before they are used. */
void bad_copied(int sock)
{
	char buf[64], message[64], line[128];
	ssize_t n = recv(sock, buf, sizeof(buf) - 1, 0);

	if (n < 1)
		return;
	buf[n] = 0;
	strcpy(message, buf);
	snprintf(line, sizeof(line), "client: %s\n", message);
	fprintf(stderr, line); // N1
}

static void say(const char *text)
{
	fprintf(stdout, text); // N1
}

void bad_helper(int sock)
{
	char buf[100];
	ssize_t n;

	while ((n = recv(sock, buf, sizeof buf - 1, 0)) > 0) {
		buf[n] = '\0';
		say(buf);
	}
}

static void note(int level, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsyslog(level, format, ap);
	va_end(ap);
}

/* The wrapper is right; who gives it the bytes is wrong. */
void bad_wrapper(int sock)
{
	char buf[100];
	ssize_t n = recv(sock, buf, sizeof buf - 1, 0);

	if (n <= 0)
		return;
	buf[n] = '\0';
	note(LOG_INFO, "%s", buf);
	note(LOG_INFO, buf); // N1
}

void bad_member(struct client *c)
{
	ssize_t n = recv(c->fd, c->line, sizeof(c->line) - 1, MSG_DONTWAIT);

	if (n <= 0)
		return;
	c->line[n] = '\0';
	c->used = (size_t)n;
}

void bad_member_used(struct client *c)
{
	if (c->used)
		printf(c->line); // N1
}

void bad_reply(int sock, int out)
{
	char buf[100];
	ssize_t n = recv(sock, buf, sizeof buf - 1, 0);

	if (n <= 0)
		return;
	buf[n] = '\0';
#ifdef VERBOSE
	dprintf(out, "answer: %s\n", buf);
#else
	dprintf(out, buf); // N1
#endif
}

void bad_stream(int sock)
{
	char line[200];
	FILE *f = fdopen(sock, "r");

	if (!f)
		return;
	while (fgets(line, sizeof(line), f))
		printf(line); // N1
	fclose(f);
}
