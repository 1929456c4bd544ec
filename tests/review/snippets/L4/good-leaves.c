// What looks like a second use and is none: the way before it has left, or the name is another by then.
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct job {
	int kind;
	struct job *first, *second;
};

int fork_or_die(void);

/* Each way out of it ends the process, also those behind its calls of itself. */
void run_job(struct job *job)
{
	int ends[2];

	if (!job)
		_exit(1);
	if (job->kind == 1) {
		if (pipe(ends) < 0)
			_exit(2);
		if (fork_or_die() == 0) {
			dup2(ends[1], 1);
			close(ends[0]);
			close(ends[1]);
			run_job(job->first);
		}
		if (fork_or_die() == 0) {
			dup2(ends[0], 0);
			close(ends[0]);
			close(ends[1]);
			run_job(job->second);
		}
		close(ends[0]);
		close(ends[1]);
	}
	_exit(0);
}

/* The macro comes from a header that is not there. */
char *twice(const char *text, size_t size)
{
	char *copy = strdup(text), *big;

	if (!copy) {
no_room:
		RETURN_POINTER_AND_SAY(NULL, ("no room\n"));
	}
	big = malloc(size);
	if (!big) {
		free(copy);
		goto no_room;
	}
	memcpy(big, copy, size);
	free(copy);
	return big;
}

/* One of the names is kept, and the loop frees the others. */
char **names;

void drop_but(int kept)
{
	char *old = NULL;

	for (int i = 0; names[i]; i++) {
		if (i == kept)
			old = names[i];
		else
			free(names[i]);
	}
	free(old);
}

/* Behind job = job->first its `first` is that of another. */
struct queue {
	struct job *head;
};

void drop_last(struct queue *queue)
{
	struct job *job = queue->head;

	while (job->first->first)
		job = job->first;
	free(job->first);
	job->first = NULL;
}
