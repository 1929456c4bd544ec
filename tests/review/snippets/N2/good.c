#include <ctype.h>
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

void good_compared(int sock)
{
	char buf[64];

	if (receive(sock, buf, sizeof(buf)) < 0)
		return;
	if (strcmp(buf, "reboot") == 0)
		system("/sbin/reboot");
	else if (!strcmp(buf, "sleep"))
		system(buf);
}

void good_listed(int sock)
{
	char name[64], cmd[256];

	if (receive(sock, name, sizeof(name)) < 0)
		return;
	for (char *p = name; *p; p++)
		if (!isalnum((unsigned char)*p))
			return;
	snprintf(cmd, sizeof(cmd), "systemctl status %s", name);
	system(cmd);
}

void good_spn(int sock)
{
	char name[64], cmd[256];

	if (receive(sock, name, sizeof(name)) < 0)
		return;
	if (name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-")])
		return;
	snprintf(cmd, sizeof(cmd), "systemctl status %s", name);
	system(cmd);
}

void good_number(int sock)
{
	char line[64], cmd[256];
	int volume;

	if (receive(sock, line, sizeof(line)) < 0)
		return;
	volume = atoi(line);
	snprintf(cmd, sizeof(cmd), "amixer set Master %d%%", volume);
	system(cmd);
}

void good_exec(int sock)
{
	char line[100];

	if (receive(sock, line, sizeof(line)) < 0)
		return;
	execl("/usr/bin/notify-send", "notify-send", "--", line, (char *)NULL);
	_exit(127);
}

static int name_is_valid(const char *name)
{
	for (; *name; name++)
		if ((*name < 'a' || *name > 'z') && *name != '-')
			return 0;
	return 1;
}

void good_helper(int sock)
{
	char name[64], cmd[256];

	if (receive(sock, name, sizeof(name)) < 0 || !name_is_valid(name))
		return;
	snprintf(cmd, sizeof(cmd), "/usr/libexec/hook %s", name);
	system(cmd);
}

static const char *const actions[] = { "suspend", "lock", NULL };

void good_table(int sock)
{
	char buf[64], cmd[100];

	if (receive(sock, buf, sizeof(buf)) < 0)
		return;
	for (int i = 0; actions[i]; i++) {
		if (strcmp(actions[i], buf) != 0)
			continue;
		snprintf(cmd, sizeof(cmd), "loginctl %s", actions[i]);
		system(cmd);
	}
}

void good_own(int sock, const char *hook)
{
	char buf[64];

	if (receive(sock, buf, sizeof(buf)) == 0)
		system(hook);
}
