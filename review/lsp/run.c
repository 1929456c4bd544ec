/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One review, in a child: it has the documents since it is a copy of the server, and writes a line for
 * each that it covers, the document's number and the diagnostics. The number is right until the run is
 * over, because whatever adds or removes documents gives it up.
 */

#include "lsp/lsp.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static size_t run_first_due(const struct lsp *lsp)
{
	size_t i = 0;

	while (i < lsp->n_documents && !lsp->documents[i].due)
		i++;
	return i;
}

bool run_is_due(const struct lsp *lsp)
{
	return lsp->initialized && !lsp->shut_down && !lsp->run.pid &&
	       run_first_due(lsp) < lsp->n_documents;
}

bool run_concerns(const struct lsp *lsp, const struct lsp_document *document)
{
	return document->due || (lsp->run.pid && document == &lsp->documents[lsp->run.about]);
}

/* --- in the child --- */

/* Standard input and output are the client's; standard error is for those who wait for a word. */
static void run_stand_aside(bool talks)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (null < 0)
		_exit(1);
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	if (!talks)
		dup2(null, STDERR_FILENO);
}

static void run_child(struct lsp *lsp, size_t about, int fd)
{
	struct lsp_job job = { .about = about,
			       .folders = (const char *const *)lsp->folders,
			       .n_folders = lsp->n_folders };
	size_t *numbers = arena_alloc(&run_arena, lsp->n_documents * sizeof(*numbers));
	FILE *out = fdopen(fd, "w");

	run_stand_aside(lsp->documents[about].saved);
	job.files = arena_alloc(&run_arena, lsp->n_documents * sizeof(*job.files));
	for (size_t i = 0; i < lsp->n_documents; i++) {
		const struct lsp_document *document = &lsp->documents[i];

		if (!document->path)
			continue;
		if (i == about)
			job.about = job.n;
		numbers[job.n] = i;
		job.files[job.n++] = (struct lsp_file){ .uri = document->uri,
							.path = document->path,
							.text = document->text.s,
							.size = document->text.n };
	}
	if (!out || !lsp->review(&job, lsp->data))
		_exit(1);
	for (size_t i = 0; i < job.n; i++) {
		if (!job.files[i].covered)
			continue;
		fprintf(out, "%zu ", numbers[i]);
		diagnostics_write(lsp, &job.files[i], out);
		fputc('\n', out);
	}
	_exit(fclose(out) == 0 ? 0 : 1);
}

/* --- in the server --- */

void run_start(struct lsp *lsp)
{
	size_t about = run_first_due(lsp);
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return;
	lsp->run = (struct lsp_run){ .pid = fork(),
				     .fd = fds[0],
				     .about = about,
				     .deadline_ms = lsp_now_ms() + LSP_LIMIT_MS };
	if (!lsp->run.pid) {
		close(fds[0]);
		run_child(lsp, about, fds[1]);
	}
	close(fds[1]);
	if (lsp->run.pid < 0) {
		lsp_log(lsp, "fork: %s", strerror(errno));
		close(fds[0]);
		lsp->run = (struct lsp_run){ 0 };
		lsp->due_ms = lsp_now_ms() + LSP_LIMIT_MS;
		return;
	}
	lsp->documents[about].due = false;
}

/* Ends it; its status as of waitpid(2). */
static int run_end(struct lsp *lsp, bool kills)
{
	int status = 0;

	if (kills)
		kill(lsp->run.pid, SIGKILL);
	while (waitpid(lsp->run.pid, &status, 0) < 0 && errno == EINTR)
		;
	close(lsp->run.fd);
	text_drop(&lsp->run.out);
	lsp->run.pid = 0;
	return status;
}

void run_give_up(struct lsp *lsp)
{
	if (!lsp->run.pid)
		return;
	lsp->documents[lsp->run.about].due = true;
	run_end(lsp, true);
}

static void run_take(struct lsp *lsp, size_t number, const char *diagnostics, size_t n)
{
	struct lsp_document *document = &lsp->documents[number];
	char *copy = strndup(diagnostics, n);

	if (!copy)
		abort();
	free(document->diagnostics);
	document->diagnostics = copy;
	document->due = false;
	document->saved = false;
	document_publish(lsp, document);
}

static void run_done(struct lsp *lsp)
{
	struct lsp_document *about = &lsp->documents[lsp->run.about];
	struct text out = lsp->run.out;
	int status;

	lsp->run.out = (struct text){ 0 };
	status = run_end(lsp, false);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		for (char *line = out.s, *end; line && (end = strchr(line, '\n')); line = end + 1) {
			size_t number = strtoul(line, &line, 10);

			if (number < lsp->n_documents && *line == ' ')
				run_take(lsp, number, line + 1, (size_t)(end - line - 1));
		}
	} else if (WIFSIGNALED(status)) {
		lsp_log(lsp, "the review of %s was ended by signal %d", about->uri,
			WTERMSIG(status));
	} else {
		lsp_log(lsp, "the review of %s failed; standard error has the reason", about->uri);
	}
	text_drop(&out);
}

void run_go_on(struct lsp *lsp, bool readable)
{
	char buffer[65536];
	ssize_t n = readable ? read(lsp->run.fd, buffer, sizeof(buffer)) : -1;

	if (n > 0) {
		text_add(&lsp->run.out, buffer, (size_t)n);
		return;
	}
	if (readable && (n == 0 || errno != EINTR)) {
		run_done(lsp);
	} else if (lsp_now_ms() >= lsp->run.deadline_ms) {
		lsp_log(lsp, "the review of %s took longer than %d s",
			lsp->documents[lsp->run.about].uri, LSP_LIMIT_MS / 1000);
		run_end(lsp, true);
	} else {
		return;
	}
	/* Also if it failed: there is nothing to wait for then. */
	for (size_t i = 0; i < lsp->n_documents; i++)
		if (!lsp->documents[i].due)
			waiting_go_on(lsp, lsp->documents[i].uri);
}
