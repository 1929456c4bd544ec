/* SPDX-License-Identifier: Apache-2.0 */
/* The table of rules, and the findings that they give. */

#include "rules/rules.h"
#include "model/reach.h"
#include "read/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const struct rule rule_L1, rule_L2, rule_L3, rule_L4, rule_L5, rule_L6, rule_L7;
extern const struct rule rule_W3, rule_W4, rule_N2, rule_N3, rule_N4, rule_N5;
extern const struct rule rule_W1, rule_W2, rule_N1, rule_E1, rule_E5;
extern const struct rule rule_E2, rule_E3, rule_E4, rule_E6, rule_E7;

const struct rule *const rules_all[] = {
	&rule_L1, &rule_L2, &rule_L3, &rule_L4, &rule_L5, &rule_L6, &rule_L7, &rule_W1,
	&rule_W2, &rule_W3, &rule_W4, &rule_N1, &rule_N2, &rule_N3, &rule_N4, &rule_N5,
	&rule_E1, &rule_E2, &rule_E3, &rule_E4, &rule_E5, &rule_E6, &rule_E7,
};
const size_t rules_count = sizeof(rules_all) / sizeof(*rules_all);

enum { RULES_MAX_FINDINGS = 100000 };

struct finding **findings;
size_t n_findings;
static size_t findings_cap;
static bool rules_off[RULES_MAX];

const struct rule *rule_by_id(const char *id)
{
	for (size_t i = 0; i < rules_count; i++)
		if (!strcmp(rules_all[i]->id, id))
			return rules_all[i];
	return NULL;
}

void rule_select(const struct rule *rule, bool selected)
{
	for (size_t i = 0; i < rules_count; i++)
		if (rules_all[i] == rule)
			rules_off[i] = !selected;
}

static bool rule_is_off(const struct rule *rule)
{
	size_t i = 0;

	while (rules_all[i] != rule)
		i++;
	return rules_off[i];
}

static void rules_loss(struct flow *flow, const struct loss *loss)
{
	for (size_t i = 0; i < rules_count; i++)
		if (rules_all[i]->loss && (!rules_off[i] || rules_all[i]->is_asked))
			rules_all[i]->loss(flow, loss);
}

static void rules_use(struct flow *flow, const struct item *item, int resource, enum use_kind kind)
{
	for (size_t i = 0; i < rules_count; i++)
		if (rules_all[i]->use && !rules_off[i])
			rules_all[i]->use(flow, item, resource, kind);
}

static void rules_call(struct flow *flow, const struct item *item)
{
	for (size_t i = 0; i < rules_count; i++)
		if (rules_all[i]->call && !rules_off[i])
			rules_all[i]->call(flow, item);
}

static void rules_function(struct function *fn)
{
	for (size_t i = 0; i < rules_count; i++) {
		if (rules_off[i] && !rules_all[i]->is_asked)
			continue;
		if (rules_all[i]->function)
			rules_all[i]->function(fn);
		for (int loop = 0; rules_all[i]->loop && loop < fn->n_loops; loop++) {
			loop_members(fn, loop);
			rules_all[i]->loop(fn, loop);
		}
	}
}

static void rules_program(void)
{
	for (size_t i = 0; i < rules_count; i++)
		if (rules_all[i]->program && !rules_off[i])
			rules_all[i]->program();
}

const struct flow_listener rules_listener = {
	.loss = rules_loss,
	.use = rules_use,
	.call = rules_call,
	.function = rules_function,
	.program = rules_program,
};

/*
 * What the rules have said, also where it is not reported: of a line, as they say the same in every
 * state that comes by, and of an item.
 */
struct said {
	const struct rule *rule; /* NULL: free */
	const struct source *source;
	struct pos at; /* column UINT32_MAX: the line */
};

static struct {
	struct said *table;
	size_t n, cap;
} said;

static struct said *said_slot(const struct rule *rule, const struct source *source, struct pos at)
{
	size_t h = ((uintptr_t)rule >> 3) * 31 + ((uintptr_t)source >> 4) * 17 +
		   (size_t)at.row * 2654435761u + (size_t)at.col * 40503u;

	for (h &= said.cap - 1; said.table[h].rule; h = (h + 1) & (said.cap - 1))
		if (said.table[h].rule == rule && said.table[h].source == source &&
		    said.table[h].at.row == at.row && said.table[h].at.col == at.col)
			break;
	return &said.table[h];
}

static void said_grow(void)
{
	struct said *old = said.table;
	size_t n = said.cap;

	said.cap = n ? n * 2 : 1024;
	said.table = arena_alloc(&run_arena, said.cap * sizeof(struct said));
	for (size_t i = 0; i < n; i++)
		if (old[i].rule)
			*said_slot(old[i].rule, old[i].source, old[i].at) = old[i];
}

/* False: it was said already. */
static bool said_add(const struct rule *rule, const struct source *source, struct pos at)
{
	struct said *slot;

	if (said.n * 2 >= said.cap)
		said_grow();
	slot = said_slot(rule, source, at);
	if (slot->rule)
		return false;
	*slot = (struct said){ rule, source, at };
	said.n++;
	return true;
}

bool finding_is_said(const struct rule *rule, const struct function *fn, const struct item *of)
{
	return said.n && said_slot(rule, fn->source, of->at)->rule;
}

/*
 * The class starts a program with QProcess and talks to it through a local socket, and to nobody else: who
 * sends there is the program's own child.
 */
static bool finding_is_of_child(const struct function *fn)
{
	const struct type_info *type = fn->class_name ? index_type(fn->class_name) : NULL;
	bool child = false, local = false;

	for (size_t i = 0; type && i < type->n_members; i++) {
		const char *of = type->members[i].type ? type->members[i].type : "";

		if (starts_with(of, "QTcp") || starts_with(of, "QUdp"))
			return false;
		child |= !strcmp(of, "QProcess");
		local |= starts_with(of, "QLocal");
	}
	return child && local;
}

