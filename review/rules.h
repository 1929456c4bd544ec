/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REVIEW_RULES_H
#define REVIEW_RULES_H

/*
 * What a rule is, and what it may ask.
 *
 * A rule is one constant in the file of its family, named in the table of rules.c. It fills the
 * callbacks it needs:
 *
 *	loss      a resource is open and nothing names it any more; after the whole function was
 *	          walked, so that the resource's `closed` tells whether any way closes it
 *	use       a closed or failed resource is used
 *	call      a call is about to happen, once per state that reaches it
 *	function  the function was walked; for questions on its items, blocks and loops
 *	loop      each loop of the function, its members marked
 *	program   all functions were walked
 *
 * and calls finding_add(). Saying the same twice at one place is no harm.
 */

#include "index.h"
#include "state.h"

enum severity { SEVERITY_ADVICE, SEVERITY_WARNING, SEVERITY_ERROR };

enum use_kind {
	USE_AFTER_CLOSE,
	USE_CLOSE_AGAIN,
	USE_FAILED,    /* it is known to have failed */
	USE_UNCHECKED, /* it may have failed, and no condition asked */
};

struct rule {
	const char *id;
	const char *title;
	const char *cwe; /* "772,775", the fitting one first */
	int pillar;      /* 664, 707 or 703 */
	enum severity severity;
	void (*loss)(struct flow *flow, const struct loss *loss);
	void (*use)(struct flow *flow, const struct item *item, int resource, enum use_kind kind);
	void (*call)(struct flow *flow, const struct item *item);
	void (*function)(struct function *fn);
	void (*loop)(struct function *fn, int loop);
	void (*program)(void);
};

struct finding {
	const struct rule *rule;
	enum severity severity;
	struct source *source;
	struct pos at;
	struct pos also;      /* a second place, row UINT32_MAX: none */
	const char *message;
	const char *mend;     /* NULL: the rule has no advice for this code */
	const char *cwe;      /* the rule's first, unless said otherwise */
	const char *function;
	bool old;             /* in the baseline */
};

extern const struct rule *const rules_all[];
extern const size_t rules_count;
const struct rule *rule_by_id(const char *id);

/* The engine calls these; they go to every rule that is selected. */
void rules_loss(struct flow *flow, const struct loss *loss);
void rules_use(struct flow *flow, const struct item *item, int resource, enum use_kind kind);
void rules_call(struct flow *flow, const struct item *item);
void rules_function(struct function *fn);
void rules_program(void);
void rule_select(const struct rule *rule, bool selected);
bool rule_is_selected(const struct rule *rule);

/*
 * Adds a finding at `at` of the function's source and returns it, so that the mend, another
 * severity or CWE can be set with finding_mend() or by hand; NULL when it is suppressed or known.
 */
struct finding *finding_add(const struct rule *rule, const struct function *fn, struct pos at,
			    const char *format, ...) __attribute__((format(printf, 4, 5)));
void finding_mend(struct finding *finding, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
extern struct finding **findings;
extern size_t n_findings;
void findings_sort(void);
/* For several runs in one process. */
void findings_forget(void);

/* How a reader would name a resource: its variable, or what opened it. */
const char *resource_name(const struct flow *flow, int resource);
/* The function that opened it: socket(), new QLocalServer. */
const char *resource_origin(const struct flow *flow, int resource);
const char *operand_text(const struct function *fn, const struct operand *operand);
/* socket->state(), connect(), new QLocalServer: a call as a reader writes it. */
const char *call_text(const struct function *fn, const struct item *item);
static inline unsigned pos_line(struct pos pos)
{
	return pos.row + 1;
}

/* query.c: questions on functions and loops. */

/* Visits the calls of a loop's members; stops and returns the item for which visit gives true. */
const struct item *loop_find_call(struct function *fn, int loop,
				  bool (*visit)(struct function *fn, const struct item *item,
						void *data),
				  void *data);
const struct item *function_find_call(struct function *fn,
				      bool (*visit)(struct function *fn, const struct item *item,
						    void *data),
				      void *data);
bool item_has_role(struct function *fn, const struct item *item, void *roles);
static inline const struct item *loop_find_role(struct function *fn, int loop, uint64_t roles)
{
	return loop_find_call(fn, loop, item_has_role, &roles);
}
static inline const struct item *function_find_role(struct function *fn, uint64_t roles)
{
	return function_find_call(fn, item_has_role, &roles);
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
/* The call whose result, through assignments in the function, the operand holds; or NULL. */
const struct item *operand_source(const struct function *fn, const struct operand *operand,
				  const struct item *before);
/* A condition of the loop compares something counted or the time with a limit. */
bool loop_is_limited(struct function *fn, int loop);

#endif
