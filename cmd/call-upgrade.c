/* SPDX-License-Identifier: Apache-2.0 */
/*
 * call-upgrade.c - postern call --upgrade: a call for the connection itself, which then is stdin and stdout
 *
 * Nothing is read from stdin before the service has confirmed it: input that a failed call had read would be lost to the
 * next reader. What the service has sent behind its answer is the first output. The answer's parameters have no place in that,
 * so they are told on stderr, if there are any.
 */
#include "ask.h"
#include "copy.h"

#include <errno.h>
#include <stdlib.h>

struct call_upgrade {
	struct copy copy;
	struct ask ask;
};

static void call_upgrade_say(const struct ask *a, struct postern_json parameters)
{
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);

	if (out) {
		json_print(out, parameters, false);
		if (fclose(out) == 0 && n > 2)
			output_error(a->verb, a->address, "upgraded: %s", text);
	}
	free(text);
}

static void call_upgrade_told(struct postern_call *call, const struct postern_answer *answer,
			      void *data)
{
	struct call_upgrade *u = data;
	int r;

	if (answer->end != POSTERN_END_ANSWERED) {
		copy_end(&u->copy, ask_told(&u->ask, answer));
		return;
	}
	r = postern_call_upgrade(&u->copy.conn, call, &copy_events, &u->copy);
	if (r < 0) {
		copy_end(&u->copy, output_reason(u->copy.verb, u->copy.name, postern_why()));
		return;
	}
	call_upgrade_say(&u->ask, answer->parameters);
	copy_begin(&u->copy);
}

static int call_upgrade_start(struct call_upgrade *u, const char *method, struct postern_json in,
			      const struct fd_list *list)
{
	const struct postern_fds fds = { list->fds, list->n };
	int r = postern_caller_call_json(NULL, u->ask.caller, method, in.text, in.n, &fds,
					 POSTERN_CALL_UPGRADE, u->ask.values->deadline,
					 call_upgrade_told, u);

	return r < 0 ? output_reason(u->copy.verb, u->copy.name, postern_why())
		     : copy_run(&u->copy);
}

int call_upgrade(const struct ask_values *values, const char *method, struct postern_json in,
		 const struct fd_list *fds, int64_t idle_ns)
{
	static struct call_upgrade u;
	int status;

	u = (struct call_upgrade){
		.copy = { .verb = "call", .name = values->common.files[0], .idle_ns = idle_ns },
	};
	status = copy_init(&u.copy);
	if (!status)
		status = ask_open_on(&u.ask, u.copy.loop, "call", values);
	if (!status)
		status = call_upgrade_start(&u, method, in, fds);
	ask_close(&u.ask);
	copy_deinit(&u.copy);
	return status;
}
