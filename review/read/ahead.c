/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parsing ahead; see ahead.h.
 *
 * The mutex guards the states, and who has set a job to AHEAD_TAKEN alone touches its tree. Texts are
 * prepared by the thread that reads, because that uses the arena and the table of names.
 */

#include "read/ahead.h"

#include <pthread.h>
#include <stdlib.h>

enum {
	AHEAD_MAX_JOBS = 64,
	AHEAD_FILES = 4, /* that wait for each thread: one long file does not stop the others */
};

enum ahead_state { AHEAD_NEW, AHEAD_TAKEN, AHEAD_DONE };

struct ahead_job {
	struct tree tree;
	enum ahead_state state;
};

static struct {
	struct source **sources;
	struct ahead_job *ring; /* n_ring of them: that of source i is i % n_ring */
	size_t n, n_ring;
	size_t next;     /* to be given out */
	size_t prepared; /* from next on */
	size_t untaken;  /* from next on, no job below it is new */
	pthread_t threads[AHEAD_MAX_JOBS];
	unsigned n_threads;
	bool over;
} ahead;

static pthread_mutex_t ahead_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ahead_work = PTHREAD_COND_INITIALIZER; /* a job is new, or it is over */
static pthread_cond_t ahead_done = PTHREAD_COND_INITIALIZER;

static struct ahead_job *ahead_job(size_t i)
{
	return &ahead.ring[i % ahead.n_ring];
}

/* With the mutex. */
static struct ahead_job *ahead_take(void)
{
	while (ahead.untaken < ahead.prepared) {
		struct ahead_job *job = ahead_job(ahead.untaken++);

		if (job->state == AHEAD_NEW) {
			job->state = AHEAD_TAKEN;
			return job;
		}
	}
	return NULL;
}

static void *ahead_run(void *data)
{
	TSParser *parser = ts_parser_new();

	(void)data;
	pthread_mutex_lock(&ahead_mutex);
	while (!ahead.over) {
		struct ahead_job *job = ahead_take();

		if (!job) {
			pthread_cond_wait(&ahead_work, &ahead_mutex);
			continue;
		}
		pthread_mutex_unlock(&ahead_mutex);
		tree_begin_apart(&job->tree, parser);
		pthread_mutex_lock(&ahead_mutex);
		job->state = AHEAD_DONE;
		pthread_cond_signal(&ahead_done);
	}
	pthread_mutex_unlock(&ahead_mutex);
	if (parser)
		ts_parser_delete(parser);
	return NULL;
}

void ahead_begin(struct source **sources, size_t n, unsigned jobs)
{
	if (jobs > AHEAD_MAX_JOBS)
		jobs = AHEAD_MAX_JOBS;
	ahead.sources = sources;
	ahead.n = n;
	ahead.n_ring = jobs > 1 ? (size_t)jobs * AHEAD_FILES : 1;
	ahead.ring = arena_alloc(&run_arena, ahead.n_ring * sizeof(*ahead.ring));
	ahead.next = ahead.prepared = ahead.untaken = 0;
	ahead.over = false;
	/* One that cannot be started is not missed: what nobody has taken, the reader parses. */
	for (ahead.n_threads = 0; ahead.n_threads + 1 < jobs && ahead.n_threads + 1 < n;
	     ahead.n_threads++)
		if (!parse_thread(&ahead.threads[ahead.n_threads], ahead_run, NULL))
			break;
}

static void ahead_prepare(void)
{
	while (ahead.prepared < ahead.n && ahead.prepared < ahead.next + ahead.n_ring) {
		struct ahead_job *job = ahead_job(ahead.prepared);

		tree_prepare(&job->tree, ahead.sources[ahead.prepared]);
		pthread_mutex_lock(&ahead_mutex);
		job->state = AHEAD_NEW;
		ahead.prepared++;
		pthread_cond_signal(&ahead_work);
		pthread_mutex_unlock(&ahead_mutex);
	}
}

bool ahead_next(struct tree *tree)
{
	struct ahead_job *job = ahead_job(ahead.next);

	ahead_prepare();
	pthread_mutex_lock(&ahead_mutex);
	while (job->state == AHEAD_TAKEN) {
		struct ahead_job *other = ahead_take();

		if (!other) {
			pthread_cond_wait(&ahead_done, &ahead_mutex);
			continue;
		}
		pthread_mutex_unlock(&ahead_mutex);
		tree_begin(&other->tree);
		pthread_mutex_lock(&ahead_mutex);
		other->state = AHEAD_DONE;
	}
	/* New still: tree_finish() parses it. */
	job->state = AHEAD_DONE;
	*tree = job->tree;
	ahead.next++;
	if (ahead.untaken < ahead.next)
		ahead.untaken = ahead.next;
	pthread_mutex_unlock(&ahead_mutex);
	return tree_finish(tree);
}

void ahead_end(void)
{
	pthread_mutex_lock(&ahead_mutex);
	ahead.over = true;
	pthread_cond_broadcast(&ahead_work);
	pthread_mutex_unlock(&ahead_mutex);
	while (ahead.n_threads)
		pthread_join(ahead.threads[--ahead.n_threads], NULL);
}
