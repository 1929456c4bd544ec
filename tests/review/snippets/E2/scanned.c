/* A number that a file was to give. */
#include <stdio.h>

int bad_number(const char *path)
{
	FILE *file = fopen(path, "r");
	int number;

	if (!file)
		return -1;
	fscanf(file, "%d", &number);
	fclose(file);
	return number; // E2
}

int bad_text(const char *text)
{
	unsigned port;

	sscanf(text, "port=%u", &port);
	return port > 1024; // E2
}

int good_looked(const char *text)
{
	int port;

	if (sscanf(text, "%d", &port) != 1)
		return -1;
	return port;
}

int good_default(const char *text)
{
	int port = 80, other;

	other = 8080;
	sscanf(text, "%d %d", &port, &other);
	return port + other;
}

int good_kept(const char *text)
{
	int n, width;

	n = sscanf(text, "%d", &width);
	return n == 1 ? width : 0;
}

void good_unused(FILE *file)
{
	int skipped;

	fscanf(file, "%d", &skipped);
}

/* Somebody else has given it a value. */
void begin_with(int *number);

int good_given(FILE *file)
{
	int number;

	begin_with(&number);
	fscanf(file, "%d", &number);
	return number;
}
