/* Elements of memory that was given back, and elements whose memory is still there. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

char *answer; /* of the server, or NULL */
char *receive_answer(int fd);
void report(const char *format, ...);

int bad_global(int fd)
{
	answer = receive_answer(fd);
	if (!answer)
		return 1;
	switch (answer[0]) {
	case '2':
		free(answer);
		return 0;
	default:
		free(answer);
		report("unknown answer %c", answer[0]); // L4
		return 1;
	}
}

int bad_returned(int fd)
{
	char *text = receive_answer(fd);

	if (!text)
		return -1;
	free(text);
	return text[0]; // L4
}

void bad_written(int *codes, size_t n)
{
	free(codes);
	codes[n - 1] = 0; // L4
}

int good_before(int fd)
{
	char *text = receive_answer(fd);
	int first;

	if (!text)
		return -1;
	first = text[0];
	free(text);
	return first;
}

int good_anew(int fd)
{
	answer = receive_answer(fd);
	if (!answer)
		return -1;
	free(answer);
	answer = receive_answer(fd);
	return answer ? answer[0] : -1;
}

void good_elements(char **names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(names[i]);
		names[i] = NULL;
	}
	names[0] = NULL;
	free(names);
}

int good_table(int fd)
{
	static const char *words[] = { "no", "yes" };
	char *text = receive_answer(fd);
	int known = text && !strcmp(text, words[1]);

	free(text);
	return known ? words[1][0] : words[0][0];
}
