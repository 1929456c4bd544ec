/* Heads of loops in macros, with another name for each turn. */
#include <stdlib.h>
#include <unistd.h>

struct entry {
	struct entry *next;
	int fd;
};

#define every(pos, from) for (pos = (from); pos; pos = pos->next)
#define every_safe(pos, spare, from) \
	for (pos = (from), spare = pos ? pos->next : NULL; pos; pos = spare, spare = pos ? pos->next : NULL)
#define until_done while (1)

void drop(struct entry *all)
{
	struct entry *e, *spare;

	every_safe(e, spare, all) {
		close(e->fd);
		free(e);
	}
}

void drop_wrong(struct entry *all)
{
	struct entry *e;

	every(e, all) // L4
		free(e);
}

int spin(int fd)
{
	char c;

	until_done {
		if (read(fd, &c, 1) <= 0)
			return -1;
		if (c == '\n')
			return 0;
	}
}
