/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jobs-run NAME COMMAND [ARGUMENT]... - runs a command at a service of org.example.jobs, and prints what it prints
 *
 * Ends as the command did; with 69 if it has certainly not run, with 75 if nobody knows how far it came.
 */
#include "org.example.jobs.h"

#include <errno.h>
#include <postern.h>
#include <stdio.h>

static int complain(const struct postern_answer *answer)
{
	struct jobs_Full full;
	struct jobs_NotStarted failed;

	if (jobs_is_Full(answer, &full) > 0)
		fprintf(stderr, "jobs-run: %lld jobs are running already\n",
			(long long)full.running);
	else if (jobs_is_NotStarted(answer, &failed) > 0)
		fprintf(stderr, "jobs-run: not started: %s\n", failed.reason);
	else
		fprintf(stderr, "jobs-run: %s\n", postern_why()->text);
	return answer->end == POSTERN_END_NO_ANSWER ? 75 : 69;
}

int main(int argc, char **argv)
{
	POSTERN_AUTO(caller) caller = NULL;
	struct jobs_Run_in in;
	struct jobs_Run_out out;
	int r;

	if (argc < 3)
		return 64;
	in.command.items = (const char *const *)argv + 2;
	in.command.n = (size_t)argc - 2;
	if (postern_caller_new(&caller, NULL, argv[1], NULL) < 0) {
		fprintf(stderr, "jobs-run: %s\n", postern_why()->text);
		return 64;
	}
	/* It runs as long as this does. The first answer may take long too. */
	r = jobs_Run_wait_more(caller, &in, &out, POSTERN_FOREVER) < 0 ? -1 : 1;
	for (; r > 0 && !out.status.set; r = jobs_Run_next(caller, &out, POSTERN_FOREVER)) {
		if (puts(out.line ? out.line : "") < 0 || fflush(stdout) != 0)
			return 74; /* nobody reads it: leaving kills the command */
	}
	return r > 0 ? (int)out.status.value : complain(postern_caller_answer(caller));
}
