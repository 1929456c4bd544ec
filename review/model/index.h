/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_INDEX_H
#define REVIEW_INDEX_H

/*
 * What all files of a run declare: types with their members and bases, functions, globals, numeric
 * macros. It is filled while each file is lowered, and used only when all have been, so the order
 * of the files does not matter. A name that two programs of one folder tree define differently is
 * looked up in the same file first, then in what that includes, then in the same folder, then
 * anywhere.
 */

#include "model/ir.h"

struct declared {
	const char *name;
	const char *type;
	const char *of;
	uint8_t stars;
	uint16_t flags; /* PLACE_… */
	struct source *source;
	struct pos at;
};

struct type_info {
	const char *name;
	struct source *source;
	struct pos at;
	const char *bases[4];
	int n_bases;
	struct declared *members;
	size_t n_members, cap_members;
	bool is_class;        /* with a body in C++ */
	bool has_destructor;
	uint8_t unmade;       /* private to model/unmade.c */
	struct type_info *next;  /* another definition of that name, in a file behind this one's */
	const char *view;        /* the name that it alone has, if others of its name differ */
};

struct program {
	struct source **sources;
	size_t n_sources, cap_sources;
	struct function **functions;
	size_t n_functions, cap_functions;
	bool spawns;          /* somebody forks or executes; set when linked */
	bool peers_followed;  /* peer.c has done its rounds */
	size_t n_checked;         /* functions of the files that were given */
	/* What was not known, and kept something from being said. */
	size_t unknown_calls;     /* of functions that were given a resource */
	size_t unknown_blocks;    /* behind a word or call that nobody defines */
	size_t unknown_words;     /* before a type, with a name that speaks of cleaning up */
	size_t syntax_errors;     /* functions of which something could not be parsed */
	size_t n_waits;
	size_t n_resources;
	size_t n_skipped;
	struct reach_calls *reach; /* private to model/reach.c; NULL: not asked yet */
	unsigned reached;          /* private to model/reach.c: REACH_… of all that is not a test */
};

extern struct program program;
/* For several runs in one process: nothing has been read. */
void index_forget(void);

/* The definition of that name in that file; made when it is the first. */
struct type_info *index_define(const char *name, struct source *source);
/* Once types_resolve() has been: what the name means; NULL: nobody defines it. */
struct type_info *index_type(const char *name);
void index_set_type(const char *name, struct type_info *type);
void index_member(struct type_info *type, const struct declared *member);
void index_function(struct function *fn);
void index_global(const struct declared *global);
void index_typedef(const char *name, const struct declared *meaning);
void index_number(const char *name, int64_t value, const struct source *source);
void index_alias(const char *name, const char *meaning);
void index_noreturn(const char *name);
/* Argument `arg` of functions of that name is a format, as a declaration or a call shows; 0: of some it is not. */
void index_format(const char *name, int arg);

const struct declared *index_find_member(const char *type, const char *name);
const struct declared *index_find_global(const char *name, const struct source *source);
bool index_find_number(const char *name, const struct source *source, int64_t *value);
bool index_is_noreturn(const char *name);
/* The number of that argument, from 1; 0: none. */
int index_find_format(const char *name);
const char *index_find_alias(const char *name);
/* Through typedefs; the name itself when it is none. */
const char *index_real_type(const char *name, uint8_t *stars);
struct function *index_find_function(const char *name, const struct source *source);
struct function *index_find_method(const char *class_name, const char *name,
				   const struct source *source);
const struct declared *index_find_typedef(const char *name, const struct source *source);
/* How near a file is: 4 the same, 3 it is included or of one unit, 2 of one folder, 1. */
int index_distance(const struct source *source, const struct source *other);
void index_each_definition(void (*visit)(struct type_info *first));
/* Names of typedefs that mean several things. */
void index_each_typedef_of_two(void (*visit)(const char *name, struct type_info *none));
/* Globals, typedefs and members. */
void index_each_declared(void (*visit)(struct declared *declared, void *data), void *data);

/* types.c: gives types their meaning by file; then what a file means by a name. */
void types_resolve(void);
const char *types_view(const char *name, const struct source *source, uint8_t *stars);
/* The name as it is written. */
const char *types_plain(const char *name);
bool index_derives(const char *type, const char *base);

/* Calls visit for each class from `type` upwards, itself first; stops when it gives true. */
bool index_bases(const char *type, bool (*visit)(const char *name, void *data), void *data);

/*
 * Names, types and callees of every function, now that all is known; see link.c. Then counts what
 * the closing line tells.
 */
void program_link(void);

/*
 * Code of the two files ends in one program, as far as calls tell: some main() comes to both. A
 * folder may hold many programs; without any main() a folder is taken for one.
 */
void program_find(void);
bool program_shares(const struct source *a, const struct source *b);

/* The declared type of a place: through members and typedefs; NULL when unknown. */
const char *place_type(const struct function *fn, int place, uint8_t *stars);

#endif
