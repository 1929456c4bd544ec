/* SPDX-License-Identifier: Apache-2.0 */
/* clock-watch NAME [ZONE]: prints the time whenever a service of org.example.clock tells it, until that ends */
#include "org.example.clock.h"

#include <postern.h>
#include <stdio.h>

static int status = 1;

static void on_now(struct postern_call *call, const struct postern_answer *answer,
		   const struct clock_Now_out *out, void *data)
{
	struct clock_NoSuchZone unknown;

	(void)call;
	if (out) {
		puts(out->time);
		fflush(stdout);
	}
	if (answer->end == POSTERN_END_CONTINUES)
		return;
	if (answer->end == POSTERN_END_ANSWERED)
		status = 0;
	else if (clock_is_NoSuchZone(answer, &unknown) > 0)
		fprintf(stderr, "clock-watch: there is no zone %s\n", unknown.zone);
	else
		fprintf(stderr, "clock-watch: %s\n",
			answer->error ? answer->error : answer->why->text);
	postern_loop_stop((struct postern_loop *)data);
}

int main(int argc, char **argv)
{
	POSTERN_AUTO(loop) loop = NULL;
	POSTERN_AUTO(caller) caller = NULL;
	struct clock_Now_in in = { .zone = argc > 2 ? argv[2] : NULL };

	if (argc < 2 || argc > 3 || postern_loop_new(&loop) < 0)
		return 64;
	if (postern_caller_new(&caller, loop, argv[1], NULL) < 0 ||
	    clock_Now_more(NULL, caller, &in, POSTERN_FOREVER, on_now, loop) < 0) {
		fprintf(stderr, "clock-watch: %s\n", postern_why()->text);
		return 64;
	}
	return postern_loop_run(loop) < 0 ? 1 : status;
}
