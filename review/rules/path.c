/* SPDX-License-Identifier: Apache-2.0 */
/* CWE-664: names in the file system, and descriptors that children inherit. */

#include "model/descriptor.h"
#include "model/reach.h"
#include "rules/inherit.h"
#include "rules/path-names.h"
#include "rules/rules.h"
#include "read/source.h"

#include <string.h>

extern const struct rule rule_L5, rule_L6;

enum { L6_SMALL = 4 };

/* The text of an item in the source, its first line at least. */
static bool path_mentions(const struct function *fn, const struct item *item, const char *word)
{
	if (item_mentions(fn, item, word))
		return true;
	for (uint32_t row = item->at.row; row <= item->end.row && row < item->at.row + 8; row++) {
		size_t n;
		const char *line = source_line(fn->source, row, &n);

		if (memmem(line, n, word, strlen(word)))
			return true;
	}
	return false;
}

static bool path_is_unix(const struct function *fn)
{
	for (int i = 0; i < fn->n_places; i++)
		if (fn->places[i].type && !strcmp(fn->places[i].type, "sockaddr_un"))
			return true;
	return false;
}

/* A name that begins with a zero byte: the kernel removes it with the socket. */
static bool path_speaks_of_abstract(const struct function *fn)
{
	static const char *const marks[] = { "sun_path + 1", "sun_path+1",   "sun_path[0] = ",
					     "sun_path[1]",  "sun_path[0]=", "bstract" };

	for (uint32_t row = fn->at.row; row <= fn->end.row; row++) {
		size_t n;
		const char *line = source_line(fn->source, row, &n);

		for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++)
			if (memmem(line, n, marks[i], strlen(marks[i])))
				return true;
	}
	return false;
}

/* … here, or in a helper that fills in the address. */
static bool path_is_abstract(const struct function *fn)
{
	if (path_speaks_of_abstract(fn))
		return true;
	for (int i = 0; i < fn->n_items; i++) {
		const struct call *call = fn->items[i].call;

		if (call && path_has_address(fn, &fn->items[i]) && call->target &&
		    path_speaks_of_abstract(call->target))
			return true;
	}
	return false;
}

/* snprintf(path, …, getpid()), mkdtemp(): nobody else has made one of that name. */
static bool path_is_unique(const struct function *fn, const struct item *before, int depth)
{
	static const char *const words[] = { "getpid",  "gettid", "mkdtemp",
					     "mkstemp", "mktemp", "tempnam",
					     "uuid",    "Uuid",   "applicationPid" };

	for (const struct item *item = fn->items; item < before; item++) {
		const struct call *call = item->kind == ITEM_CALL ? item->call : NULL;
		bool names = false;

		for (size_t i = 0; call && i < sizeof(words) / sizeof(*words); i++)
			names |= strstr(call->name, words[i]) != NULL;
		/* The number goes into a text, not into a file or a signal. */
		for (const struct item *user = item + 1;
		     names && strstr(call->name, "id") && user < fn->items + fn->n_items &&
		     user < item + 8;
		     user++)
			for (int k = 0;
			     user->kind == ITEM_CALL && user->call && k < user->call->n_args; k++)
				if (operand_is_place(&user->call->args[k], item->dst) &&
				    (starts_with(user->call->name, "fprintf") ||
				     starts_with(user->call->name, "dprintf") ||
				     !strcmp(user->call->name, "kill")))
					names = false;
		if (names)
			return true;
		if (call && call->target && depth > 0 &&
		    (path_has_address(fn, item) ||
		     (call->target->return_type &&
		      !strcmp(call->target->return_type, "sockaddr_un"))) &&
		    path_is_unique(call->target, call->target->items + call->target->n_items,
				   depth - 1))
			return true;
	}
	return false;
}

