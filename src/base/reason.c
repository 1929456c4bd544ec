/* SPDX-License-Identifier: Apache-2.0 */
/* reason.c - reasons and their texts */
#include "base/reason.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/words.h"
#include "sys/sys.h"

static const char *const reason_texts[] = {
	[POSTERN_REASON_ENDED] = "the peer ended the connection",
	[POSTERN_REASON_CLOSED] = "closed by this side, everything was sent",
	[POSTERN_REASON_ABORTED] = "aborted here",
	[POSTERN_REASON_CANCELLED] = "cancelled: what it belongs to was freed",
	[POSTERN_REASON_TIMEOUT] = "the deadline passed",
	[POSTERN_REASON_NO_SERVER] = "no server answered",
	[POSTERN_REASON_IDLE] = "no progress for too long",
	[POSTERN_REASON_RESET] = "the peer went away with bytes unread",
	[POSTERN_REASON_VIOLATION] = "the peer broke the protocol",
	[POSTERN_REASON_NOT_ALLOWED] = "not allowed",
	[POSTERN_REASON_WRONG_TYPE] = "not a stream socket",
	[POSTERN_REASON_NAME_IN_USE] = "name in use",
	[POSTERN_REASON_NAME_LOST] = "the name was taken away",
	[POSTERN_REASON_NAME_RESTORED] = "the name is published again",
	[POSTERN_REASON_NO_RESOURCES] = "out of descriptors or memory",
	[POSTERN_REASON_FAILED] = "failed",
};

const char *postern_version(void)
{
	return POSTERN_VERSION;
}

const char *postern_reason_text(int code)
{
	if (code < 1 || (size_t)code >= sizeof(reason_texts) / sizeof(*reason_texts))
		return "unknown reason";
	return reason_texts[code];
}

/* The errnos that local sockets can cause; strerror() is not thread-safe everywhere, and there are two
   different strerror_r(). */
static const struct {
	int error;
	const char *text;
} reason_errnos[] = {
	{ 0, "no error" },
	{ -EACCES, "permission denied" },
	{ -EADDRINUSE, "name in use" },
	{ -E2BIG, "set by a newer header than this library knows" },
	{ -EAGAIN, "the server's backlog is full" },
	{ -EBADF, "bad descriptor" },
	{ -ECONNREFUSED, "connection refused" },
	{ -ECONNRESET, "connection reset by the peer" },
	{ -EEXIST, "a file of that name exists" },
	{ -EFBIG, "beyond the limit of file sizes (RLIMIT_FSIZE)" },
	{ -EINVAL, "invalid argument" },
	{ -EIO, "input/output error" },
	{ -EISDIR, "is a directory" },
	{ -ELOOP, "too many symbolic links" },
	{ -EMFILE, "too many open descriptors in this process" },
	{ -ENAMETOOLONG, "name too long" },
	{ -ENFILE, "too many open descriptors in the system" },
	{ -ENOBUFS, "no buffer space" },
	{ -ESRCH, "no such process" },
	{ -EDESTADDRREQ, "not connected, and no address to connect to" },
	{ -ENOENT, "no such file or directory" },
	{ -ENOMEM, "out of memory" },
	{ -ENOSPC, "no space left" },
	{ -ENOTCONN, "not connected" },
	{ -ENOTDIR, "not a directory" },
	{ -ENOTSOCK, "not a socket" },
	{ -ETOOMANYREFS, "too many descriptors of this user are on their way" },
	{ -EPERM, "operation not permitted" },
	{ -EPIPE, "the peer has closed" },
	{ -EPROTOTYPE, "a socket of another type (datagram or seqpacket)" },
	{ -EROFS, "read-only file system" },
	{ -ESTALE, "it has ended, or its loop or parent was freed" },
	{ -ECHILD, "not in a child process of fork(): make a loop there" },
	{ -EDEADLK, "it waits, and may not be called inside a callback" },
	{ -ENOSYS, "the kernel does not have this" },
	{ -EDQUOT, "the quota is used up" },
	{ -EOPNOTSUPP, "the file system does not support this" },
	{ -EXDEV, "on another file system" },
	{ -ETIMEDOUT, "timed out" },
};

const char *why_errno(int error)
{
	for (size_t i = 0; i < sizeof(reason_errnos) / sizeof(*reason_errnos); i++)
		if (reason_errnos[i].error == error)
			return reason_errnos[i].text;
	return "system error";
}

int why_code(int error)
{
	switch (error) {
	case -EACCES:
	case -EPERM:
		return POSTERN_REASON_NOT_ALLOWED;
	case -EPROTOTYPE:
	case -ENOTSOCK:
		return POSTERN_REASON_WRONG_TYPE;
	case -EADDRINUSE:
		return POSTERN_REASON_NAME_IN_USE;
	case -EMFILE:
	case -ENFILE:
	case -ENOMEM:
	case -ENOBUFS:
	case -ETOOMANYREFS:
		return POSTERN_REASON_NO_RESOURCES;
	case -ECONNRESET:
	case -EPIPE:
		return POSTERN_REASON_RESET;
	case -ETIMEDOUT:
		return POSTERN_REASON_TIMEOUT;
	default:
		return POSTERN_REASON_FAILED;
	}
}

int why_set(struct why *why, int code, int error, const char *format, ...)
{
	char text[sizeof(((struct why *)0)->text)];
	va_list args;

	if (!why)
		return error;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	/* The text may hold a path that someone else chose; it is to be one line, also in a log. */
	words_safe(why->text, sizeof(why->text), text);
	why->reason = (struct postern_reason){ .code = code, .error = error, .text = why->text };
	return error;
}

void why_copy(struct why *why, const struct postern_reason *from)
{
	why_set(why, from->code, from->error, "%s", from->text);
}

/* ---- of this thread ---- */

static _Thread_local struct why why_of_thread;

struct why *why_last(void)
{
	return &why_of_thread;
}

const struct postern_reason *postern_why(void)
{
	static const struct postern_reason none = { .text = "no call has failed on this thread" };

	return why_of_thread.reason.code ? &why_of_thread.reason : &none;
}

void why_say_call(const char *call, int error)
{
	why_set(&why_of_thread, why_code(error), error, "%s(): %s", call, why_errno(error));
}

void why_say_argument(const char *call, const char *wrong)
{
	why_set(&why_of_thread, POSTERN_REASON_FAILED, -EINVAL, "%s(): %s", call, wrong);
}

void why_say_field(const char *of, const char *field, const char *wrong)
{
	why_set(&why_of_thread, POSTERN_REASON_FAILED, -EINVAL, "%s.%s %s", of, field, wrong);
}
