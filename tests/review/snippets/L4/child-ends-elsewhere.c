#include <unistd.h>
#include <stdlib.h>
#include <sys/socket.h>

void complain_and_die(const char *format, ...);
void complain(const char *format, ...);
int is_fatal(int number);

int good_child(int door, char **words)
{
	int guest = accept4(door, NULL, NULL, SOCK_CLOEXEC);
	pid_t child;

	if (guest < 0)
		return -1;
	child = fork();
	if (child == 0) {
		dup2(guest, 1);
		close(guest);
		execv(words[0], words);
		complain_and_die("no %s", words[0]);
	}
	close(guest);
	return child;
}

int good_only_fails(char **words)
{
	int kept = dup(1);

	if (kept < 0)
		return -1;
	if (execvp(words[0], words) < 0) {
		close(kept);
		complain("no %s", words[0]);
		exit(1);
	}
	return 0;
}

int bad_child(int door, char **words)
{
	int guest = accept4(door, NULL, NULL, SOCK_CLOEXEC);
	pid_t child;

	if (guest < 0)
		return -1;
	child = fork();
	if (child == 0) {
		dup2(guest, 1);
		close(guest);
		execv(words[0], words);
		complain("no %s", words[0]);
	}
	close(guest); // L4
	return child;
}

int bad_speaks_of_it(int door, int number)
{
	int guest = accept4(door, NULL, NULL, SOCK_CLOEXEC);

	if (guest < 0)
		return -1;
	close(guest);
	if (is_fatal(number))
		close(guest); // L4
	return 0;
}