/* ipc_dial(path), which nobody can look into: what it answers decides, and it may ask the server. */
static bool path_is_probed(const struct function *fn, const struct item *unlink)
{
	static const char *const looks[] = { "exist", "stat", "access", "valid", "len" };
	const struct operand *path = path_of(unlink);

	for (const struct item *item = fn->items; path && item < unlink; item++) {
		const struct call *call = item->kind == ITEM_CALL ? item->call : NULL;
		bool only_looks = call && starts_with(call->name, "is_");

		if (!call || call->api || call->target || (call->flags & CALL_DROPPED) ||
		    (call->flags & (CALL_NEW | CALL_CONSTRUCT | CALL_DELETE | CALL_CAPTURE)) ||
		    call_is_talk(call))
			continue;
		for (size_t i = 0; i < sizeof(looks) / sizeof(*looks); i++)
			only_looks |= strcasestr(call->name, looks[i]) != NULL;
		for (int k = 0; !only_looks && k < call->n_args; k++)
			if (path_is_address(fn, &call->args[k]) ||
			    !strcmp(operand_text(fn, &call->args[k]), operand_text(fn, path)))
				return true;
	}
	return false;
}

static bool path_program_unlinks(const struct function *fn, const struct path_names *bound)
{
	for (size_t f = 0; f < program.n_functions; f++) {
		const struct function *other = program.functions[f];

		if (!program_shares(other->source, fn->source))
			continue;
		for (int i = 0; i < other->n_items; i++)
			if (other->items[i].kind == ITEM_CALL && other->items[i].call &&
			    api_is(other->items[i].call->api, ROLE(UNLINK)) &&
			    !path_is_another(other, &other->items[i], bound))
				return true;
	}
	return false;
}

static const uint64_t path_answers = ROLE(CONNECT) | ROLE(LOCKS) | ROLE(DIALS);

/* lockFile.lock(), acquire_pidfile_lock(): a file that only one server holds, by its name. */
static bool path_locks(const struct function *fn, const struct call *call)
{
	const char *of = call->receiver.kind ? operand_text(fn, &call->receiver) : call->name;
	const char *type = call->receiver_type ? call->receiver_type : "";
	bool locks = strcasestr(call->name, "lock") && !strcasestr(call->name, "unlock") &&
		     !strcasestr(call->name, "block") && !strcasestr(call->name, "clock");

	if (locks && strcasestr(type, "lock") && strcasestr(type, "file"))
		return true;
	/* A second one cannot create it, and can attach to it. */
	if (!strcmp(type, "QSharedMemory") &&
	    (!strcmp(call->name, "create") || !strcmp(call->name, "attach")))
		return true;
	/* … and none but the one that holds its lock looks into it. */
	if ((!strcmp(type, "QSharedMemory") && locks) ||
	    (!strcmp(type, "QSystemSemaphore") && !strcmp(call->name, "acquire")))
		return true;
	return locks && !call->target &&
	       (strcasestr(of, "file") || strcasestr(of, "pid") || strcasestr(of, "memory"));
}

/* The function of the project, or the constructor, that runs. */
static struct function *path_runs(const struct function *fn, const struct call *call)
{
	if (!call->target && call->type && (call->flags & (CALL_NEW | CALL_CONSTRUCT)))
		return index_find_method(call->type, call->type, fn->source);
	return call->target;
}

/* Whether somebody answers, or a lock that a living server would hold. */
static bool path_asks(struct function *fn, const struct item *before, int depth, uint64_t roles)
{
	for (const struct item *item = fn->items; item < before; item++) {
		struct function *target;

		if (item->kind != ITEM_CALL || !item->call)
			continue;
		if (api_is(item->call->api, roles))
			return true;
		if ((roles & ROLE(LOCKS)) && path_locks(fn, item->call))
			return true;
		target = path_runs(fn, item->call);
		if (target && depth > 0 &&
		    path_asks(target, target->items + target->n_items, depth - 1, roles))
			return true;
	}
	return false;
}

/* d->start(), where a macro declares d: it may be the one of that name beside it. */
static bool path_may_run(const struct function *fn, const struct call *call)
{
	return fn->class_name && !call->target && !call->api && call->receiver.kind &&
	       !call->receiver_type && !strcmp(call->name, fn->name);
}

