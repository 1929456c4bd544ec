#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

struct calls {
	int (*dup2)(int from, int to);
};

static struct calls real;

int good_dup2(int from, int to)
{
	close(to);
	if (real.dup2(from, to) != to)
		return -1;
	if (lseek(to, 0, SEEK_SET) < 0) {
		close(to);
		return -1;
	}
	return to;
}

int not_opened_again(int from, int to)
{
	close(to);
	if (lseek(from, 0, SEEK_SET) < 0) {
		close(to); // L4
		return -1;
	}
	return from;
}

struct pin {
	struct pin *prev, *next;
	FILE *file;
};

void good_unlinked(int (*wait_for_one)(void))
{
	struct pin list = { &list, &list, NULL };

	while (wait_for_one() > 1) {
		struct pin *pin = calloc(1, sizeof(*pin));

		if (!pin)
			return;
		list.next->prev = pin;
		pin->next = list.next;
		pin->prev = &list;
		list.next = pin;
	}
	for (;;) {
		if (wait_for_one() != 1)
			break;
		for (struct pin *pin = list.next; pin != &list; pin = pin->next) {
			if (!pin->file || wait_for_one() != fileno(pin->file))
				continue;
			fclose(pin->file);
			pin->file = NULL;
			if (wait_for_one()) {
				pin->next->prev = pin->prev;
				pin->prev->next = pin->next;
				free(pin);
			}
			break;
		}
	}
}

void goes_on_from_it(void)
{
	struct pin list = { &list, &list, NULL };

	for (struct pin *pin = list.next; pin != &list; pin = pin->next) { // L4
		pin->next->prev = pin->prev;
		pin->prev->next = pin->next;
		free(pin);
	}
}

int both_end_it(int fd, int pid)
{
	FILE *f = fdopen(fd, "r+");

	if (!f)
		return -1;
	fprintf(f, "%d\n", pid);
	close(fd); // L4
	fclose(f);
	return 0;
}
