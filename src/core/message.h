/* SPDX-License-Identifier: Apache-2.0 */
/*
 * message.h - a Varlink message: what stands around its parameters
 *
 * Reading is strict, and one pass: the form of the whole text, the members of its outermost object, and nothing of
 * what is inside of the parameters. A message that is not what it should be ends its connection, because no answer to
 * it is defined; so a fault says for the log what is wrong and where.
 *
 *   - method and error are strings without a \u0000: they become C strings, which must not end sooner.
 *   - A member that is null is absent. None may come twice.
 *   - A member of which the specification does not know is an object of a vendor if there is a dot in its name. It is
 *     ignored, also if it comes twice: comparing them all would take a hostile text quadratic time.
 *   - An error does not continue.
 *
 * Writing is as little as possible, because peers are strict too: no false flag, no null, no vendor's member. Pure.
 */
#ifndef POSTERN_CORE_MESSAGE_H
#define POSTERN_CORE_MESSAGE_H

#include <stdbool.h>

#include <postern/interface.h>

enum { MESSAGE_SIZE = 4 * 1024 * 1024, MESSAGE_SIZE_MAX = 256 * 1024 * 1024 }; /* the limit of both sides, and its limit */

struct message_fault {
	size_t      offset; /* the byte that is wrong; the text's size if it ends too early */
	const char *what;   /* static */
};

struct message_call {
	struct postern_json method;     /* a string, with its quotes and escapes */
	struct postern_json parameters; /* an object; {} if there are none */
	unsigned            flags;      /* at most one of POSTERN_CALL_... */
};

struct message_answer {
	struct postern_json error;      /* a string; .text is NULL if it is no error */
	struct postern_json parameters; /* an object; {} if there are none */
	bool                continues;
};

/* A text without its NUL. 0, or -EBADMSG with *ret_fault. The slices are of the text. */
int message_read_call(const char *text, size_t n, struct message_call *ret, struct message_fault *ret_fault);
int message_read_answer(const char *text, size_t n, struct message_answer *ret, struct message_fault *ret_fault);

/* Of a call that is not whole: 1 and its method, as above, if that is the first member, as it is with most senders; 0: unknown;
   -EBADMSG: no message begins so, neither a call nor an answer. */
int message_peek(const char *text, size_t n, struct postern_json *ret_method);

/* Is it the name of an error with its interface's, as the grammar of interfaces has it? */
bool message_is_error(const char *name);

/*
 * Each opens the object of a message. What follows is postern_json_write_name(w, "parameters") and its value, or
 * nothing, and then postern_json_write_end(w). Leave parameters out only where there are none to send and the
 * method declares none: where it does, Go's library refuses a call without them.
 */
void message_write_call(struct postern_json_writer *w, const char *method, unsigned flags);
/* error: or NULL. */
void message_write_answer(struct postern_json_writer *w, const char *error, bool continues);

#endif