static bool path_callers_ask(const struct function *fn, int depth, uint64_t roles)
{
	for (size_t i = 0; i < program.n_functions; i++) {
		struct function *caller = program.functions[i];

		for (int k = 0; k < caller->n_items; k++)
			if (caller->items[k].kind == ITEM_CALL && caller->items[k].call &&
			    (path_runs(caller, caller->items[k].call) == fn ||
			     (caller->source == fn->source &&
			      path_may_run(fn, caller->items[k].call))) &&
			    (path_asks(caller, &caller->items[k], 2, roles) ||
			     /* Farther away, a connect() is to somebody else. */
			     (depth > 0 && caller != fn &&
			      path_callers_ask(caller, depth - 1,
					       ROLE(LOCKS) | (roles & ROLE(UNLINK))))))
				return true;
	}
	return false;
}

static const struct item *path_unlink_before(struct function *fn, const struct item *bind)
{
	const struct item *found = NULL;

	for (const struct item *item = fn->items; item < bind; item++)
		if (item->kind == ITEM_CALL && item->call &&
		    api_is(item->call->api, ROLE(UNLINK)) && path_is_bound(fn, item, bind))
			found = item;
	return found;
}

static void l5_taken_over(struct function *fn, const struct item *bind, const struct item *unlink)
{
	struct finding *finding;

	if (path_asks(fn, bind, 2, path_answers) || path_callers_ask(fn, 3, path_answers) ||
	    path_is_unique(fn, bind, 2) || path_is_probed(fn, unlink))
		return;
	finding = finding_add(
		&rule_L5, fn, unlink->at,
		"The path is removed without asking whether a server is still listening on it: a second instance takes the name from the first, and the clients of the first can no longer reach it.");
	if (!finding)
		return;
	finding->also = bind->at;
	finding->cwe = "367";
	/* Customary where a server is started once; a program that a user starts twice has a second one. */
	if (!bind->call->receiver.kind && !bind->call->receiver_type)
		finding->severity = SEVERITY_ADVICE;
	finding_fix(
		finding,
		"In %s(), connect to the path before `%s`, and remove it only if that fails with ECONNREFUSED; or hold a lock file (`flock`) beside it for as long as the server runs.",
		fn->label, item_text(fn, unlink));
}

/* atexit(leave), which unlinks. */
static bool path_leaves(struct function *fn, const struct item *item, void *data)
{
	struct function *at = !strcmp(item->call->name, "atexit") && item->call->n_args
				      ? operand_function(fn, &item->call->args[0])
				      : NULL;

	(void)data;
	return at && function_find_role(at, ROLE(UNLINK));
}

static void l5_left_by_crash(struct function *fn, const struct item *bind)
{
	const uint64_t roles = path_answers | ROLE(UNLINK);
	struct finding *finding;

	if (!function_find_call(fn, path_leaves, NULL) || function_find_role(fn, ROLE(UNLINK)) ||
	    path_asks(fn, bind, 2, roles) || path_callers_ask(fn, 3, roles) ||
	    path_is_unique(fn, bind, 2) || (bind->call->flags & CALL_DROPPED))
		return;
	finding = finding_add(
		&rule_L5, fn, bind->at,
		"The path of the socket is only unlinked where the server ends: after a crash it stays, and %s() fails with EADDRINUSE.",
		bind->call->name);
	finding_advise(finding);
	finding_fix(
		finding,
		"In %s(), connect to the path before %s(), and unlink it if that fails with ECONNREFUSED; or hold a lock file (`flock`) beside it, and unlink the path once the lock is held.",
		fn->label, bind->call->name);
}

