/* SPDX-License-Identifier: Apache-2.0 */
/*
 * commands.c - see commands.h
 *
 * A call's parameters, which the library has held against the interface, are the process's stdin: one line of JSON, and its
 * end. What the process prints is the answer, once it has ended with 0; that is held against the interface too, so
 * a caller never gets what the description does not say. A status of its own becomes io.postern.CommandFailed, or the error
 * that the process prints: {"error": "org.example.clock.NoSuchZone", "parameters": {...}}.
 *
 * The answer is whole when the process has ended, and not at the end of its output: a process that it has left in
 * the background may hold that open for ever.
 *
 * A process lives until it has ended, whatever happens to its call. When the peer has left, at the deadline, and at the end
 * of the server it gets SIGTERM, and SIGKILL a second later, with its whole group.
 */
#include "run.h"
#include "ask.h"

#include "core/shape.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define COMMANDS_GRACE    POSTERN_SECONDS(1) /* between SIGTERM and SIGKILL */
#define COMMANDS_DEADLINE POSTERN_SECONDS(30)
#define COMMANDS_OUTPUT   ((size_t)4 << 20) /* one message holds no more */
#define COMMANDS_DECODED  (4 * COMMANDS_OUTPUT)

#define COMMANDS_FAILED   "io.postern.CommandFailed"
#define COMMANDS_BUSY     "io.postern.Busy"

/* ---- answers ---- */

const char *run_method(const struct run *x)
{
	return x->commands->tables.interface.methods[x->method]->name;
}

