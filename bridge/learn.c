/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learn.c - see learn.h
 *
 * Before the loop of the bridge runs, with calls that wait. A service that is not there yet is waited for, as the service
 * manager may start both at once; one that is there and does not describe itself cannot be exported.
 */
#include "errors.h"
#include "learn.h"

#include "core/idl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LEARN_INTERFACES 64u
#define LEARN_METHODS    1024u
#define LEARN_ANSWER     POSTERN_SECONDS(5) /* for each */
#define LEARN_PAUSE      POSTERN_MS(200)

/* ---- memory ---- */

void learned_interface_free(struct learned_interface *i)
{
	free(i->methods);
	free(i->names);
	free(i->description);
	free(i->name);
	*i = (struct learned_interface){ .n_methods = 0 };
}

void learned_free(struct learned *l)
{
	for (size_t i = 0; i < l->n_interfaces; i++)
		learned_interface_free(&l->interfaces[i]);
	free(l->interfaces);
	free(l->version);
	*l = (struct learned){ .n_interfaces = 0 };
}

/* ---- one description ---- */

/* With the interface's; what is behind it. */
static char *learn_join(char *at, struct idl_slice interface, struct idl_slice member)
{
	memcpy(at, interface.text, interface.n);
	at[interface.n] = '.';
	memcpy(at + interface.n + 1, member.text, member.n);
	at[interface.n + 1 + member.n] = '\0';
	return at + interface.n + 1 + member.n + 1;
}

static int learn_methods(struct learned_interface *ret, const struct idl *idl)
{
	size_t n = 0, size = 0;
	char *at;

	for (const struct idl_member *m = idl->members; m; m = m->next)
		if (m->kind == IDL_METHOD) {
			size += idl->name.n + m->node.name.n + 2;
			n++;
		}
	if (n > LEARN_METHODS)
		return -EBADMSG;
	ret->name = strndup(idl->name.text, idl->name.n);
	ret->names = at = malloc(size + 1);
	ret->methods = calloc(n + 1, sizeof(*ret->methods));
	if (!ret->name || !at || !ret->methods)
		return -ENOMEM;
	for (const struct idl_member *m = idl->members; m; m = m->next)
		if (m->kind == IDL_METHOD) {
			ret->methods[ret->n_methods++] =
				(struct learned_method){ .name = at, .flags = idl_method_flags(m) };
			at = learn_join(at, idl->name, m->node.name);
		}
	return 0;
}

int learn_description(struct learned_interface *ret, struct postern_json description)
{
	struct idl_error error;
	struct idl *idl;
	size_t size;
	void *arena;
	ssize_t n;
	int r;

	*ret = (struct learned_interface){ .n_methods = 0 };
	ret->description = malloc(description.n + 1);
	if (!ret->description)
		return -ENOMEM;
	n = postern_json_string(description, ret->description, description.n + 1);
	if (n < 0 || (size_t)n != strlen(ret->description))
		return -EBADMSG;
	size = IDL_ARENA((size_t)n);
	arena = malloc(size);
	if (!arena)
		return -ENOMEM;
	r = idl_parse(ret->description, (size_t)n, arena, size, &idl, &error);
	if (r == 0)
		r = learn_methods(ret, idl);
	free(arena);
	return r;
}

/* ---- the service ---- */

struct learn {
	const char *verb, *address;
	struct postern_caller *caller;
	int64_t until_ns; /* POSTERN_FOREVER: there is no end */
};

static int learn_failed(const struct learn *l, const char *what)
{
	output_error(l->verb, l->address, "%s", what);
	return EXIT_WRONG_TYPE;
}

/* For people who run it, on its own machine. */
static bool learn_is_own(struct postern_json name)
{
	return postern_json_equals(name, "org.varlink.service") ||
	       postern_json_equals(name, "io.postern") ||
	       postern_json_equals(name, "io.postern.Statistics") ||
	       postern_json_equals(name, "io.postern.Trace");
}

static int learn_call(const struct learn *l, const char *method, const char *in,
		      struct postern_json *ret)
{
	int64_t left = l->until_ns == POSTERN_FOREVER ? LEARN_ANSWER : l->until_ns - postern_now();

	/* One try at least, also when no time was given. */
	left = left < POSTERN_MS(10) ? POSTERN_MS(10) : left;
	return postern_caller_wait_json(l->caller, method, in, strlen(in), NULL, ret, 0,
					left < LEARN_ANSWER ? left : LEARN_ANSWER);
}

/* name: a string of JSON, quotes and all. */
static int learn_interface(const struct learn *l, struct postern_json name,
			   struct learned_interface *ret)
{
	struct learned_interface learned;
	struct postern_json answer, description;
	char in[WIRE_SUBJECT_MAX + 32];
	int r;

