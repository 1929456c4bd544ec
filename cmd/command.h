/* SPDX-License-Identifier: Apache-2.0 */
/*
 * command.h - what the verbs of the command share
 *
 * A verb is a table: its options with their defaults, its operands, its text. Parsing, --help, --defaults
 * and the lists of the shells come from that one table, so that they cannot disagree.
 */
#ifndef POSTERN_COMMAND_H
#define POSTERN_COMMAND_H

#include <postern.h>
#include <postern/conn.h>
#include <postern/loop.h>
#include <postern/name.h>
#include <postern/server.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* The exit status; the first ones are those of sysexits.h. */
enum {
	EXIT_DONE = 0,
	EXIT_ANSWERED_ERROR = 1,
	EXIT_USAGE = 64,
	EXIT_NO_INPUT = 66,
	EXIT_NO_SERVER = 69,
	EXIT_NAME_IN_USE = 73,
	EXIT_IO = 74,
	EXIT_TRY_AGAIN = 75,
	EXIT_WRONG_TYPE = 76,
	EXIT_NOT_ALLOWED = 77,
	EXIT_NO_PROGRAM = 127,
};

/* ---- options.c ---- */

enum option_type {
	OPTION_FLAG,     /* bool */
	OPTION_DURATION, /* int64_t, nanoseconds */
	OPTION_SIZE,     /* size_t, bytes */
	OPTION_SIZE32,   /* uint32_t, bytes */
	OPTION_COUNT,    /* uint32_t */
	OPTION_ACCESS,   /* uint32_t, the bits of a mode */
	OPTION_UIDS,     /* struct id_list */
	OPTION_GIDS,     /* struct id_list */
	OPTION_FDS,      /* struct fd_list */
	OPTION_TEXT,     /* const char * */
	OPTION_TEXTS,    /* struct text_list */
	OPTION_REST,     /* char **: this argument and all that follow */
};

struct option {
	const char      *name;
	const char      *also;     /* another name, or NULL */
	char             letter;   /* or 0 */
	bool             one;      /* of the lists: at most one */
	bool             plain;    /* a flag that --help names without explaining it */
	enum option_type type;
	const char      *argument; /* NULL for a flag */
	const char      *standard; /* the default, as a value or a description; or NULL */
	const char      *help;
	size_t           offset;   /* into the values of the verb */
};

#define IDS_MAX 64u

struct id_list {
	uint32_t n;
	uint32_t ids[IDS_MAX];
};

/* Copies, close-on-exec, of what the shell has opened. */
struct fd_list {
	uint32_t n;
	int fds[POSTERN_FDS_MAX];
};

#define TEXTS_MAX 64u

struct text_list {
	uint32_t n;
	const char *texts[TEXTS_MAX];
};

/* The values of every verb begin with this. */
struct common {
	const char *name;   /* the operand NAME, or NULL */
	char      **files;  /* the operands FILE, of a verb that takes them */
	size_t      n_files;
	bool        verbose;
};

struct verb {
	const char          *name;
	const char          *operands; /* for the usage line */
	const char          *about;
	const char          *notes;    /* below the options of --help */
	bool                 takes_name;
	bool                 takes_files;
	const struct option *options;  /* ends with a NULL name */
	size_t               size;     /* of the values */
	int                (*run)(void *values);
};

extern const struct verb verb_serve, verb_connect, verb_wait, verb_ls, verb_doctor, verb_call, verb_info, verb_introspect,
	verb_check, verb_generate, verb_relay, verb_stats, verb_top, verb_trace;

/* Parses argv (after the verb), and runs the verb with it, unless the help, the defaults or an error is all there is to
   print. Returns the exit status. */
int  options_run(const struct verb *verb, char **argv);
void options_help(const struct verb *verb, FILE *out);
/* One line per option: --name, argument, text, separated by tabs. For completion. */
void options_list(const struct verb *verb, FILE *out);
/* True if word is likely a misspelling of candidate, and a better match than *best. */
bool options_closer(const char *word, const char *candidate, size_t *best);

/* ---- duration.c ---- */

/* Each returns NULL, or what is wrong with text, phrased to follow it. *ret is set on success only. */
const char *duration_parse(const char *text, int64_t *ret_ns);
const char *size_parse(const char *text, uint64_t *ret);
const char *count_parse(const char *text, uint32_t *ret);
const char *access_parse(const char *text, uint32_t *ret);
/* Adds the ids in text: numbers or names of users or groups, separated by commas. */
const char *ids_parse(const char *text, bool groups, struct id_list *list);
/* Formats a duration: 500ms, 5s. */
const char *duration_text(int64_t ns, char *buffer, size_t size);

/* ---- input.c ---- */

/* Reads up to size bytes, to the end of the file if that comes first; how many in *ret_n. -1: errno says why. */
int input_read(int fd, char *ret, size_t size, size_t *ret_n);

/* ---- output.c ---- */

