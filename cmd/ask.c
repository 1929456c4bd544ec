/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ask.c - see ask.h
 *
 * The exit status says whether asking again can do harm: 69, 75 with "not sent" and 77 mean that the call has not run.
 */
#include "ask.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int ask_open_on(struct ask *a, struct postern_loop *loop, const char *verb,
		const struct ask_values *values)
{
	const struct postern_connect_options connect = {
		.size = sizeof(connect),
		.server_uids = values->server_uids.n ? values->server_uids.ids : NULL,
		.n_server_uids = values->server_uids.n,
	};
	const struct postern_caller_options options = {
		.size = sizeof(options),
		.connect = &connect,
	};
	int r;

	*a = (struct ask){ .verb = verb, .values = values };
	if (values->common.n_files == 0) {
		output_error(verb, NULL, "missing NAME; see: postern %s --help", verb);
		return EXIT_USAGE;
	}
	a->address = values->common.files[0];
	r = postern_caller_new(&a->caller, loop, a->address, &options);
	if (r == 0)
		return EXIT_DONE;
	output_text(verb, a->address, postern_why()->text);
	return r == -EPROTONOSUPPORT ? EXIT_USAGE : output_status(postern_why());
}

int ask_open(struct ask *a, const char *verb, const struct ask_values *values)
{
	return ask_open_on(a, NULL, verb, values);
}

void ask_close(struct ask *a)
{
	a->caller = postern_caller_free(a->caller);
}

/* ---- what has become of a call ---- */

static void ask_say_error(const struct ask *a, const struct postern_answer *answer)
{
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);

	if (out) {
		json_print(out, answer->parameters, false);
		if (fclose(out) != 0)
			n = 0;
	}
	/* Of most errors the name says it all. */
	if (n > 2)
		output_error(a->verb, a->address, "%s: %s", answer->error, text);
	else
		output_error(a->verb, a->address, "%s", answer->error);
	free(text);
}

static int ask_say_late(const struct ask *a)
{
	char time[32];

	duration_text(a->values->deadline ? a->values->deadline : POSTERN_SECONDS(30), time,
		      sizeof(time));
	output_error(a->verb, a->address,
		     "no answer within %s; the call may have run; wait longer with --deadline",
		     time);
	return EXIT_TRY_AGAIN;
}

int ask_told(const struct ask *a, const struct postern_answer *answer)
{
	switch (answer->end) {
	case POSTERN_END_FAILED:
		ask_say_error(a, answer);
		return EXIT_ANSWERED_ERROR;
	case POSTERN_END_TIMEOUT:
		return ask_say_late(a);
	case POSTERN_END_NOT_SENT:
		output_text(a->verb, a->address, answer->why->text);
		return output_status(answer->why);
	case POSTERN_END_NO_ANSWER:
		output_text(a->verb, a->address, answer->why->text);
		return EXIT_IO;
	default:
		return output_reason(a->verb, a->address, answer->why);
	}
}

static int ask_ended(const struct ask *a, int error)
{
	switch (error) {
	case -EREMOTE:
	case -ENOTCONN:
	case -ECONNRESET:
		return ask_told(a, postern_caller_answer(a->caller));
	case -ETIMEDOUT:
		return ask_say_late(a);
	default:
		return output_reason(a->verb, a->address, postern_why());
	}
}

/* ---- calls ---- */

static int ask_wait(struct ask *a, const char *method, struct postern_json in,
		    const struct postern_fds *fds, unsigned flags, struct postern_json *ret)
{
	*ret = (struct postern_json){ "{}", 2 };
	return postern_caller_wait_json(a->caller, method, in.text, in.n, fds, ret, flags,
					a->values->deadline);
}

int ask_call(struct ask *a, const char *method, struct postern_json in,
	     const struct postern_fds *fds, unsigned flags, struct postern_json *ret)
{
	int r = ask_wait(a, method, in, fds, flags, ret);

	return r < 0 ? ask_ended(a, r) : EXIT_DONE;
}

/* Does it say that it has no org.varlink.service? */
static bool ask_is_silent(const struct postern_answer *answer)
{
	struct postern_json interface;

	if (!strcmp(answer->error, "org.varlink.service.MethodNotFound") ||
	    !strcmp(answer->error, "org.varlink.service.MethodNotImplemented"))
		return true;
	return !strcmp(answer->error, "org.varlink.service.InterfaceNotFound") &&
	       postern_json_find(answer->parameters, "interface", &interface) > 0 &&
	       postern_json_equals(interface, "org.varlink.service");
}

int ask_itself(struct ask *a, const char *method, struct postern_json in, struct postern_json *ret)
{
	int r = ask_wait(a, method, in, NULL, 0, ret);

	if (r < 0)
		r = ask_ended(a, r);
	if (r == EXIT_ANSWERED_ERROR && ask_is_silent(postern_caller_answer(a->caller)))
		output_error(
			a->verb, a->address,
			"it does not describe itself, as services of systemd 252 do not; call works with it all the same");
	return r;
}

int ask_explain(const struct ask *a, int status, const char *what, const char *flag)
{
	const struct postern_answer *answer = postern_caller_answer(a->caller);

	if (status != EXIT_ANSWERED_ERROR)
		return status;
	if (!strcmp(answer->error, "org.varlink.service.InterfaceNotFound"))
		output_error(a->verb, a->address, "it offers no %s: its options need %s", what,
			     flag);
	else if (!strcmp(answer->error, "org.varlink.service.PermissionDenied"))
		output_error(a->verb, a->address,
			     "%s are for root and the user that the service runs as", what);
	return status;
}

int ask_next(struct ask *a, struct postern_json *ret)
{
	int64_t deadline = a->values->deadline ? a->values->deadline : POSTERN_FOREVER;
	int r;

	if (postern_caller_answer(a->caller)->end != POSTERN_END_CONTINUES)
		return -1;
	r = postern_caller_next_json(a->caller, ret, deadline);
	if (r < 0)
		return ask_ended(a, r);
	return r > 0 ? EXIT_DONE : -1;
}