	if (name.n > WIRE_SUBJECT_MAX)
		return learn_failed(l, "the name of an interface of it is too long");
	snprintf(in, sizeof(in), "{\"interface\":%.*s}", (int)name.n, name.text);
	r = learn_call(l, "org.varlink.service.GetInterfaceDescription", in, &answer);
	if (r < 0)
		return output_reason(l->verb, l->address, postern_why());
	if (postern_json_find(answer, "description", &description) <= 0)
		return learn_failed(l, "its answer has no description");
	r = learn_description(&learned, description);
	if (r == 0) {
		*ret = learned;
		return EXIT_DONE;
	}
	learned_interface_free(&learned);
	if (r == -ENOMEM)
		return output_errno(l->verb, l->address, "out of memory", r);
	return r < 0 ? learn_failed(l, "the description of an interface of it cannot be read; "
				       "`postern check` says where it is wrong")
		     : EXIT_DONE;
}

static int learn_interfaces(const struct learn *l, struct postern_json names, struct learned *ret)
{
	struct postern_json_walk walk;
	struct postern_json name;
	int status = EXIT_DONE;

	if (postern_json_kind(names) != POSTERN_JSON_ARRAY || postern_json_enter(&walk, names) < 0)
		return learn_failed(l, "its answer to GetInfo has no list of interfaces");
	ret->interfaces = calloc(LEARN_INTERFACES, sizeof(*ret->interfaces));
	if (!ret->interfaces)
		return output_errno(l->verb, l->address, "out of memory", -ENOMEM);
	while (!status && postern_json_next(&walk, NULL, &name) > 0) {
		if (postern_json_equals(name, errors_interface.name)) {
			output_error(
				l->verb, l->address,
				"warning: this name is imported from NATS itself; with the --prefix of that import calls would go in circles, and fail");
			ret->is_import = true;
			continue;
		}
		if (postern_json_kind(name) != POSTERN_JSON_STRING || learn_is_own(name))
			continue;
		if (ret->n_interfaces == LEARN_INTERFACES)
			return learn_failed(l, "it has more than 64 interfaces");
		status = learn_interface(l, name, &ret->interfaces[ret->n_interfaces]);
		ret->n_interfaces += !status;
	}
	if (!status && ret->n_interfaces == 0)
		return learn_failed(l, "it has no interface of its own");
	return status;
}

static char *learn_text(struct postern_json object, const char *name)
{
	struct postern_json value = { "\"\"", 2 };
	char *text;

	if (postern_json_find(object, name, &value) <= 0 ||
	    postern_json_kind(value) != POSTERN_JSON_STRING)
		value = (struct postern_json){ "\"\"", 2 };
	text = malloc(value.n + 1);
	if (text && postern_json_string(value, text, value.n + 1) < 0)
		*text = '\0';
	return text;
}

/* The answer lives until the next call: it is copied. */
static int learn_all(const struct learn *l, struct postern_json answer, struct learned *ret)
{
	struct postern_json names;
	char *copy;
	int status;

	ret->version = learn_text(answer, "version");
	if (!ret->version || postern_json_find(answer, "interfaces", &names) <= 0)
		return learn_failed(l, "its answer to GetInfo has no list of interfaces");
	copy = malloc(names.n ? names.n : 1);
	if (!copy)
		return output_errno(l->verb, l->address, "out of memory", -ENOMEM);
	memcpy(copy, names.text, names.n);
	status = learn_interfaces(l, (struct postern_json){ copy, names.n }, ret);
	free(copy);
	return status;
}

/* Asks until there is somebody. */
static int learn_info(const struct learn *l, struct postern_json *ret)
{
	const struct timespec pause = { .tv_nsec = LEARN_PAUSE };
	bool told = false;
	int r;

	for (;;) {
		r = learn_call(l, "org.varlink.service.GetInfo", "{}", ret);
		if (r == 0)
			return EXIT_DONE;
		if (r == -EREMOTE)
			return learn_failed(
				l, "it does not describe itself (org.varlink.service.GetInfo)");
		if (r != -ENOTCONN && r != -ETIMEDOUT && r != -ECONNRESET)
			return output_reason(l->verb, l->address, postern_why());
		if (l->until_ns != POSTERN_FOREVER && postern_now() >= l->until_ns)
			break;
		if (!told)
			output_error(l->verb, l->address, "waiting for the service: %s",
				     postern_why()->text);
		told = true;
		nanosleep(&pause, NULL);
	}
	return output_reason(l->verb, l->address, postern_why());
}

int learn(struct learned *ret, const char *verb, const char *address, int64_t wait_ns)
{
	const struct postern_caller_options options = { .size = sizeof(options) };
	struct learn l = {
		.verb = verb,
		.address = address,
		.until_ns = wait_ns == POSTERN_FOREVER ? wait_ns : postern_now() + wait_ns,
	};
	struct postern_json answer;
	int r, status;

	*ret = (struct learned){ .n_interfaces = 0 };
	r = postern_caller_new(&l.caller, NULL, address, &options);
	if (r < 0) {
		output_text(verb, address, postern_why()->text);
		return r == -EPROTONOSUPPORT ? EXIT_USAGE : output_status(postern_why());
	}
	status = learn_info(&l, &answer);
	if (!status)
		status = learn_all(&l, answer, ret);
	postern_caller_free(l.caller);
	return status;
}
