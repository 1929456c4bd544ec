#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct line {
	char *text;
	size_t n;
};

/* The old buffer is lost when there is no room for a larger one. */
int bad_append(struct line *line, int fd)
{
	line->text = realloc(line->text, line->n + 512); // L7
	if (!line->text)
		return -1;
	return recv(fd, line->text + line->n, 512, 0) < 0 ? -1 : 0;
}

int good_append(struct line *line, int fd)
{
	char *text = realloc(line->text, line->n + 512);

	if (!text)
		return -1;
	line->text = text;
	return recv(fd, line->text + line->n, 512, 0) < 0 ? -1 : 0;
}

/* The program ends then. */
int good_end(struct line *line, int fd)
{
	line->text = realloc(line->text, line->n + 512);
	if (!line->text)
		abort();
	return recv(fd, line->text + line->n, 512, 0) < 0 ? -1 : 0;
}

/* The caller has the old one. */
struct line *good_given(struct line **given, int fd)
{
	struct line *line = *given;

	line = realloc(line, sizeof(*line) + 512);
	if (!line)
		return NULL;
	*given = line;
	return recv(fd, line + 1, 512, 0) < 0 ? NULL : line;
}
