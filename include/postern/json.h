/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postern/json.h - JSON (RFC 8259) in place: check a text, walk through it, write one
 *
 * Nothing here allocates, waits, or depends on the locale; every function is pure: any thread. A value is a slice of
 * the text that was checked, which must stay. Walking through a text that was not checked is safe too: it stops
 * with -EBADMSG at the first thing that is wrong.
 *
 * Accepted is what RFC 8259 describes: in UTF-8 without a byte order mark, nested at most POSTERN_JSON_DEPTH deep, \u
 * surrogates only in pairs, numbers of any length whose value a double can hold (1e400 is refused, 1e-400 is 0). A
 * name that an object has twice is not found by the check; postern_json_find() returns the first.
 */
#include <postern.h> /* before the guard: it includes this one, where others need it */
#ifndef POSTERN_JSON_H
#define POSTERN_JSON_H

#ifdef __cplusplus
extern "C" {
#endif

#define POSTERN_JSON_DEPTH 64

enum {
	POSTERN_JSON_NULL = 1,
	POSTERN_JSON_FALSE,
	POSTERN_JSON_TRUE,
	POSTERN_JSON_NUMBER,
	POSTERN_JSON_STRING,
	POSTERN_JSON_ARRAY,
	POSTERN_JSON_OBJECT,
};

struct postern_json {
	const char *text;  /* one value, without blanks around it; not terminated */
	size_t      n;
};

struct postern_json_error {
	size_t      offset;  /* the byte of the text that is wrong; the text's size if it ends too early */
	const char *text;    /* what is wrong there; static */
};

/* Checks a text that is one value with blanks around it. -EBADMSG: ret_error, or NULL, says where and why. */
POSTERN_API POSTERN_MUST_USE int postern_json_check(const void *text, size_t n, struct postern_json *ret,
	struct postern_json_error *ret_error);

/* ---- Reading. -EINVAL: the value is of another kind. -EBADMSG: it was not checked, and is wrong. ---- */

/* POSTERN_JSON_..., by the first byte; 0 if no value begins with that. */
POSTERN_API int postern_json_kind(struct postern_json v);

/* A way through the elements of an array or the members of an object. */
struct postern_json_walk {
	const char *at;      /* internal */
	size_t      left;
	uint32_t    kind, begun;
};

POSTERN_API POSTERN_MUST_USE int postern_json_enter(struct postern_json_walk *w, struct postern_json container);
/* 1: the next one, and the name of a member as a string in ret_name (or NULL), which is empty in an array. 0: that was all. */
POSTERN_API POSTERN_MUST_USE int postern_json_next(struct postern_json_walk *w, struct postern_json *ret_name,
	struct postern_json *ret_value);
/* The first member with this name, in linear time: for many members walk once. 1, or 0: there is none. */
POSTERN_API POSTERN_MUST_USE int postern_json_find(struct postern_json object, const char *name,
	struct postern_json *ret);

/* Numbers. An integer has no fraction and no exponent, so 1.0 and 1e2 are -EINVAL; -ERANGE: it does not fit. A
   double is the nearest one, of two equally near the even one. */
POSTERN_API POSTERN_MUST_USE int postern_json_int(struct postern_json v, int64_t *ret);
POSTERN_API POSTERN_MUST_USE int postern_json_uint(struct postern_json v, uint64_t *ret);
POSTERN_API POSTERN_MUST_USE int postern_json_double(struct postern_json v, double *ret);

/* A string without its escapes, terminated by \0; returns its length, in which a \0 may be too (\u0000). -EMSGSIZE: it does
   not fit; v.n bytes are always enough. ret may be v.text itself, if that is writable, and NULL with a size of 0 asks for
   the length only. */
POSTERN_API POSTERN_MUST_USE ssize_t postern_json_string(struct postern_json v, char *ret, size_t size);
/* Is it the string that this text stands for? 1 or 0; 0 for every other kind. */
POSTERN_API int postern_json_equals(struct postern_json v, const char *text);

/* ---- Writing into a buffer of yours, without blanks. The first error stays, and is what _finish returns. ---- */

struct postern_json_writer {
	char    *bytes;
	size_t   size, n;    /* n goes on counting when the text does not fit: the size that it would need */
	size_t   reserved;   /* from here on internal */
	uint64_t objects;
	uint32_t depth, due;
	int32_t  error, reserved2;
};

/* bytes may be NULL with a size of 0. */
POSTERN_API void postern_json_write_begin(struct postern_json_writer *w, char *bytes, size_t size);
/* The length, not terminated. -EMSGSIZE: it does not fit. -EILSEQ: a text was not UTF-8. -EDOM: NaN or an infinity.
   -EBADMSG: a raw value is wrong. -EINVAL: names and values are in the wrong order, something is still open, it is nested
   too deep, or a text is NULL. */
POSTERN_API POSTERN_MUST_USE ssize_t postern_json_write_finish(struct postern_json_writer *w);

/* Opens an object or an array; _end closes the innermost one. */
POSTERN_API void postern_json_write_object(struct postern_json_writer *w);
POSTERN_API void postern_json_write_array(struct postern_json_writer *w);
POSTERN_API void postern_json_write_end(struct postern_json_writer *w);
/* Inside an object a name comes before each value. That names differ is yours to see to. */
POSTERN_API void postern_json_write_name(struct postern_json_writer *w, const char *name);

POSTERN_API void postern_json_write_null(struct postern_json_writer *w);
POSTERN_API void postern_json_write_bool(struct postern_json_writer *w, int value);
POSTERN_API void postern_json_write_int(struct postern_json_writer *w, int64_t value);
POSTERN_API void postern_json_write_uint(struct postern_json_writer *w, uint64_t value);
/* 15 digits, or 16, or 17: the fewest that read back as the same double. */
POSTERN_API void postern_json_write_double(struct postern_json_writer *w, double value);
POSTERN_API void postern_json_write_text(struct postern_json_writer *w, const char *text);
POSTERN_API void postern_json_write_string(struct postern_json_writer *w, const char *bytes, size_t n);
/* A value as it stands in another text, without its blanks. It is checked again. */
POSTERN_API void postern_json_write_raw(struct postern_json_writer *w, struct postern_json value);

#ifdef __cplusplus
}
#endif
#endif
