/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_LSP_H
#define REVIEW_LSP_H

/*
 * A server of the Language Server Protocol 3.17 on standard input and output.
 *
 * The server keeps the texts of the open documents and nothing else of a review. Each review is made
 * by a child: the reviewer keeps what it knows in one arena and in static tables until its run ends,
 * so a process that ends with the run is the way in which nothing is left over, a change in between
 * can give it up at any time, and a text that crashes or hangs the reviewer costs one review.
 * fork() takes about a millisecond, since the server is small.
 *
 *	serve.c        the loop: input, output, the child and the clock
 *	frame.c        messages: their headers, the queue of what is to be written
 *	handle.c       which method is whose, the life from initialize to exit
 *	document.c     open documents, and changes of their text
 *	position.c     lines and characters of the protocol, and offsets
 *	run.c          the child, from its start to its result
 *	diagnostics.c  in the child: findings as diagnostics
 *	action.c       hover and code actions, from the diagnostics as they were published
 *	waiting.c      requests on a document that is being reviewed
 *
 * A request on a document that is being reviewed waits for the result. Everything else is answered
 * at once, in the order in which it came.
 */

#include "base/json.h"

#include <sys/types.h>

/* --- what a review is asked, and by whom it is done --- */

struct lsp_file {
	const char *uri;
	const char *path;
	const char *text;
	size_t size;
	bool covered;    /* set by the review: its findings are known */
};

struct lsp_job {
	struct lsp_file *files; /* all that are open */
	size_t n;
	size_t about;           /* the one that has to be covered */
	const char *const *folders; /* of the workspace */
	size_t n_folders;
};

/* In the child: leaves its findings in the table of rules/. False: it said why on standard error. */
typedef bool lsp_review(struct lsp_job *job, void *data);

/* Returns the exit status: 0 after shutdown and exit, else 1. */
int lsp_serve(lsp_review *review, void *data);

/* --- inside --- */

enum {
	LSP_MAX_MESSAGE = 64 << 20,
	LSP_MAX_HEADER = 4096,
	LSP_MAX_DOCUMENTS = 1000,
	LSP_MAX_FOLDERS = 64,
	LSP_MAX_WAITING = 256,
	LSP_MAX_QUEUED = 8 << 20, /* more is not read while as much is still to be written */
	LSP_DELAY_MS = 120,       /* from the last change to the review */
	LSP_LIMIT_MS = 30000,     /* of one review */
};

enum lsp_error {
	LSP_PARSE_ERROR = -32700,
	LSP_INVALID_REQUEST = -32600,
	LSP_METHOD_NOT_FOUND = -32601,
	LSP_INVALID_PARAMS = -32602,
	LSP_NOT_INITIALIZED = -32002,
	LSP_CANCELLED = -32800,
	LSP_CONTENT_MODIFIED = -32801,
};

struct lsp_position {
	uint32_t line, character; /* both from 0 */
};

struct lsp_document {
	char *uri;
	char *path;          /* NULL: no file of C or C++, which is not reviewed */
	char *version;       /* as the client gave it */
	struct text text;
	bool due;            /* to be reviewed */
	bool saved;          /* opened or saved since: complaints of the reviewer are worth a line */
	char *diagnostics;   /* of this very text, as JSON, or NULL */
};

/* A request that waits for the review of its document. */
struct lsp_waiting {
	char *body;
	size_t n;
	char *id;            /* as JSON */
	char *uri;
};

struct lsp_run {
	pid_t pid;           /* 0: there is none */
	int fd;
	size_t about;        /* the document that is reviewed */
	struct text out;
	int64_t deadline_ms;
};

struct lsp {
	lsp_review *review;
	void *data;
	struct text in;      /* read, not yet handled */
	struct text out;     /* to be written */
	size_t written;      /* of it */
	char *body;          /* the message that is being made */
	size_t body_n;
	FILE *body_file;
	struct arena arena;  /* of the message that is handled */
	bool initialized, shut_down, over;
	bool utf8;           /* characters are bytes, else units of UTF-16 */
	bool plain_hover;
	bool versioned_edits;
	char *folders[LSP_MAX_FOLDERS];
	size_t n_folders;
	struct lsp_document *documents;
	size_t n_documents, cap_documents;
	struct lsp_waiting waiting[LSP_MAX_WAITING];
	size_t n_waiting;
	struct lsp_run run;
	int64_t due_ms;      /* when the next review begins */
};

char *lsp_copy(const char *s);
int64_t lsp_now_ms(void);
void lsp_free(struct lsp *lsp);

/* frame.c. 1: one message was taken off; 0: it is not there yet; -1: no message, said so. */
int lsp_take_message(struct lsp *lsp, char **body, size_t *n);
FILE *lsp_begin(struct lsp *lsp);
void lsp_end(struct lsp *lsp);
/* `id` as JSON. Ends with the member "result", to be written by the caller before lsp_end(). */
FILE *lsp_begin_result(struct lsp *lsp, const struct json *id);
void lsp_reply_null(struct lsp *lsp, const struct json *id);
void lsp_reply_error(struct lsp *lsp, const char *id, enum lsp_error code, const char *why);
/* What the user should read, as the client shows it. */
void lsp_log(struct lsp *lsp, const char *format, ...) __attribute__((format(printf, 2, 3)));
void lsp_write_json(FILE *out, const struct json *value);
char *lsp_json_text(const struct json *value);

/* handle.c */
void lsp_handle(struct lsp *lsp, const char *body, size_t n);

/* position.c */
size_t position_to_offset(const struct lsp *lsp, const char *text, size_t n,
			  struct lsp_position position);
struct lsp_position position_of_offset(const struct lsp *lsp, const char *text, size_t n,
				       size_t offset);
bool position_read(const struct json *value, struct lsp_position *position);
bool range_read(const struct json *value, struct lsp_position *from, struct lsp_position *to);

/* document.c */
struct lsp_document *document_find(struct lsp *lsp, const char *uri);
/* The path that a URI means, to be freed, or NULL. */
char *document_path(const char *uri);
void document_open(struct lsp *lsp, const struct json *params);
void document_change(struct lsp *lsp, const struct json *params);
void document_save(struct lsp *lsp, const struct json *params);
void document_close(struct lsp *lsp, const struct json *params);
/* Files beside them may have changed. */
void documents_due(struct lsp *lsp);
void document_publish(struct lsp *lsp, const struct lsp_document *document);
void documents_free(struct lsp *lsp);

/* run.c */
bool run_is_due(const struct lsp *lsp);
/* A review of that document is to come, or going on. */
bool run_concerns(const struct lsp *lsp, const struct lsp_document *document);
void run_start(struct lsp *lsp);
/* Its output or its end is there, or its time may be over. */
void run_go_on(struct lsp *lsp, bool readable);
void run_give_up(struct lsp *lsp);

/* diagnostics.c */
void diagnostics_write(const struct lsp *lsp, const struct lsp_file *file, FILE *out);

/* action.c */
void action_hover(struct lsp *lsp, const struct lsp_document *document, const struct json *id,
		  const struct json *params);
void action_list(struct lsp *lsp, const struct lsp_document *document, const struct json *id,
		 const struct json *params);

/* waiting.c */
void waiting_add(struct lsp *lsp, const struct json *id, const char *uri, const char *body,
		 size_t n);
/* Handles those of the document again. */
void waiting_go_on(struct lsp *lsp, const char *uri);
void waiting_refuse(struct lsp *lsp, const char *uri, enum lsp_error code, const char *why);
void waiting_cancel(struct lsp *lsp, const struct json *id);

#endif