static void run_fail(struct run *x, int status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void run_fail(struct run *x, int status, const char *format, ...)
{
	char text[512], json[4096];
	struct postern_json_writer w;
	va_list args;
	ssize_t n;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	output_error("serve", x->commands->options.name, "%s: %s", run_method(x), text);
	postern_json_write_begin(&w, json, sizeof(json));
	postern_json_write_object(&w);
	postern_json_write_name(&w, "status");
	postern_json_write_int(&w, status);
	postern_json_write_name(&w, "message");
	postern_json_write_text(&w, text);
	postern_json_write_end(&w);
	n = postern_json_write_finish(&w);
	/* Parts of the text are not UTF-8: the status says enough. */
	if (n < 0)
		n = snprintf(json, sizeof(json), "{\"status\":%d,\"message\":\"\"}", status);
	(void)postern_request_fail_json(x->request, COMMANDS_FAILED, json, (size_t)n);
}

/* Decoded, as a caller in C does it: a \u0000 in a string and a key that a map has twice show only there. */
static bool run_fits(const struct postern_type *type, struct postern_json value,
		     struct shape_fault *fault)
{
	ssize_t n = shape_check(type, value, 0, COMMANDS_DECODED, fault);
	size_t size = type ? (type->size + (size_t)15) & ~(size_t)15 : 0;
	char *memory;
	int r;

	if (n < 0 || !type)
		return n >= 0;
	memory = malloc(size + (size_t)n);
	if (!memory) {
		*fault = (struct shape_fault){ .what = "needs more memory than there is" };
		return false;
	}
	r = shape_decode(type, value, 0, memory, memory + size, (size_t)n, fault);
	free(memory);
	return r == 0;
}

static void run_reply(struct run *x, struct postern_json value)
{
	const struct postern_method *m = x->commands->tables.interface.methods[x->method];
	struct shape_fault fault = { .what = "is too large" };

	if (postern_json_kind(value) != POSTERN_JSON_OBJECT)
		run_fail(x, 0, "its output is not an object of JSON");
	else if (!run_fits(m->out, value, &fault))
		run_fail(x, 0, "its output is not what the interface describes: %s %s", fault.path,
			 fault.what);
	else if (postern_request_reply_json(x->request, value.text, value.n) == -EMSGSIZE)
		run_fail(x, 0, "its output is longer than a message may be");
}

/* An error of the interface, printed by a process that fails. True: it was one, and is answered. */
static bool run_reply_error(struct run *x, struct postern_json value)
{
	const struct postern_interface *i = &x->commands->tables.interface;
	struct postern_json error, parameters = { "{}", 2 };
	struct shape_fault fault;

	if (postern_json_kind(value) != POSTERN_JSON_OBJECT ||
	    postern_json_find(value, "error", &error) <= 0)
		return false;
	if (postern_json_find(value, "parameters", &parameters) < 0)
		return false;
	for (uint32_t e = 0; e < i->n_errors; e++) {
		if (!postern_json_equals(error, i->errors[e]->name) ||
		    postern_json_kind(parameters) != POSTERN_JSON_OBJECT ||
		    !run_fits(i->errors[e]->type, parameters, &fault))
			continue;
		return postern_request_fail_json(x->request, i->errors[e]->name, parameters.text,
						 parameters.n) != -EMSGSIZE;
	}
	return false;
}

static void run_answer(struct run *x, int how, int status)
{
	struct postern_json_error wrong = { .text = "" };
	struct postern_json value = { "{}", 2 };
	int r = 0;

	/* No output is an answer without fields. */
	if (x->n > 0)
		r = postern_json_check(x->output, x->n, &value, &wrong);
	if (how == CLD_EXITED && status == 0 && r < 0)
		run_fail(x, 0, "its output is not JSON, at byte %zu: %s", wrong.offset, wrong.text);
	else if (how == CLD_EXITED && status == 0)
		run_reply(x, value);
	else if (how == CLD_EXITED && r == 0 && run_reply_error(x, value))
		return;
	else if (how == CLD_EXITED)
		run_fail(x, status, "the command ended with status %d", status);
	else
		run_fail(x, 128 + status, "the command was ended by signal %d (%s)", status,
			 strsignal(status));
}

/* ---- a process ---- */

static void run_kill(struct run *x)
{
	if (x->pid == 0)
		return;
	kill(-x->pid, x->terminated ? SIGKILL : SIGTERM);
	x->terminated = true;
	postern_timer_set(x->timer, COMMANDS_GRACE);
}

/* Nobody waits for its answer any more. */
static void run_give_up(struct run *x)
{
	x->request = postern_request_free(x->request);
	if (!x->terminated)
		run_kill(x);
}

static void run_cancelled(struct postern_request *r, void *data)
{
	(void)r;
	run_give_up(data);
}

static const struct postern_request_events run_events = {
	.size = sizeof(run_events),
	.cancelled = run_cancelled,
};

static void run_due(struct postern_timer *t, void *data)
{
	struct run *x = data;

	(void)t;
	if (x->request && !x->terminated) {
		run_fail(x, 128 + SIGTERM, "the command ran longer than --deadline, and is ended");
		run_give_up(x);
	} else {
		run_kill(x);
	}
}

void run_close(struct postern_watch **watch, int *fd)
{
	*watch = postern_watch_free(*watch);
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* The parameters on one line, however the caller has written them, for a shell's read. */
static int run_make_input(struct run *x)
{
	FILE *out = open_memstream(&x->input, &x->left);

	if (!out)
		return -ENOMEM;
	json_print(out, postern_request_parameters(x->request), false);
	fputc('\n', out);
	return fclose(out) == 0 ? 0 : -ENOMEM;
}

/* A process that does not read what it is asked has answered without it. */
static void run_writable(struct postern_watch *w, uint64_t happened, void *data)
{
	struct run *x = data;
	ssize_t n = write(x->in_fd, x->input + x->sent, x->left);

	(void)w;
	(void)happened;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0) {
		x->sent += (size_t)n;
		x->left -= (size_t)n;
	}
	if (n < 0 || x->left == 0)
		run_close(&x->in, &x->in_fd);
}

static bool run_grow(struct run *x)
{
	size_t size = x->size ? 2 * x->size : 4096;
	char *larger = realloc(x->output, size);

	if (!larger)
		return false;
	x->output = larger;
	x->size = size;
	return true;
}

/* Reads what is there. */
static void run_read(struct run *x)
{
	ssize_t n;

	while (x->out_fd >= 0) {
		if (x->n == x->size && (x->n > COMMANDS_OUTPUT || !run_grow(x))) {
			if (x->request)
				run_fail(x, 128 + SIGTERM,
					 x->n > COMMANDS_OUTPUT
						 ? "its output is longer than 4 MiB"
						 : "there is no memory for its output");
			run_close(&x->out, &x->out_fd);
			run_give_up(x);
			return;
		}
		n = read(x->out_fd, x->output + x->n, x->size - x->n);
		if (n > 0)
			x->n += (size_t)n;
		else if (n < 0 && errno == EAGAIN)
			return;
		else if (
			n == 0 ||
			errno !=
				EINTR) /* the last one, of a process that has ended, has to read all */
			run_close(&x->out, &x->out_fd);
	}
}

static void run_readable(struct postern_watch *w, uint64_t happened, void *data)
{
	(void)w;
	(void)happened;
	run_read(data);
}

static void run_free(struct run *x)
{
	run_close(&x->in, &x->in_fd);
	run_close(&x->out, &x->out_fd);
	postern_timer_free(x->timer);
	postern_child_free(x->child);
	postern_request_free(x->request);
	postern_conn_free(x->conn);
	free(x->input);
	free(x->output);
	free(x);
}

void run_leave(struct run *x)
{
	struct commands *c = x->commands;
	struct run **at = &c->runs;

	while (*at != x)
		at = &(*at)->next;
	*at = x->next;
	c->n--;
	run_free(x);
	if (c->n == 0 && c->ended)
		c->ended(c->data);
}

static void run_ended(struct postern_child *child, int how, int status, void *data)
{
	struct run *x = data;
	struct commands *c = x->commands;

	(void)child;
	if (c->options.verbose)
		output_error("serve", c->options.name, "%s: process %ld ended with %s %d",
			     run_method(x), (long)x->pid, how == CLD_EXITED ? "status" : "signal",
			     status);
	x->pid = 0;
	if (c->methods[x->method].upgrades) {
		if (run_upgrade_ended(x))
			run_leave(x);
		return;
	}
	run_read(x);
	if (x->request)
		run_answer(x, how, status);
	run_leave(x);
}

/* ---- starting one ---- */

/* Both pipes, of which we keep the ends that do not block. */
static int run_pipes(struct run *x, int *ret_in, int *ret_out)
{
	int in[2], out[2];

	if (pipe2(in, O_CLOEXEC) < 0)
		return -errno;
	if (pipe2(out, O_CLOEXEC) < 0) {
		int r = -errno;

		close(in[0]);
		close(in[1]);
		return r;
	}
	x->in_fd = in[1];
	x->out_fd = out[0];
	*ret_in = in[0];
	*ret_out = out[1];
	return fcntl(in[1], F_SETFL, O_NONBLOCK) < 0 || fcntl(out[0], F_SETFL, O_NONBLOCK) < 0
		       ? -errno
		       : 0;
}

/* All that can fail before the process starts. */
static int run_prepare(struct run *x, int *ret_in, int *ret_out)
{
	struct postern_loop *loop = x->commands->loop;
	bool upgrades = x->commands->methods[x->method].upgrades;
	int r = upgrades ? run_upgrade_input(x) : run_make_input(x);

	if (r == 0)
		r = run_pipes(x, ret_in, ret_out);
	if (r == 0)
		r = postern_timer_new(&x->timer, loop, run_due, x);
	if (r == 0)
		r = postern_watch_new(&x->in, loop, x->in_fd, upgrades ? 0 : POSTERN_WATCH_WRITABLE,
				      upgrades ? run_upgrade_writable : run_writable, x);
	if (r == 0)
		r = postern_watch_new(&x->out, loop, x->out_fd,
				      upgrades ? 0 : POSTERN_WATCH_READABLE,
				      upgrades ? run_upgrade_readable : run_readable, x);
	if (r == 0)
		r = postern_request_set_events(x->request, &run_events, x);
	return r;
}

static int run_watch(struct run *x)
{
	int r = postern_child_new(&x->child, x->commands->loop, x->pid, run_ended, x);

	if (r < 0) {
		kill(-x->pid, SIGKILL);
		while (waitpid(x->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	return r;
}

static int run_start(struct run *x, const struct postern_peer *peer)
{
	const struct commands *c = x->commands;
	struct commands_method *m = &c->methods[x->method];
	struct spawn_fds fds = { .n = 0 };
	int in = -1, out = -1, r = run_prepare(x, &in, &out);

	if (r == 0)
		r = spawn_take(&fds, x->request);
	if (r == 0)
		r = spawn_start(&x->commands->spawn, m->path, m->argv, in, out, peer,
				postern_request_method(x->request), m->upgrades ? x->input : NULL,
				&fds, &x->pid);
	spawn_close(&fds);
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	if (r == 0)
		r = run_watch(x);
	if (r == 0 && c->options.deadline_ns != POSTERN_FOREVER)
		postern_timer_set(x->timer, c->options.deadline_ns);
	return r;
}

static uint32_t commands_of_uid(const struct commands *c, uid_t uid)
{
	uint32_t n = 0;

	for (const struct run *x = c->runs; x; x = x->next)
		n += x->uid == uid;
	return n;
}

static void commands_refuse(struct postern_request *r)
{
	static const char busy[] = "{\"retryAfterMs\":500}";

	(void)postern_request_fail_json(r, COMMANDS_BUSY, busy, sizeof(busy) - 1);
}

/* The number in the table; -1. */
static long commands_find(const struct commands *c, const char *method)
{
	const struct postern_interface *i = &c->tables.interface;

	for (uint32_t m = 0; m < i->n_methods; m++)
		if (!strcmp(i->methods[m]->name, method))
			return (long)m;
	return -1;
}

static void commands_start(struct commands *c, struct postern_request *r)
{
	uint32_t method = (uint32_t)commands_find(c, postern_request_method(r));
	struct postern_peer peer = { .pid = 0 };
	struct run *x;
	int error;

	postern_request_peer(r, &peer, sizeof(peer));
	if (c->n >= c->options.children || commands_of_uid(c, peer.uid) >= c->options.per_uid) {
		commands_refuse(r);
		return;
	}
	x = calloc(1, sizeof(*x));
	if (!x) {
		commands_refuse(r);
		return;
	}
	*x = (struct run){
		.commands = c, .method = method, .uid = peer.uid, .in_fd = -1, .out_fd = -1
	};
	x->request = postern_request_keep(r);
	error = x->request ? run_start(x, &peer) : -ENOMEM;
	if (error == -E2BIG && c->methods[method].upgrades) {
		/* Any client can do that: it is no error of ours. */
		run_fail(x, 126,
			 "the parameters do not fit into an environment variable (128 KiB)");
		run_free(x);
		return;
	}
	if (error < 0) {
		output_error("serve", c->options.name, "%s: cannot start %s: %s", run_method(x),
			     c->methods[method].path, strerror(-error));
		/* What may pass is worth another try. */
		if (exec_may_pass(error))
			commands_refuse(r);
		else if (x->request)
			run_fail(x, 127, "the command cannot be started");
		run_free(x);
		return;
	}
	x->next = c->runs;
	c->runs = x;
	c->n++;
	if (c->options.verbose)
		output_error("serve", c->options.name, "%s: process %ld serves %s", run_method(x),
			     (long)x->pid, output_peer(&peer).text);
	if (c->methods[method].upgrades)
		run_upgrade(x);
}

/* handlers: which methods have a command. */
static void commands_handle(const void *handlers, struct postern_request *r, const void *in,
			    void *data)
{
	(void)handlers, (void)in;
	commands_start(data, r);
}

/* ---- what is served ---- */

static int commands_incomplete(const struct commands *c)
{
	output_error(
		"serve", c->options.name,
		"each --method and --upgrade needs a method and its command: org.example.clock.Now CMD [ARG]...");
	return EXIT_USAGE;
}

static bool commands_is_option(const char *word)
{
	return !strcmp(word, "--method") || !strcmp(word, "--upgrade");
}

/* What keeps a command from being the connection of this method; NULL. */
static const char *commands_no_upgrade(const struct postern_method *m)
{
	struct shape_fault fault;

	if (!(m->flags & (POSTERN_METHOD_UPGRADE | POSTERN_METHOD_MAY_UPGRADE)))
		return "its comment does not say [Requires 'upgrade' flag]";
	if (!run_fits(m->out, (struct postern_json){ "{}", 2 }, &fault))
		return "its answer has fields that may not be left out, and a command gives none";
	return NULL;
}

static int commands_check(const struct commands *c, long number, const char *word, bool upgrades)
{
	const struct postern_method *m = c->tables.interface.methods[number];
	const char *wrong =
		upgrades ? commands_no_upgrade(m)
		: m->flags & POSTERN_METHOD_UPGRADE
			? "its comment says [Requires 'upgrade' flag]: --upgrade is for it"
			: NULL;

	if (c->methods[number].argv)
		output_error("serve", c->options.name, "%s is there twice", word);
	else if (wrong)
		output_error("serve", c->options.name, "%s: %s", word, wrong);
	else
		return EXIT_DONE;
	return EXIT_USAGE;
}

/* METHOD CMD [ARG]..., up to the next option, which becomes the end of the arguments. *at moves behind that; *upgrades is which
   of the two precedes. */
static int commands_add(struct commands *c, char ***at, bool *upgrades)
{
	char **words = *at, **end = words;
	struct commands_method *m;
	long number;
	int status;

	while (*end && !commands_is_option(*end))
		end++;
	if (end - words < 2)
		return commands_incomplete(c);
	number = commands_find(c, words[0]);
	if (number < 0) {
		output_error("serve", c->options.name, "%s has no method '%s'", c->options.file,
			     words[0]);
		return EXIT_USAGE;
	}
	status = commands_check(c, number, words[0], *upgrades);
	if (status)
		return status;
	if (strlen(words[0]) > SPAWN_METHOD) {
		output_error(
			"serve", c->options.name,
			"the name of a method is longer than %d bytes, which POSTERN_METHOD holds",
			SPAWN_METHOD);
		return EXIT_USAGE;
	}
	m = &c->methods[number];
	c->handlers[number] = commands_start;
	m->argv = words + 1;
	m->upgrades = *upgrades;
	tables_upgrade(&c->tables, (uint32_t)number, *upgrades);
	*at = *end ? end + 1 : end;
	if (*end && !*at[0])
		return commands_incomplete(c);
	*upgrades = *end && !strcmp(*end, "--upgrade");
	*end = NULL;
	return exec_look(c->options.name, m->argv[0], m->path, sizeof(m->path));
}

static int commands_read(struct commands *c)
{
	bool upgrades = c->options.upgrades != NULL;
	char **at = upgrades ? c->options.upgrades : c->options.methods;
	int status;

	c->description = (struct description){ .verb = "serve", .name = c->options.file };
	status = description_read(&c->description);
	if (!status)
		status = tables_make(&c->tables, &c->description, commands_handle);
	if (status)
		return status;
	c->methods = calloc(c->tables.interface.n_methods + 1, sizeof(*c->methods));
	c->handlers = calloc(c->tables.interface.n_methods + 1, sizeof(*c->handlers));
	if (!c->methods || !c->handlers || spawn_init(&c->spawn, c->options.name) < 0) {
		output_error("serve", c->options.name, "out of memory");
		return EXIT_TRY_AGAIN;
	}
	while (!status && *at)
		status = commands_add(c, &at, &upgrades);
	return status ? status : exec_probe(c->options.name);
}

int commands_new(struct commands **ret, const struct commands_options *options)
{
	struct commands *c = calloc(1, sizeof(*c));
	int status;

	if (!c) {
		output_error("serve", options->name, "out of memory");
		return EXIT_TRY_AGAIN;
	}
	c->options = *options;
	if (!c->options.deadline_ns)
		c->options.deadline_ns = COMMANDS_DEADLINE;
	status = commands_read(c);
	if (status)
		commands_free(c);
	else
		*ret = c;
	return status;
}

int commands_provide(struct commands *c, struct postern_loop *loop, struct postern_service *service)
{
	c->loop = loop;
	return postern_service_provide(service, &c->tables.interface, c->handlers, c);
}

uint32_t commands_running(const struct commands *c)
{
	return c->n;
}

void commands_end(struct commands *c, void (*fn)(void *data), void *data)
{
	c->ended = fn;
	c->data = data;
	for (struct run *x = c->runs; x; x = x->next)
		if (!x->terminated)
			run_kill(x);
}

struct commands *commands_free(struct commands *c)
{
	if (!c)
		return NULL;
	while (c->runs) {
		struct run *x = c->runs;

		c->runs = x->next;
		kill(-x->pid, SIGKILL);
		run_free(x);
	}
	spawn_deinit(&c->spawn);
	free(c->methods);
	free(c->handlers);
	tables_free(&c->tables);
	description_free(&c->description);
	free(c);
	return NULL;
}
