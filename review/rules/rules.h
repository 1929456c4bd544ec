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
 * and calls finding_add(). Reporting the same thing twice at one place is
 * harmless.
 */

#include "flow/state.h"

enum severity { SEVERITY_ADVICE, SEVERITY_WARNING, SEVERITY_ERROR };

struct rule {
	const char *id;
	const char *title;
	const char *cwe; /* "772,775", the fitting one first */
	int pillar;      /* 664, 707 or 703 */
	enum severity severity;
	const char *consequence; /* what the severity is for: what happens if it stays */
	bool is_asked;           /* other rules ask what it has said: it looks also when it is not selected */
	void (*loss)(struct flow *flow, const struct loss *loss);
	void (*use)(struct flow *flow, const struct item *item, int resource, enum use_kind kind);
	void (*call)(struct flow *flow, const struct item *item);
	void (*function)(struct function *fn);
	void (*loop)(struct function *fn, int loop);
	void (*program)(void);
};

/* A change of the text that is certain: what lies from `from` up to `to` becomes `text`. */
struct edit {
	struct pos from;
	struct pos to;
	const char *text;
	struct edit *next;
};

struct finding {
	const struct rule *rule;
	enum severity severity;
	struct source *source;
	struct pos at;
	struct pos also;      /* a second place, row UINT32_MAX: none */
	const char *message;
	const char *fix;      /* NULL: the rule has no advice for this code */
	struct edit *edits;   /* or NULL: the fix is in words alone */
	struct pos root;      /* what causes it, such as the call that opens; findings of one root join */
	const char *subject;  /* of two with one root: what they speak of, interned */
	struct finding *more; /* further places of the same root */
	const char *cwe;      /* the rule's first, unless said otherwise */
	const char *function;
	bool old;             /* in the baseline */
	bool fixed;           /* its edits were made */
};

extern const struct rule *const rules_all[];
extern const size_t rules_count;
enum { RULES_MAX = 64 };
const struct rule *rule_by_id(const char *id);

/* What the walk calls: it goes to every rule that is selected. */
extern const struct flow_listener rules_listener;
void rule_select(const struct rule *rule, bool selected);

/*
 * Marks the rules that a list names by their ids, CWE numbers or pillars: "L2,CWE-835,707". NULL, or
 * the first word that names none, *n bytes long.
 */
const char *rules_named(const char *list, bool named[], size_t *n);
/* Findings that have the rule's own severity get this one; what is lower stays below it. */
void rule_set_severity(const struct rule *rule, enum severity severity);
/* Once all were found. */
void findings_set_severities(void);

/*
 * Adds a finding at `at` of the function's source and returns it, so that the fix, another
 * severity or CWE can be set with finding_fix() or by hand; NULL when it is suppressed or known, or
 * its rule is not selected. `of`, or NULL, is the item that it speaks of, its second place.
 */
struct finding *finding_add_of(const struct rule *rule, const struct function *fn, struct pos at,
			       const struct pos *of, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
#define finding_add(rule, fn, at, ...) finding_add_of(rule, fn, at, NULL, __VA_ARGS__)
/*
 * The rule has spoken of the item, whether that is reported or not: whoever suppresses a finding does
 * not want the next one of the same cause.
 */
bool finding_is_said(const struct rule *rule, const struct function *fn, const struct item *of);
/* It is worth a look and no more. */
void finding_advise(struct finding *finding);
void finding_fix(struct finding *finding, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* The text from `from` to `to` (the same place: inserted there) becomes `text`. */
void finding_edit(struct finding *finding, struct pos from, struct pos to, const char *text);
/* Findings of a rule with the same root and subject are one, with several places. */
void finding_root(struct finding *finding, struct pos root, const char *subject);
/* Some object or call of the function is of Qt, so that its classes can be named in a fix. */
bool function_uses_qt(const struct function *fn);
/* What measures a deadline in the language and library of the function. */
const char *rule_clock(const struct function *fn);
extern struct finding **findings;
extern size_t n_findings;
void findings_sort(void);
/* Makes one finding of those with one root; after the baseline, so that a new place of it is told. */
void findings_join(void);
/* For several runs in one process. */
void findings_forget(void);

/* slot.c: the part of L4 that looks at who serves whose signal. */
void slot_program(void);
static inline unsigned pos_line(struct pos pos)
{
	return pos.row + 1;
}

#endif
