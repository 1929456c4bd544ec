/* SPDX-License-Identifier: Apache-2.0 */
/* clock-now NAME [ZONE]: prints the time that a service of org.example.clock tells, or says within a deadline why not */
#include "org.example.clock.h"

#include <errno.h>
#include <postern.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	POSTERN_AUTO(caller) caller = NULL;
	struct clock_Now_in in = { .zone = argc > 2 ? argv[2] : NULL };
	struct clock_NoSuchZone unknown;
	struct clock_Now_out out;
	int r;

	if (argc < 2 || argc > 3)
		return 64;
	if (postern_caller_new(&caller, NULL, argv[1], NULL) < 0) {
		fprintf(stderr, "clock-now: %s\n", postern_why()->text);
		return 64;
	}
	r = clock_Now_wait(caller, &in, &out, POSTERN_SECONDS(2));
	if (r == 0) {
		puts(out.time);
		return 0;
	}
	if (r == -EREMOTE && clock_is_NoSuchZone(postern_caller_answer(caller), &unknown) > 0)
		fprintf(stderr, "clock-now: there is no zone %s\n", unknown.zone);
	else
		fprintf(stderr, "clock-now: %s\n", postern_why()->text);
	return 1;
}