/* A shell may start us without descriptors 0 to 2, and the first socket would then become stdout. Their replacements fail in
   the direction that matters, so that no output is lost silently; without /dev, they fail in both. */
void output_open_standard(void);
/* One line on stderr: "postern VERB: NAME: what". NULLs are left out. Here and below, what a terminal would obey or not
   show is written as \x1b or \u{202e} (base/words.h), and of a long name the middle is left out. */
void output_error(const char *verb, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The same without the prefix. */
void output_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* A text of the library's, which may begin with the name already; fields of its structs become options. */
void output_text(const char *verb, const char *name, const char *text);
/* Prints a reason and returns its exit status. */
int  output_reason(const char *verb, const char *name, const struct postern_reason *why);
/* The same for a call that failed with a negative errno and no reason. */
int  output_errno(const char *verb, const char *name, const char *what, int error);
int  output_status(const struct postern_reason *why);
/* "uid 1000, pid 42", for a line. */
struct output_peer_text {
	char text[64];
};
struct output_peer_text output_peer(const struct postern_peer *peer);
/* For --verbose: the result of an attempt to connect. */
void output_state(const char *verb, const char *name, const struct postern_conn *c, int state);
/* A string of JSON with its quotes; bytes that are not UTF-8 become U+FFFD, hidden characters \u202e. */
void output_json(FILE *out, const char *text);
/* A column for a terminal, of so many characters at least. */
void output_cell(FILE *out, const char *text, int width);
/* postern review, with the arguments after the verb; argv[0] is free to change. */
int command_review(int argc, char **argv);
/* Its options, a line each, for the completion of shells. */
void command_review_complete(void);

/* postern bridge, with the arguments after the verb behind argv[0], which is free to change: returns only if it cannot be
   started. */
int command_bridge(char **argv);
bool command_bridge_is_there(void);

/* Flushes stdout; the exit status, EXIT_IO when what was printed is lost. */
int  output_finish(const char *verb, int status);

/* ---- replace.c ---- */

/* The file has this text from now on, or on -1, with errno, what it had. Links are followed. A new one gets the mode that
   the umask gives, an existing one keeps its mode and, where that is permitted, its owner. */
int replace_file(const char *path, const char *text, size_t n);

/* ---- activation.c ---- */

/* Finds the passed socket that name, which may be NULL, refers to. 0: *ret_fd is its descriptor, or
   -1 if none was passed and name is an ordinary name. Else prints an error and returns the exit status. */
int     activation_socket(const char *name, int *ret_fd);
/* Notifies the service manager, if there is one: "READY=1". */
void    activation_notify(const char *state);
/* The interval at which the service manager expects WATCHDOG=1, in nanoseconds; 0: never. */
int64_t activation_watchdog(const char *name);
/* Sends it, without waiting. */
void    activation_alive(void);

/* ---- stderr.c ---- */

/* Called once, before the first line: ignores signals that a write could raise. */
void stderr_prepare(void);
/* Writes a line, with its newline, without waiting; if stderr does not take it, it is dropped and counted. */
void stderr_line(const char *line, size_t n);
/* Writes how many lines were dropped. True: none are left to report. */
bool stderr_tell_lost(void);
/* fn is called when the first line is dropped; it must not write. */
void stderr_on_loss(void (*fn)(void *data), void *data);

/* ---- exec-program.c ---- */

/* Finds program as a shell does, and checks it. Returns the exit status, after printing any error. */
int  exec_look(const char *name, const char *program, char *path, size_t size);
/* Checks that processes can be started and watched at all; likewise. */
int  exec_probe(const char *name);
/* Is this failure to start a process, a negative errno, temporary? */
bool exec_may_pass(int error);

/* ---- exec.c ---- */

struct exec;

struct exec_options {
	char      **argv;
	const char *path;        /* of argv[0], found */
	const char *name;        /* for POSTERN_NAME and messages */
	uint32_t    children;    /* at once */
	uint32_t    per_uid;     /* at once; further ones are rejected */
	bool        verbose;
};

/* ended() is called whenever a process has ended. */
int  exec_new(struct exec **ret, struct postern_loop *loop, const struct exec_options *options,
	      void (*ended)(void *data), void *data);
/* 0 if one more connection of this uid may get a process. */
int  exec_allow(const struct exec *e, const struct postern_peer *peer);
/* Starts a process for the connection. False: the limit is reached; accept no more until ended(). */
bool exec_accept(struct exec *e, struct postern_conn *c);
/* May more be accepted? */
bool exec_has_room(const struct exec *e);
/* The number of processes, and of connections that wait for one. */
uint32_t exec_running(const struct exec *e);
/* Waits this long; then sends SIGTERM to remaining processes, and SIGKILL a second later. */
void exec_drain(struct exec *e, int64_t deadline_ns);
/* Kills all processes. */
struct exec *exec_free(struct exec *e);

#endif
