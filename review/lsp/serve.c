/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop. Output is written when it can be, at most PIPE_BUF bytes at a time, which no pipe blocks
 * on once poll(2) says that it takes more: a client that writes a lot before it reads is served.
 * O_NONBLOCK would do that too, but it belongs to the open file, which others may share.
 */

#include "lsp/lsp.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SERVE_LAST_WORDS_MS = 2000 };

char *lsp_copy(const char *s)
{
	char *copy = strdup(s);

	if (!copy)
		abort();
	return copy;
}

int64_t lsp_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* False: nobody reads any more. */
static bool serve_write(struct lsp *lsp)
{
	size_t n = lsp->out.n - lsp->written;
	ssize_t r = write(STDOUT_FILENO, lsp->out.s + lsp->written, n < PIPE_BUF ? n : PIPE_BUF);

	if (r < 0 && (errno == EINTR || errno == EAGAIN))
		return true;
	if (r < 0) {
		complain("the output cannot be written: %s", strerror(errno));
		return false;
	}
	lsp->written += (size_t)r;
	if (lsp->written == lsp->out.n) {
		text_drop(&lsp->out);
		lsp->written = 0;
	}
	return true;
}

/* False: the input has ended, or is none of this protocol. */
static bool serve_read(struct lsp *lsp)
{
	char buffer[65536], *body;
	ssize_t n = read(STDIN_FILENO, buffer, sizeof(buffer));
	size_t size;
	int r = 0;

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return true;
	if (n < 0)
		complain("the input cannot be read: %s", strerror(errno));
	if (n == 0)
		complain("the input ended without the notification exit");
	if (n <= 0)
		return false;
	text_add(&lsp->in, buffer, (size_t)n);
	while (!lsp->over && (r = lsp_take_message(lsp, &body, &size)) > 0) {
		lsp_handle(lsp, body, size);
		free(body);
	}
	return r >= 0;
}

static int serve_timeout(const struct lsp *lsp)
{
	int64_t until = lsp->run.pid ? lsp->run.deadline_ms : lsp->due_ms, now = lsp_now_ms();

	if (!lsp->run.pid && !run_is_due(lsp))
		return -1;
	return until > now ? (int)(until - now) : 0;
}

static bool serve_once(struct lsp *lsp)
{
	struct pollfd fds[3] = { { .fd = STDIN_FILENO, .events = POLLIN },
				 { .fd = STDOUT_FILENO, .events = POLLOUT },
				 { .fd = lsp->run.fd, .events = POLLIN } };

	if (lsp->out.n - lsp->written > LSP_MAX_QUEUED)
		fds[0].fd = -1;
	if (!lsp->out.n)
		fds[1].fd = -1;
	if (!lsp->run.pid)
		fds[2].fd = -1;
	if (poll(fds, 3, serve_timeout(lsp)) < 0)
		return errno == EINTR;
	if (fds[1].revents && !serve_write(lsp))
		return false;
	if (lsp->run.pid && (fds[2].revents || lsp_now_ms() >= lsp->run.deadline_ms))
		run_go_on(lsp, fds[2].revents != 0);
	if (fds[0].revents && !serve_read(lsp))
		return false;
	if (run_is_due(lsp) && lsp_now_ms() >= lsp->due_ms)
		run_start(lsp);
	return true;
}

/* What was answered before the end is still written, if somebody reads it. */
static void serve_last_words(struct lsp *lsp)
{
	int64_t until = lsp_now_ms() + SERVE_LAST_WORDS_MS, left;

	while (lsp->out.n && (left = until - lsp_now_ms()) > 0) {
		struct pollfd fd = { .fd = STDOUT_FILENO, .events = POLLOUT };

		if (poll(&fd, 1, (int)left) > 0 && !serve_write(lsp))
			return;
	}
}

void lsp_free(struct lsp *lsp)
{
	documents_free(lsp);
	while (lsp->n_folders)
		free(lsp->folders[--lsp->n_folders]);
	text_drop(&lsp->in);
	text_drop(&lsp->out);
	arena_free(&lsp->arena);
	free(lsp);
}

int lsp_serve(lsp_review *review, void *data)
{
	struct lsp *lsp = calloc(1, sizeof(*lsp));
	int status;

	if (!lsp)
		abort();
	lsp->review = review;
	lsp->data = data;
	/* A client that has gone is an error of write(2), not the end without a word. */
	signal(SIGPIPE, SIG_IGN);
	while (!lsp->over && serve_once(lsp))
		;
	run_give_up(lsp);
	serve_last_words(lsp);
	status = lsp->over && lsp->shut_down ? 0 : 1;
	waiting_refuse(lsp, NULL, LSP_CANCELLED, "the server ends");
	lsp_free(lsp);
	return status;
}