static void l5_left(struct function *fn, const struct item *bind)
{
	struct path_names bound = path_bound(fn, bind);
	struct finding *finding;

	if (path_is_abstract(fn) || path_is_removed_by_word(fn, &bound))
		return;
	if (path_program_unlinks(fn, &bound)) {
		l5_left_by_crash(fn, bind);
		return;
	}
	finding = finding_add(
		&rule_L5, fn, bind->at,
		"The path of the socket is never unlinked: it stays after the server has ended, and the next bind() fails with EADDRINUSE.");
	finding_fix(
		finding,
		"Unlink the path that %s() binds when the server ends, also on SIGTERM; at the start, unlink it if nothing answers on it.",
		fn->label);
}

/*
 * L5: a socket path is bound but never unlinked, or unlinked before bind without asking whether its
 * server is alive.
 */
static void l5_function(struct function *fn)
{
	for (int i = 0; i < fn->n_items; i++) {
		const struct item *item = &fn->items[i], *unlink;
		/* listen() in a method of a class derived from QLocalServer has no receiver. */
		bool object = item->kind == ITEM_CALL && item->call &&
			      (item->call->receiver.kind || item->call->receiver_type);

		if (item->kind != ITEM_CALL || !item->call || !fn->reached[i] ||
		    !api_is(item->call->api, object ? ROLE(LISTEN) : ROLE(BIND)))
			continue;
		if (!object && !path_is_unix(fn) && !api_is(item->call->api, ROLE(LOCAL)))
			continue;
		unlink = path_unlink_before(fn, item);
		if (unlink)
			l5_taken_over(fn, item, unlink);
		else if (!object && !api_is(item->call->api, ROLE(LOCAL)))
			/* Those who bind nothing but paths remove them on their own. */
			l5_left(fn, item);
	}
}

const struct rule rule_L5 = {
	.id = "L5",
	.title = "A socket's path is left behind, or taken from a living server",
	.cwe = "459,367",
	.pillar = 664,
	.severity = SEVERITY_WARNING,
	.consequence = "the server cannot start again, or a second one cuts off the first",
	.function = l5_function,
};

/* fcntl(fd, F_SETFD, FD_CLOEXEC), in a function of whatever name. */
static bool l6_is_setter(const struct function *fn)
{
	for (int i = 0; i < fn->n_items; i++)
		if (fn->items[i].kind == ITEM_CALL && fn->items[i].call &&
		    !strcmp(fn->items[i].call->name, "fcntl") &&
		    path_mentions(fn, &fn->items[i], "CLOEXEC"))
			return true;
	return false;
}

static bool l6_sets_cloexec(struct function *fn)
{
	for (int i = 0; i < fn->n_items; i++) {
		const struct item *item = &fn->items[i];

		/* Also where the flags are put together: type = SOCK_STREAM | SOCK_CLOEXEC. */
		if ((item->kind == ITEM_ASSIGN || item->kind == ITEM_OPERATE) &&
		    path_mentions(fn, item, "CLOEXEC"))
			return true;
		if (item->kind == ITEM_CALL && item->call &&
		    (path_mentions(fn, item, "CLOEXEC") ||
		     path_mentions(fn, item, "CLOSE_ON_EXEC") ||
		     strcasestr(item->call->name, "cloexec") ||
		     (item->call->target && item->call->target != fn &&
		      (strcasestr(item->call->target->name, "cloexec") ||
		       l6_is_setter(item->call->target)))))
			return true;
	}
	return false;
}

static bool l6_caller_sets(const struct call_site *site, const void *data)
{
	(void)data;
	return l6_sets_cloexec(site->fn);
}

/* Who calls the function that opens it marks what it gets. */
static bool l6_callers_set(const struct function *fn)
{
	return inherit_some_call(fn, l6_caller_sets, NULL);
}

/* The type comes from a caller. */
static bool l6_may_be_flagged(const struct function *fn, const struct item *item)
{
	int at = api_is(item->call->api, ROLE(ACCEPT)) ? 3 : 1;
	const struct operand *o = &item->call->args[at];

	if (item->call->n_args <= at || o->kind != OPERAND_PLACE)
		return false;
	return fn->places[o->place].kind == PLACE_PARAM;
}

