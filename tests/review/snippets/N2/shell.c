#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int receive(int sock, char *buf, size_t size)
{
	ssize_t n = recv(sock, buf, size - 1, 0);

	if (n <= 0)
		return -1;
	buf[n] = '\0';
	return 0;
}

void bad_whole(int sock)
{
	char buf[256];

	if (receive(sock, buf, sizeof(buf)) == 0)
		system(buf); // N2
}

void bad_composed(int sock)
{
	char name[64], cmd[256];

	if (receive(sock, name, sizeof(name)) < 0)
		return;
	snprintf(cmd, sizeof(cmd), "/usr/bin/notify-send '%s'", name);
	system(cmd); // N2
}

void bad_popen(int sock)
{
	char name[64], cmd[256];
	FILE *p;

	if (receive(sock, name, sizeof(name)) < 0)
		return;
	sprintf(cmd, "grep %s /etc/passwd", name);
	p = popen(cmd, "r"); // N2
	if (p)
		pclose(p);
}

void bad_concatenated(int sock)
{
	char name[64], cmd[256] = "play ";

	if (receive(sock, name, sizeof(name)) < 0)
		return;
	strcat(cmd, name);
	system(cmd); // N2
}

void bad_exec(int sock)
{
	char line[100];

	if (receive(sock, line, sizeof(line)) < 0)
		return;
	execl("/bin/sh", "sh", "-c", line, (char *)NULL); // N2
	_exit(127);
}

static int run(const char *script, const char *argument)
{
	char cmd[300];

	snprintf(cmd, sizeof(cmd), "%s %s", script, argument);
	return system(cmd); // N2
}

void bad_helper(int sock)
{
	char line[100];

	if (receive(sock, line, sizeof(line)) == 0)
		run("/usr/libexec/volume", line);
}

/* That it begins right says nothing about its end. */
void bad_prefix(int sock)
{
	char line[100];

	if (receive(sock, line, sizeof(line)) < 0)
		return;
	if (strncmp(line, "mount ", 6) == 0)
		system(line); // N2
}

void bad_token(int sock)
{
	char line[100], cmd[200];
	char *verb, *rest;

	if (receive(sock, line, sizeof(line)) < 0)
		return;
	verb = strtok(line, " ");
	rest = strtok(NULL, "\n");
	if (!verb || !rest || strcmp(verb, "say"))
		return;
	snprintf(cmd, sizeof(cmd), "espeak \"%s\"", rest);
	system(cmd); // N2
}
