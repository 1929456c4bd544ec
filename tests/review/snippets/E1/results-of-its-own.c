/* Results that the project has given a meaning of its own, and tests that lead to the same. */
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

enum answer { ANSWER_NONE, ANSWER_TAKEN, ANSWER_KEPT };

static enum answer answer_of(int s, char *text)
{
	if (recv(s, text, 10, MSG_PEEK) < 10)
		return -1;
	return text[0] == 'k' ? ANSWER_TAKEN : ANSWER_NONE;
}

bool right_named(int s)
{
	char text[10];

	return answer_of(s, text) == ANSWER_TAKEN;
}

void right_no_effect(int s)
{
	if (!write(s, "x", 1))
		return;
}

static int name_of(int fd, char *text)
{
	int ret = read(fd, text, 20);

	if (ret <= 0 || ret >= 20)
		goto out;
	text[ret] = 0;
	ret = 0;
out:
	close(fd);
	return ret;
}

bool right_status(int fd, char *text)
{
	return name_of(fd, text) == 0 && text[0] == 'a';
}

static int amount_of(int fd, char *text)
{
	return recv(fd, text, 20, 0);
}

bool wrong_amount(int fd, char *text)
{
	if (!amount_of(fd, text)) // E1
		return false;
	return text[0] == 'k';
}