static bool l6_passes_on(struct function *fn, const struct item *item, void *data)
{
	(void)data;
	return inherit_passes_on(fn, item);
}

/*
 * Programs are started in this very file, or the program is small. In a large one, whoever starts
 * programs is far away and has mostly seen to what they inherit.
 */
static bool l6_looks_for_spawns(const struct function *fn)
{
	for (size_t i = 0; i < program.n_functions; i++) {
		struct function *other = program.functions[i];

		if ((other->source == fn->source || (program.n_sources <= L6_SMALL &&
						     program_shares(other->source, fn->source))) &&
		    function_find_call(other, l6_passes_on, NULL))
			return true;
	}
	return false;
}

/* The same for all functions of a file, so it is asked once. */
static bool l6_spawns_beside(const struct function *fn)
{
	struct source *source = (struct source *)fn->source;

	if (!source->spawns)
		source->spawns = l6_looks_for_spawns(fn) ? 1 : -1;
	return source->spawns > 0;
}

/* A descriptor, or a listener that makes one. */
static bool l6_opens(const struct api *api)
{
	const struct fact *opens = api_fact(api, FACT_OPENS);

	if (!opens)
		return false;
	return strcmp(opens->word, "fd") ? api_is(api, ROLE(LISTEN)) && api_is(api, ROLE(BIND))
					 : api_is(api, ROLE(SOCKET) | ROLE(ACCEPT));
}

/* … whose flags can say so. */
static const char *l6_flag(const struct api *api)
{
	static const char *const flags[][2] = {
		{ "eventfd", "EFD_CLOEXEC" },
		{ "memfd_create", "MFD_CLOEXEC" },
		{ "timerfd_create", "TFD_CLOEXEC" },
		{ "epoll_create1", "EPOLL_CLOEXEC" },
	};

	for (size_t i = 0; api && api->name && i < sizeof(flags) / sizeof(*flags); i++)
		if (!strcmp(api->name, flags[i][0]))
			return flags[i][1];
	return NULL;
}

/* socket(AF_UNIX, SOCK_STREAM, 0): the flag goes in front of the type. */
static void l6_edit(struct finding *finding, const struct function *fn, const struct call *call)
{
	struct pos at;
	size_t n;
	const char *line;

	if (api_is(call->api, ROLE(ACCEPT) | ROLE(LISTEN)) || call->n_args < 3 || !call->arg_at)
		return;
	at = call->arg_at[1];
	line = source_line(fn->source, at.row, &n);
	if (at.col + 5 < n && starts_with(line + at.col, "SOCK_"))
		finding_edit(finding, at, at, "SOCK_CLOEXEC | ");
}

/* Code that other programs link: one of them may start programs. */
static void l6_in_library(struct function *fn, const struct item *item)
{
	const char *flag = l6_flag(item->call->api);
	const struct operand *last = &item->call->args[item->call->n_args - 1];
	struct finding *finding;

	if ((!flag && !api_is(item->call->api, ROLE(SOCKET) | ROLE(ACCEPT))) ||
	    api_fact(item->call->api, FACT_OPENS)->depth || !item->call->n_args ||
	    (flag && last->kind == OPERAND_PLACE && fn->places[last->place].kind == PLACE_PARAM &&
	     !place_set_last(fn, last->place)) ||
	    !inherit_in_library(fn) || inherit_is_gone_before(fn, item))
		return;
	finding = finding_add(
		&rule_L6, fn, item->at,
		"What %s() opens is inherited by every program that is started while it is open, and this code is for other programs, which may start some.",
		item->call->name);
	finding_advise(finding);
	if (flag)
		finding_fix(finding, "In %s(), add `%s` to the flags.", fn->label, flag);
	else
		finding_fix(finding, "In %s(), %s.", fn->label,
			    api_is(item->call->api, ROLE(ACCEPT))
				    ? "use accept4() with `SOCK_CLOEXEC`"
				    : "add `SOCK_CLOEXEC` to the type");
	if (!flag)
		l6_edit(finding, fn, item->call);
	else if (item->call->arg_at &&
		 (last->kind == OPERAND_NUMBER || last->kind == OPERAND_PLACE))
		finding_edit(finding, item->call->arg_at[item->call->n_args - 1],
			     item->call->arg_at[item->call->n_args - 1],
			     arena_printf(&run_arena, "%s | ", flag));
}

