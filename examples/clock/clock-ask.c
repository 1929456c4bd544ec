/* SPDX-License-Identifier: Apache-2.0 */
/* clock-ask NAME [ZONE]: as clock-now does, in a program with a loop */
#include "org.example.clock.h"

#include <postern.h>
#include <stdio.h>

static int status = 1;

static void on_now(struct postern_call *call, const struct postern_answer *answer,
		   const struct clock_Now_out *out, void *loop)
{
	struct clock_NoSuchZone unknown;

	(void)call;
	if (answer->end == POSTERN_END_ANSWERED)
		status = puts(out->time) < 0;
	else if (clock_is_NoSuchZone(answer, &unknown) > 0)
		fprintf(stderr, "clock-ask: there is no zone %s\n", unknown.zone);
	else
		fprintf(stderr, "clock-ask: %s\n",
			answer->error ? answer->error : answer->why->text);
	postern_loop_stop((struct postern_loop *)loop);
}

int main(int argc, char **argv)
{
	POSTERN_AUTO(loop) loop = NULL;
	POSTERN_AUTO(caller) caller = NULL;
	struct clock_Now_in in = { .zone = argc > 2 ? argv[2] : NULL };

	if (argc < 2 || argc > 3 || postern_loop_new(&loop) < 0)
		return 64;
	if (postern_caller_new(&caller, loop, argv[1], NULL) < 0 ||
	    clock_Now_call(NULL, caller, &in, POSTERN_SECONDS(2), on_now, loop) < 0) {
		fprintf(stderr, "clock-ask: %s\n", postern_why()->text);
		return 64;
	}
	return postern_loop_run(loop) < 0 ? 1 : status;
}
