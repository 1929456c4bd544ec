#include <assert.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void show(const char *text);

void bad_index(int s)
{
	char text[64];
	ssize_t n;

	signal(SIGPIPE, SIG_IGN);
	n = recv(s, text, sizeof(text) - 1, 0);
	text[n] = '\0'; // E2
	show(text);
}

void good_tested(int s)
{
	char text[64];
	ssize_t n = recv(s, text, sizeof(text) - 1, 0);

	if (n < 0)
		return;
	text[n] = '\0';
	show(text);
}

void good_in_condition(int s)
{
	char text[64];
	ssize_t n;

	while ((n = recv(s, text, sizeof(text) - 1, 0)) > 0) {
		text[n] = '\0';
		show(text);
	}
}

void good_asserted(int s)
{
	char text[64];
	ssize_t n = recv(s, text, sizeof(text) - 1, 0);

	assert(n >= 0);
	text[n] = '\0';
	show(text);
}