/* What a server listens on, or a client of it: a program that has it keeps the name taken, or the client waiting. */
static bool l6_is_server(const struct function *fn, const struct item *item)
{
	struct operand o = { .kind = OPERAND_PLACE, .place = item_result(fn, item) };

	return api_is(item->call->api, ROLE(ACCEPT) | ROLE(LISTEN)) ||
	       (o.place >= 0 &&
		((descriptor_kinds(fn, &o) & DESCRIPTOR_LISTENER) || inherit_is_bound(fn, item)));
}

/* … or one pair of many: each program has those of the programs before it, and is not waited for. */
static bool l6_matters(struct function *fn, const struct item *item)
{
	bool server = l6_is_server(fn, item);

	return (server ||
		(api_fact(item->call->api, FACT_OPENS)->depth > 1 && function_runs_often(fn))) &&
	       inherit_is_certain(fn, item, !server);
}

/* L6: a descriptor is inherited by children: no SOCK_CLOEXEC in a program that executes others. */
static void l6_function(struct function *fn)
{
	for (int i = 0; i < fn->n_items; i++) {
		const struct item *item = &fn->items[i];
		struct finding *finding;

		if (item->kind != ITEM_CALL || !item->call || item->call->receiver.kind ||
		    !fn->reached[i])
			continue;
		if (inherit_is_tunnel(item) && !l6_sets_cloexec(fn) && !l6_callers_set(fn) &&
		    !inherit_closes_all(fn))
			inherit_tunnel(&rule_L6, fn, item);
		if (api_fact(item->call->api, FACT_OPENS) && !l6_spawns_beside(fn) &&
		    !l6_sets_cloexec(fn) && !l6_callers_set(fn) && !inherit_closes_all(fn)) {
			if (!api_is(item->call->api, ROLE(SOCKET) | ROLE(ACCEPT)) ||
			    !l6_may_be_flagged(fn, item))
				l6_in_library(fn, item);
			continue;
		}
		if (!l6_opens(item->call->api) ||
		    /* A pair that is made beside no fork() is for the program itself. */
		    (api_fact(item->call->api, FACT_OPENS)->depth > 1 &&
		     !function_find_role(fn, ROLE(FORK))) ||
		    l6_may_be_flagged(fn, item) || !l6_spawns_beside(fn) || l6_sets_cloexec(fn) ||
		    l6_callers_set(fn) || inherit_closes_all(fn) ||
		    inherit_opens_too_late(fn, item) || inherit_is_closed_before(fn, item) ||
		    inherit_is_gone_before(fn, item))
			continue;
		finding = finding_add(
			&rule_L6, fn, item->at,
			"What %s() opens is inherited by every program that this one starts. That program keeps the connection open, and can read and write it.",
			item->call->name);
		if (finding && !l6_matters(fn, item))
			finding->severity = SEVERITY_ADVICE;
		finding_fix(finding, "In %s(), %s.", fn->label,
			    api_is(item->call->api, ROLE(ACCEPT))
				    ? "use accept4() with `SOCK_CLOEXEC`"
			    : api_is(item->call->api, ROLE(LISTEN))
				    ? "set the close-on-exec flag of the call"
				    : "add `SOCK_CLOEXEC` to the type");
		l6_edit(finding, fn, item->call);
	}
}

const struct rule rule_L6 = {
	.id = "L6",
	.title = "A descriptor is inherited by programs that are started",
	.cwe = "403",
	.pillar = 664,
	.severity = SEVERITY_WARNING,
	.consequence = "a started program keeps the connection open, and can read and write it",
	.function = l6_function,
};
