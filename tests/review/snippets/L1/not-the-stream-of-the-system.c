#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>

static int lines(FILE *in)
{
	char line[100];
	int n = 0;

	while (fgets(line, sizeof(line), in))
		n++;
	return n;
}

int good_unless_stdin(const char *name)
{
	FILE *in = stdin;
	int n;

	if (strcmp(name, "-") != 0) {
		in = fopen(name, "re");
		if (!in)
			return -1;
	}
	n = lines(in);
	if (in != stdin)
		fclose(in);
	return n;
}

int good_plus_one(const char *name)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? 0 : fd + 1;
}

int bad_unless_empty(const char *name)
{
	FILE *in = fopen(name, "re");
	int n;

	if (!in)
		return -1;
	n = lines(in);
	if (n == 0)
		fclose(in);
	return n; // L1
}

int good_asked_again(const char *name)
{
	FILE *in;
	int n;

	if (strcmp(name, "-") == 0)
		in = stdin;
	else if ((in = fopen(name, "re")) == NULL)
		return -1;
	n = lines(in);
	if (strcmp(name, "-") != 0)
		fclose(in);
	return n;
}

int bad_asked_something_else(const char *name, int all)
{
	FILE *in;
	int n;

	if (strcmp(name, "-") == 0)
		in = stdin;
	else if ((in = fopen(name, "re")) == NULL)
		return -1;
	n = lines(in);
	if (all)
		fclose(in);
	return n; /* L1 */
}

int bad_before_it_is_asked(const char *name)
{
	FILE *in;
	int n;

	if (strcmp(name, "-") == 0)
		in = stdin;
	else if ((in = fopen(name, "re")) == NULL)
		return -1;
	n = lines(in);
	if (n > 5)
		return -2; /* L1 */
	if (strcmp(name, "-") != 0)
		fclose(in);
	return n;
}

int good_closed_before_it_is_asked_too(const char *name)
{
	FILE *in;
	int n;

	if (strcmp(name, "-") == 0)
		in = stdin;
	else if ((in = fopen(name, "re")) == NULL)
		return -1;
	n = lines(in);
	if (n > 5) {
		fclose(in);
		return -2;
	}
	if (strcmp(name, "-") != 0)
		fclose(in);
	return n;
}
