/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_QUERY_H
#define REVIEW_QUERY_H

/*
 * Questions on one function, for all who stand above the model: calls and what becomes of their
 * results, loops and how they are left, and how a reader would write what the source says.
 */

#include "knowledge/kb.h"
#include "model/index.h"

/* query.c: the argument that a fact speaks of: NULL when the call has none there. */
const struct operand *call_argument(const struct call *call, int arg);
/* memset(), memcpy(), read(): what argument number `arg` points to is other bytes afterwards. */
bool api_fills(const struct api *api, int arg);
/* The function that it names without a call: readable, &readable, &Class::slot; for an operand, or a lambda. */
struct function *place_function(const struct function *fn, const struct place *place);
struct function *operand_function(const struct function *fn, const struct operand *o);
/* A call that waits, if only for nothing as poll(…, 0) does, or that calls one. */
bool call_waits(const struct call *call);
/* … and that can let time pass. */
bool call_blocks(const struct function *fn, const struct call *call);
/* How long a call waits at most, by its argument, the variable that is set once for it, or the default. */
enum limit {
	LIMIT_UNKNOWN, /* or it is no such call */
	LIMIT_NOTHING,
	LIMIT_SOME,
	LIMIT_FOREVER,
};
enum limit call_limit(const struct function *fn, const struct call *call);
/* The call, of whatever kind, does not come back. */
bool call_ends(const struct call *call);
/* ends-if.c: function of the project ends the program if the parameter is not 0, or is 0: ENDS_IF_… */
enum { ENDS_IF_TRUE = 1 << 0, ENDS_IF_FALSE = 1 << 1 };
unsigned function_ends_if(struct function *fn, int param);
/* … and it is called with such a number. */
bool call_ends_for_numbers(const struct call *call);
/* ends-if.c: no way through it comes to a return, also where its calls of itself return. */
bool function_never_returns(const struct function *fn);
/* ending.c: … if nobody defines it, because its name says so; link.c keeps the answer. */
bool call_ends_by_name(const struct function *fn, const struct call *call);
/*
 * A function that nobody defines may close or keep a descriptor that it is given by value, if its
 * name speaks of that, or of what servers do with connections.
 */
bool call_may_keep(const struct call *call);
/* Is one of n words part of its name? */
bool call_has_word(const struct call *call, const char *const *words, size_t n);
/* By its name it only tells somebody: log_error(), xwarn(), PRINT(). */
bool call_is_talk(const struct call *call);

/* callers.c: fills in `callers` of each function. */
void callers_find(void);

/* standin.c: what is known of the function's name is known better than what this definition does. */
void standins_find(void);
bool standin_is(const struct call *call, const struct function *target, const struct api *api);

/* The place whose value is what the item gave: where it was stored, or its own temporary. */
int item_result(const struct function *fn, const struct item *item);
/*
 * Somewhere after the item, before its result is overwritten, an item uses the result for which
 * `use` gives true; also when the result goes where nobody can follow it.
 */
bool item_result_has_use(const struct function *fn, const struct item *item,
			 bool (*use)(const struct function *fn, const struct item *user,
				     int place, void *data),
			 void *data);
/* The call whose result, through assignments in the function, the operand holds; or NULL. */
const struct item *operand_source(const struct function *fn, const struct operand *operand,
				  const struct item *before);

/*
 * defuse.c: the items that set a place (assignments, operators, calls), in the order of the text:
 * the last one, the one before such an item, the last one before any item, the only one; or NULL.
 */
void function_index_sets(struct function *fn);
const struct item *place_set_last(const struct function *fn, int place);
const struct item *item_set_before(const struct function *fn, const struct item *item);
const struct item *place_set_before(const struct function *fn, int place,
				    const struct item *before);
const struct item *place_set_once(const struct function *fn, int place);
/* A place that the text does not name and that nothing in the function sets; its number. */
int function_add_place(struct function *fn, const struct place *place);

const struct item *function_find_call(struct function *fn,
				      bool (*visit)(struct function *fn, const struct item *item,
						    void *data),
				      void *data);
bool item_has_role(struct function *fn, const struct item *item, void *roles);
/* alarm(), setitimer(): a signal ends what blocks some time. */
bool item_sets_alarm(struct function *fn, const struct item *item, void *data);
static inline const struct item *function_find_role(struct function *fn, uint64_t roles)
{
	return function_find_call(fn, item_has_role, &roles);
}

/*
 * `this` in QThread::run() is no parent for what is made there: the thread object lives in the thread
 * that made it, and Qt then leaves the new object without a parent. Unless the class calls moveToThread().
 */
bool function_runs_elsewhere(const struct function *fn);
/*
 * The call's receiver is a connection. A plain QIODevice may be a file, which gives what it has; one
 * that is waited for somewhere in the class, or whose readyRead somebody handles, is a socket, a pipe
 * or a line.
 */
bool device_is_connection(const struct function *fn, const struct call *call);
/* The functions stand in one file, or belong to one class. */
bool function_is_beside(const struct function *fn, const struct function *other);
/* ioctl(fd, FIONREAD, …) has asked before how many bytes are there. */
bool item_amount_was_asked(const struct function *fn, const struct item *item,
			   const struct operand *fd);

/* loops.c: the block that has the item, or -1. */
int item_block(const struct function *fn, const struct item *item);
/* Every way to the block `wanted` takes that edge of the branch at the end of the block `test`. */
bool block_is_behind(const struct function *fn, int test, int edge, int wanted);
/* The innermost loop around the item, be it made of gotos; -1: none. */
int item_loop(struct function *fn, const struct item *item);
/*
 * Marks the blocks of loop number `loop` in loop->member, by the graph and not by the text; a block
 * that ends the program belongs to none.
 */
void loop_members(struct function *fn, int loop);
/* Visits the calls of a loop's members; stops and returns the item for which visit gives true. */
const struct item *loop_find_call(struct function *fn, int loop,
				  bool (*visit)(struct function *fn, const struct item *item,
						void *data),
				  void *data);
static inline const struct item *loop_find_role(struct function *fn, int loop, uint64_t roles)
{
	return loop_find_call(fn, loop, item_has_role, &roles);
}
/* An edge leads out of the loop other than by the loop's own condition. */
struct loop_exit {
	int block;               /* in the loop */
	int edge;
	const struct item *test; /* the branch, or NULL: a return or throw */
};
enum { LOOP_EXITS = 64 };
int loop_exits(struct function *fn, int loop, struct loop_exit *exits);
/* Some item of the loop assigns to the place or to a part of it. */
bool loop_changes(struct function *fn, int loop, int place);
/* A condition of the loop compares something counted or the time with a limit. */
bool loop_is_limited(struct function *fn, int loop);

/* text.c */
const char *operand_text(const struct function *fn, const struct operand *operand);
/* socket->state(), connect(), new QLocalServer: a call as a reader writes it. */
const char *call_text(const struct function *fn, const struct item *item);
/* The source text of the call, shortened to its name when it is long. */
const char *item_text(const struct function *fn, const struct item *item);
/* The source text of the item has the word. */
bool item_mentions(const struct function *fn, const struct item *item, const char *word);
/* (void)call(…), or (void)!call(…), which quietens compilers that want more. */
bool item_is_void(const struct function *fn, const struct item *item);

/* The text of the function has the word; what only a macro has that it calls does not count. */
bool function_text_has(const struct function *fn, const char *word);

#endif
