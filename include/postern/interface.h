/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postern/interface.h - tables that describe an interface: what `postern generate` writes and libpostern interprets
 *
 * Nobody writes them by hand, and few programs read them. They are constant. A later version of libpostern accepts
 * those of every earlier one: .version says which one wrote them. .reserved and .more are room for later versions, 0 and
 * NULL: tables that have anything there are refused (-EINVAL).
 *
 * In C a value of a type is:
 *   bool, int, float, string     bool, int64_t, double, const char * (terminated, UTF-8)
 *   int with [unsigned]          uint64_t
 *   object, any                  struct postern_json, as it stood in the text
 *   an enum                      enum of 4 bytes; 0 is a value that was not known
 *   a struct                     struct
 *   []T                          struct { const T *items; size_t n; }
 *   [string]T                    the same with items { const char *key; T value; }, in the order of the text
 *   ?T                           NULL if it has a pointer (string, object, any, array, map); a pointer to it if it is a
 *                                struct; else struct { T value; bool set; }
 */
#include <postern.h> /* before the guard: it includes this one, where others need it */
#ifndef POSTERN_INTERFACE_H
#define POSTERN_INTERFACE_H

#include <postern/json.h>
#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

#define POSTERN_INTERFACE_VERSION 1

struct postern_request; struct postern_call; struct postern_answer;

/* A function of another type, which is called with its own again. */
#ifdef __cplusplus /* where an old cast warns */
#define POSTERN_FN(fn) reinterpret_cast<void (*)(void)>(fn)
#else
#define POSTERN_FN(fn) ((void (*)(void))(fn))
#endif

/* Values, as generated structs are: they do not grow, and what a compiler puts behind .set means nothing. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpadded"
struct postern_opt_bool  { bool value, set; };
struct postern_opt_int   { int64_t value; bool set; };
struct postern_opt_uint  { uint64_t value; bool set; };
struct postern_opt_float { double value; bool set; };
#pragma GCC diagnostic pop

enum {
	POSTERN_TYPE_BOOL = 1,
	POSTERN_TYPE_INT,
	POSTERN_TYPE_UINT,
	POSTERN_TYPE_FLOAT,
	POSTERN_TYPE_STRING,
	POSTERN_TYPE_OBJECT,
	POSTERN_TYPE_ANY,
	POSTERN_TYPE_ENUM,
	POSTERN_TYPE_STRUCT,
	POSTERN_TYPE_ARRAY,
	POSTERN_TYPE_MAP,
};

#define POSTERN_FDS_MAX 16 /* descriptors of one message */

/* Descriptors that go with a call, whose parameters name them by their index: 0, 1, ... They are consumed by it, also on
   failure: closed when the kernel has the call, or the call has ended. */
struct postern_fds {
	const int *fds;
	size_t     n;
};
#define POSTERN_FIELDS_MAX 1024 /* of a struct */
#define POSTERN_STRUCT_MAX (1024u * 1024u) /* bytes of a struct, with those in it */

struct postern_type {
	uint8_t  kind;
	uint8_t  nullable;                   /* of an array's or map's elements: 1 */
	uint16_t value;                      /* of a map: where the value is in an entry; else 0 */
	uint32_t size;                       /* of the value in C; of an array or map: of one entry */
	uint32_t n, reserved;                /* fields of a struct, names of an enum */
	const struct postern_field *fields;
	const char *const          *names;   /* of an enum: that of value v is names[v - 1] */
	const struct postern_type  *element; /* of an array or a map */
	const uint16_t             *sorted;  /* the numbers of the fields, or names, in the order of their bytes; NULL
	                                        is right for a few, which are searched one after the other */
	const void                 *more;
};

enum { POSTERN_FIELD_NULLABLE = 1u << 0 };

struct postern_field {
	const char                *name;     /* as the interface spells it */
	const struct postern_type *type;
	uint32_t                   offset;   /* in the struct */
	uint32_t                   flags;    /* POSTERN_FIELD_... */
};

enum { /* of a method */
	POSTERN_METHOD_MORE       = 1u << 0, /* [Supports 'more' flag] */
	POSTERN_METHOD_NEEDS_MORE = 1u << 1, /* [Requires 'more' flag] */
	POSTERN_METHOD_UPGRADE    = 1u << 2, /* [Requires 'upgrade' flag] */
	POSTERN_METHOD_MAY_UPGRADE = 1u << 3, /* [Supports 'upgrade' flag] */
	POSTERN_METHOD_TAKES_FDS  = 1u << 4, /* [Takes file descriptors] */
	POSTERN_METHOD_RETURNS_FDS = 1u << 5, /* [Returns file descriptors] */
};

enum { /* of a call; at most one */
	POSTERN_CALL_MORE    = 1u << 0,
	POSTERN_CALL_ONEWAY  = 1u << 1,
	POSTERN_CALL_UPGRADE = 1u << 2,
};

struct postern_method {
	const char                *name;     /* with the interface's */
	const struct postern_type *in, *out; /* structs; NULL: not decoded, for programs that read the JSON */
	uint32_t                   flags;    /* POSTERN_METHOD_... */
	uint32_t                   handler;  /* where its handler is in the program's struct of them, in bytes */
	/* Each calls a function of the program with its own type: that handler, which is not NULL, and what a call reports its
	   answers to. */
	void (*handle)(const void *handlers, struct postern_request *r, const void *in, void *data);
	void (*deliver)(void (*fn)(void), struct postern_call *call, const struct postern_answer *answer,
		const void *value, void *data);
	const void                *more[2];
};

struct postern_error {
	const char                *name;     /* with the interface's */
	const struct postern_type *type;     /* a struct, or NULL as above */
	const void                *more[2];
};

struct postern_interface {
	uint32_t                            version;
	uint32_t                            n_methods, n_errors, reserved;
	const char                         *name;
	const char                         *description; /* the interface file */
	const struct postern_method *const *methods;
	const struct postern_error *const  *errors;
	const void                         *more[2];
};

#ifdef __cplusplus
}
#endif
#endif