/* What no run of the program comes to, or only its tests and examples, is advice, whatever the rule. */
static enum severity finding_severity(const struct rule *rule, const struct function *fn)
{
	if (fn->source->aside || function_is_unused(fn) ||
	    (rule->id[0] == 'N' && finding_is_of_child(fn)))
		return SEVERITY_ADVICE;
	return rule->severity;
}

struct finding *finding_add_of(const struct rule *rule, const struct function *fn, struct pos at,
			       const struct pos *of, const char *format, ...)
{
	struct finding *finding;
	char message[1024];
	va_list ap;
	size_t n;

	if (fn->source->context || n_findings >= RULES_MAX_FINDINGS ||
	    !said_add(rule, fn->source, (struct pos){ at.row, UINT32_MAX }))
		return NULL;
	if (of)
		said_add(rule, fn->source, *of);
	if (rule_is_off(rule) || source_ignores(fn->source, rule->id, at.row))
		return NULL;
	va_start(ap, format);
	vsnprintf(message, sizeof(message), format, ap);
	va_end(ap);
	finding = arena_alloc(&run_arena, sizeof(*finding));
	n = strcspn(rule->cwe, ",");
	*finding = (struct finding){ .rule = rule,
				     .severity = finding_severity(rule, fn),
				     .source = fn->source,
				     .at = at,
				     .also = of ? *of : (struct pos){ UINT32_MAX, 0 },
				     .root = { UINT32_MAX, 0 },
				     .cwe = intern(rule->cwe, n),
				     .function = fn->label,
				     .message = arena_copy(&run_arena, message, strlen(message)) };
	findings = grow(findings, n_findings, &findings_cap, sizeof(struct finding *));
	findings[n_findings++] = finding;
	return finding;
}

void finding_advise(struct finding *finding)
{
	if (finding)
		finding->severity = SEVERITY_ADVICE;
}

void finding_fix(struct finding *finding, const char *format, ...)
{
	char fix[1024];
	va_list ap;

	if (!finding)
		return;
	va_start(ap, format);
	vsnprintf(fix, sizeof(fix), format, ap);
	va_end(ap);
	finding->fix = intern_z(fix);
}

void finding_edit(struct finding *finding, struct pos from, struct pos to, const char *text)
{
	struct edit *edit;

	if (!finding)
		return;
	edit = arena_alloc(&run_arena, sizeof(*edit));
	*edit = (struct edit){ from, to, text, finding->edits };
	finding->edits = edit;
}

void finding_root(struct finding *finding, struct pos root, const char *subject)
{
	if (!finding)
		return;
	finding->root = root;
	finding->subject = intern_z(subject);
}

static bool rule_is_qt_class(const char *type)
{
	return type && type[0] == 'Q' && type[1] >= 'A' && type[1] <= 'Z';
}

bool function_uses_qt(const struct function *fn)
{
	for (int i = 0; i < fn->n_places; i++)
		if (rule_is_qt_class(fn->places[i].type))
			return true;
	for (int i = 0; i < fn->n_items; i++)
		if (fn->items[i].call && rule_is_qt_class(fn->items[i].call->receiver_type))
			return true;
	return false;
}

const char *rule_clock(const struct function *fn)
{
	if (fn->source->language == SOURCE_C)
		return "`clock_gettime(CLOCK_MONOTONIC, …)`";
	return function_uses_qt(fn) ? "`QDeadlineTimer`" : "`std::chrono::steady_clock`";
}

static bool findings_share(const struct finding *a, const struct finding *b)
{
	return a->root.row != UINT32_MAX && a->rule == b->rule && a->source == b->source &&
	       a->root.row == b->root.row && a->root.col == b->root.col &&
	       a->subject == b->subject && a->severity == b->severity && !a->old && !b->old;
}

/* They are sorted: those of one source stand together. */
void findings_join(void)
{
	size_t kept = 0;

	for (size_t i = 0; i < n_findings; i++) {
		struct finding *found = NULL, **last;

		for (size_t k = kept;
		     !found && k-- > 0 && findings[k]->source == findings[i]->source;)
			if (findings_share(findings[k], findings[i]))
				found = findings[k];
		if (!found) {
			findings[kept++] = findings[i];
			continue;
		}
		for (last = &found->more; *last; last = &(*last)->more)
			;
		*last = findings[i];
	}
	n_findings = kept;
}

void findings_forget(void)
{
	free(findings);
	findings = NULL;
	n_findings = findings_cap = said.n = said.cap = 0;
}

static int finding_compare(const void *x, const void *y)
{
	const struct finding *a = *(struct finding *const *)x, *b = *(struct finding *const *)y;
	int order;

	if (a->rule->pillar != b->rule->pillar) {
		/* Resources first, then waits and input, then handling. */
		int pa = a->rule->pillar == 664 ? 0 : a->rule->pillar;
		int pb = b->rule->pillar == 664 ? 0 : b->rule->pillar;

		return (pa == 0 || pb == 0) ? pa - pb : pb - pa;
	}
	order = strcmp(a->source->path, b->source->path);
	if (!order)
		order = (a->at.row > b->at.row) - (a->at.row < b->at.row);
	if (!order)
		order = (a->at.col > b->at.col) - (a->at.col < b->at.col);
	return order ? order : strcmp(a->rule->id, b->rule->id);
}

void findings_sort(void)
{
	if (n_findings)
		qsort(findings, n_findings, sizeof(struct finding *), finding_compare);
}
