// What malloc() gives is no array of the function's own; what is in a list goes on in it.
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define seldom(x) __builtin_expect(!!(x), 0)

struct part {
	struct part *next;
	char *text;
};

struct letter {
	struct part *parts;
};

struct part *part_new(const char *text);
void letter_free(struct letter *letter);

int say(int fd, const char *text, size_t n)
{
	char small[64];
	char *all = n < sizeof(small) ? small : malloc(n + 1);
	ssize_t sent;

	if (!all)
		return -1;
	memcpy(all, text, n);
	sent = send(fd, all, n, MSG_NOSIGNAL);
	if (all != small)
		free(all);
	return sent == (ssize_t)n ? 0 : -1;
}

int say_less(int fd, const char *text, size_t n)
{
	char *all = malloc(n + 1);
	ssize_t sent;

	if (seldom(!all))
		return -1;
	memcpy(all, text, n);
	sent = send(fd, all, n, MSG_NOSIGNAL);
	if (sent != (ssize_t)n)
		return -1; // L7
	free(all);
	return 0;
}

static struct part *part_make(void)
{
	struct part *part = calloc(1, sizeof(*part));

	if (!part)
		abort();
	return part;
}

void compose(int fd)
{
	struct letter *letter = calloc(1, sizeof(*letter));
	struct part *at;

	if (!letter)
		return;
	letter->parts = at = part_make();
	at->next = part_make();
	at->next->next = part_make();
	at = at->next->next;
	at->next = part_make();
	at = at->next = part_make();
	if (fd > 3)
		at->next = part_make();
	(void)!send(fd, at, sizeof(*at), MSG_NOSIGNAL);
	letter_free(letter);
}
