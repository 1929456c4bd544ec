#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <syslog.h>
#include <unistd.h>

#define LOG(...) fprintf(stderr, __VA_ARGS__)

static const char *formats[] = { "%s is there\n", "%s is gone\n" };

void good_argument(int sock)
{
	char buf[256];
	ssize_t n = recv(sock, buf, sizeof(buf) - 1, 0);

	if (n <= 0)
		return;
	buf[n] = '\0';
	printf("%s", buf);
	syslog(LOG_INFO, "client says %s", buf);
	LOG("%s\n", buf);
}

void good_puts(int sock)
{
	char buf[256];
	ssize_t n = recv(sock, buf, sizeof(buf) - 1, 0);

	if (n <= 0)
		return;
	buf[n] = '\0';
	puts(buf);
	fwrite(buf, 1, (size_t)n, stdout);
}

/* The peer chooses among formats of our own. */
void good_table(int sock)
{
	char buf[2];

	if (recv(sock, buf, sizeof(buf), 0) != 2)
		return;
	printf(formats[buf[0] == 'g'], "it");
}

void good_own(int sock, const char *format)
{
	char buf[16];
	ssize_t n = recv(sock, buf, sizeof(buf), 0);

	if (n > 0)
		printf(format, (int)n);
}

/* The buffer is filled anew before it is a format. */
void good_overwritten(int sock)
{
	char buf[64];

	if (recv(sock, buf, sizeof(buf) - 1, 0) < 0)
		return;
	strcpy(buf, "done\n");
	printf(buf);
}

static void note(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
}

void good_wrapper(int sock)
{
	char buf[64];
	ssize_t n = recv(sock, buf, sizeof(buf) - 1, 0);

	if (n <= 0)
		return;
	buf[n] = '\0';
	note("%d bytes: %s\n", (int)n, buf);
}

/* What comes from a file of our own is no peer's. */
void good_file(int sock)
{
	char line[100];
	FILE *f = fopen("/etc/motd", "r");

	if (!f)
		return;
	while (fgets(line, sizeof(line), f))
		dprintf(sock, line);
	fclose(f);
}

void good_known(int sock)
{
	char buf[64];
	ssize_t n = recv(sock, buf, sizeof(buf) - 1, 0);

	if (n <= 0)
		return;
	buf[n] = '\0';
	if (strcmp(buf, "hello\n") == 0)
		printf(buf);
}
